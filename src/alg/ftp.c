/*
 * FTP (RFC 959; RFC 2428 for EPRT, EPSV and IPv6; RFC 2389 for the shape of replies; RFC 4217 for AUTH TLS).
 *
 * The client announces where it waits (PORT, EPRT) or asks the server to (PASV, EPSV) and is told (227, 229). Each side may
 * announce only its own address: a third one's is the bounce attack (RFC 2577, 3). Replies are told apart by keeping the
 * commands that wait for one in a queue; a 227 that nobody asked for announces nothing.
 */
#include <string.h>

#include "alg/alg.h"
#include "alg/lines.h"
#include "packet/packet.h"

/* A path may have 4096 bytes (PATH_MAX of Linux), doubled nowhere. */
#define FTP_LINE_BYTES_MAX 4352u

/* One transfer at a time waits for its data connection; a further one covers the hand-over between two. */
#define FTP_EXPECTATIONS_MAX 2u

#define FTP_QUEUE_MAX 64u /* commands without a reply; clients that send ahead send a handful */
#define FTP_TRANSFER 1u   /* the only tag: an announcement takes the place of the one before */

enum asked { ASKED_OTHER, ASKED_ACTIVE, ASKED_PASV, ASKED_EPSV, ASKED_AUTH };

struct ftp_memory {
    bool greeted;        /* the server has said its greeting */
    bool epsv_only;      /* EPSV ALL: no other way to announce from here on (RFC 2428, 4) */
    uint16_t multi_line; /* the code of a reply that has begun with "NNN-"; 0: none */
    uint8_t first, count;
    uint8_t queue[FTP_QUEUE_MAX]; /* enum asked, a ring */
};

_Static_assert(sizeof(struct ftp_memory) <= FAMILY_MEMORY_BYTES, "what FTP remembers fits a family's memory");

static struct ftp_memory *memory_of(const struct hearing *hearing)
{
    return (struct ftp_memory *)(void *)hearing->memory;
}

static void announce(struct hearing *hearing, const struct speech *speech, uint32_t port)
{
    const struct expected expected = {
        .src = speech->listener,
        .dst = speech->speaker,
        .dst_port = (uint16_t)port,
        .protocol = PROTOCOL_TCP,
        .tag = FTP_TRANSFER,
    };
    hearing_withdraw(hearing, FTP_TRANSFER, GRACE_OWN_END);
    hearing_expect(hearing, speech, &expected);
}

/* h1,h2,h3,h4,p1,p2 */
static bool read_six(struct span text, struct address *address, uint32_t *port)
{
    uint32_t numbers[6];
    for (unsigned i = 0; i < 6; i++)
        if (!span_number(&text, 255, &numbers[i]) || (i < 5 && !span_take(&text, ',')))
            return false;
    *address = address_v4(numbers[0] << 24 | numbers[1] << 16 | numbers[2] << 8 | numbers[3]);
    *port = numbers[4] << 8 | numbers[5];
    return true;
}

/* <d>protocol<d>address<d>port<d>, all but the port empty in a 229 reply (RFC 2428, 2 and 3). */
static bool read_extended(struct span text, bool reply, struct address *address, uint32_t *port)
{
    if (text.length == 0 || text.at[0] < 33 || text.at[0] > 126)
        return false;
    char separator = (char)text.at[0];
    span_take(&text, separator);
    struct span family = span_until(&text, separator), where = span_until(&text, separator);
    if (!span_number(&text, 65535, port) || !span_take(&text, separator))
        return false;
    if (reply)
        return true;
    bool v4 = span_is(family, "1"), v6 = span_is(family, "2");
    return (v4 || v6) && span_address(where, address) && address_is_v4(*address) == v4;
}

static void ask(struct hearing *hearing, enum asked asked)
{
    struct ftp_memory *memory = memory_of(hearing);
    if (memory->count == FTP_QUEUE_MAX) {
        hearing_refuse(hearing, "more commands than anybody sends before a reply");
        return;
    }
    memory->queue[(memory->first + memory->count++) % FTP_QUEUE_MAX] = (uint8_t)asked;
}

static void hear_active(struct hearing *hearing, const struct speech *speech, bool extended, struct span argument)
{
    struct address address;
    uint32_t port;
    bool read = extended ? read_extended(argument, false, &address, &port) : read_six(argument, &address, &port);
    ask(hearing, ASKED_ACTIVE);
    if (memory_of(hearing)->epsv_only)
        hearing_refuse(hearing, "PORT or EPRT after EPSV ALL");
    else if (!read && speech->strict)
        hearing_refuse(hearing, "a PORT or EPRT that cannot be read");
    else if (read && !address_equal(address, speech->speaker))
        hearing_refuse(hearing, "PORT or EPRT to a host that is not the client");
    else if (read)
        announce(hearing, speech, port);
}

/* Telnet's commands may stand before a line, as they do before ABOR (RFC 959, 4.1.3). */
static struct span without_telnet(struct span line)
{
    while (line.length > 0 && line.at[0] >= 240)
        line = (struct span){line.at + 1, line.length - 1};
    return line;
}

static bool is_verb(struct span verb)
{
    for (size_t i = 0; i < verb.length; i++)
        if ((verb.at[i] | 0x20) < 'a' || (verb.at[i] | 0x20) > 'z')
            return false;
    return verb.length >= 3 && verb.length <= 8;
}

static void hear_command(struct hearing *hearing, const struct speech *speech, struct span line)
{
    struct ftp_memory *memory = memory_of(hearing);
    struct span rest = without_telnet(line), verb = span_word(&rest);
    if (speech->strict && (span_has_nul(line) || !is_verb(verb)))
        hearing_refuse(hearing, "a line that is no FTP command");
    if (span_is(verb, "PORT") || span_is(verb, "EPRT")) {
        hear_active(hearing, speech, span_is(verb, "EPRT"), rest);
    } else if (span_is(verb, "PASV")) {
        if (memory->epsv_only)
            hearing_refuse(hearing, "PASV after EPSV ALL");
        ask(hearing, ASKED_PASV);
    } else if (span_is(verb, "EPSV")) {
        memory->epsv_only |= span_is(rest, "ALL");
        ask(hearing, span_is(rest, "ALL") ? ASKED_OTHER : ASKED_EPSV);
    } else {
        ask(hearing, span_is(verb, "AUTH") ? ASKED_AUTH : ASKED_OTHER);
    }
}

/* Takes the command that a final reply of this CODE answers off the queue. */
static enum asked answered(struct hearing *hearing, const struct speech *speech, uint32_t code)
{
    struct ftp_memory *memory = memory_of(hearing);
    enum asked wanted = code == 227 ? ASKED_PASV : code == 229 ? ASKED_EPSV : ASKED_OTHER;
    if (!memory->greeted) {
        memory->greeted = true;
        if (memory->count == 0 || code == 220)
            return ASKED_OTHER;
    }
    if (memory->count == 0) {
        if (speech->strict && code != 421)
            hearing_refuse(hearing, "a reply that nobody asked for");
        return ASKED_OTHER;
    }
    /* A server that answers a command twice must not keep the client from its passive transfer: look further. */
    uint8_t ahead = 0;
    while (wanted != ASKED_OTHER && ahead < memory->count &&
           memory->queue[(memory->first + ahead) % FTP_QUEUE_MAX] != wanted)
        ahead++;
    if (ahead == memory->count || (ahead > 0 && speech->strict))
        ahead = 0;
    enum asked asked = memory->queue[(memory->first + ahead) % FTP_QUEUE_MAX];
    memory->first = (uint8_t)((memory->first + ahead + 1) % FTP_QUEUE_MAX);
    memory->count = (uint8_t)(memory->count - ahead - 1);
    return asked;
}

static void hear_passive(struct hearing *hearing, const struct speech *speech, uint32_t code, struct span text)
{
    struct address address = speech->speaker;
    uint32_t port;
    if (code == 229) {
        span_until(&text, '(');
    } else {
        while (text.length > 0 && (text.at[0] < '0' || text.at[0] > '9'))
            text = (struct span){text.at + 1, text.length - 1};
    }
    bool read = code == 229 ? read_extended(text, true, &address, &port) : read_six(text, &address, &port);
    if (!read && speech->strict)
        hearing_refuse(hearing, "a 227 or 229 reply that cannot be read");
    else if (read && !address_equal(address, speech->speaker))
        hearing_refuse(hearing, "a 227 reply that names a host that is not the server");
    else if (read)
        announce(hearing, speech, port);
}

/* The last line of a reply. */
static void hear_reply(struct hearing *hearing, const struct speech *speech, uint32_t code, struct span text)
{
    if (code < 200)
        return;
    enum asked asked = answered(hearing, speech, code);
    if ((asked == ASKED_PASV && code == 227) || (asked == ASKED_EPSV && code == 229))
        hear_passive(hearing, speech, code, text);
    else if (asked == ASKED_ACTIVE && code >= 400)
        hearing_withdraw(hearing, FTP_TRANSFER, GRACE_OWN_END);
    else if (asked == ASKED_AUTH && (code == 234 || code == 235))
        hearing->deaf = DEAF_ENCRYPTED;
}

static void hear_reply_line(struct hearing *hearing, const struct speech *speech, struct span line)
{
    struct ftp_memory *memory = memory_of(hearing);
    struct span rest = line;
    uint32_t code = 0;
    bool coded = line.length >= 3 && span_number(&rest, 999, &code) && line.length - rest.length == 3 && code >= 100;
    bool last = rest.length == 0 || rest.at[0] == ' ', more = rest.length > 0 && rest.at[0] == '-';
    if (speech->strict && span_has_nul(line))
        hearing_refuse(hearing, "a reply with a NUL");
    if (memory->multi_line != 0) {
        if (!coded || code != memory->multi_line || !last)
            return;
        memory->multi_line = 0;
        hear_reply(hearing, speech, code, rest);
    } else if (coded && more) {
        memory->multi_line = (uint16_t)code;
    } else if (coded && last) {
        hear_reply(hearing, speech, code, rest);
    } else if (speech->strict) {
        hearing_refuse(hearing, "a line that is no FTP reply");
    }
}

static size_t hear(struct hearing *hearing, const struct speech *speech)
{
    struct span line;
    size_t done = 0, length;
    while (hearing->refused == NULL && hearing->deaf == DEAF_NOT &&
           (length = lines_first(speech->bytes + done, speech->length - done, &line)) > 0) {
        if (speech->direction == ORIGINAL)
            hear_command(hearing, speech, line);
        else
            hear_reply_line(hearing, speech, line);
        done += length;
    }
    return done;
}

const struct alg alg_ftp = {
    .name = "ftp",
    .message_bytes_max = FTP_LINE_BYTES_MAX,
    .expectations_max = FTP_EXPECTATIONS_MAX,
    .hear = hear,
};
