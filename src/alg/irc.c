/*
 * IRC (RFC 1459, 2812; message tags by IRCv3) for its DCC: two users exchange files and words over a connection of their
 * own, which one of them offers in a message to the other (CTCP: a text between bytes 1).
 *
 *   PRIVMSG friend :\1DCC SEND file host port size\1       host is a decimal number, or an IPv6 address as text
 *
 * Read are the offers of who opened the control connection: the other user, who may be anybody, connects to his port. He may
 * offer only his own address. An offer with port 0 asks the other to wait (passive DCC): its answer is an offer by who
 * waits. RESUME and ACCEPT speak of a port that was offered before. Offers that the server passes on are not read: what they
 * make the client do is a connection out, which is for a rule to allow, not for a stranger; nor may a stranger's broken
 * offer cut the connection of who gets it.
 *
 * A connection that does not begin as IRC does is not listened to: browsers can be made to send somebody's text to any port.
 */
#include "alg/alg.h"
#include "alg/lines.h"
#include "packet/packet.h"

/* 512 bytes (RFC 2812, 2.3) behind at most 4096 of tags that a client may send (IRCv3, Message Tags, "Size limit"). */
#define IRC_LINE_BYTES_MAX 4608u

#define IRC_EXPECTATIONS_MAX 16u /* offers that wait at once */

#define CTCP_MARK '\1'

struct irc_memory {
    bool begun; /* the first line was one that IRC begins with */
};

static struct irc_memory *memory_of(const struct hearing *hearing)
{
    return (struct irc_memory *)(void *)hearing->memory;
}

/* What a client says before it is registered (RFC 2812, 3.1; IRCv3, Capability Negotiation; gateways of web clients). */
static bool is_beginning(struct span verb)
{
    static const char *const beginnings[] = {"PASS", "NICK", "USER", "CAP", "AUTHENTICATE", "WEBIRC", "SERVICE"};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (span_is(verb, beginnings[i]))
            return true;
    return false;
}

/* Is it an offer with host and port? TSEND and SCHAT are variants of clients. */
static bool is_offer(struct span type)
{
    return span_is(type, "SEND") || span_is(type, "CHAT") || span_is(type, "TSEND") || span_is(type, "SCHAT");
}

/* A file's name: one word, or any between quotes. */
static void skip_name(struct span *rest)
{
    if (span_take(rest, '"'))
        span_until(rest, '"');
    else
        span_word(rest);
}

static bool read_host(struct span text, struct address *address)
{
    struct span rest = text;
    uint32_t host;
    if (span_number(&rest, UINT32_MAX, &host) && rest.length == 0) {
        *address = address_v4(host);
        return true;
    }
    return span_address(text, address);
}

static bool read_port(struct span text, uint32_t *port)
{
    return span_number(&text, UINT16_MAX, port) && text.length == 0;
}

static void hear_offer(struct hearing *hearing, const struct speech *speech, struct span rest)
{
    struct address address;
    uint32_t port;
    skip_name(&rest);
    struct span host = span_word(&rest), number = span_word(&rest);
    if (!read_host(host, &address) || !read_port(number, &port)) {
        hearing_refuse(hearing, "a DCC offer whose host or port cannot be read");
    } else if (!speech_own(speech, address)) {
        if (speech->strict && port != 0)
            hearing_refuse(hearing, "a DCC offer of a host that is not the client");
    } else if (port != 0) {
        const struct expected expected = {
            .anybody = true,
            .dst = address,
            .dst_port = (uint16_t)port,
            .protocol = PROTOCOL_TCP,
        };
        hearing_expect(hearing, speech, &expected);
    }
}

/* What is said to somebody. */
static void hear_text(struct hearing *hearing, const struct speech *speech, struct span text)
{
    if (!span_take(&text, CTCP_MARK))
        return;
    struct span rest = span_until(&text, CTCP_MARK);
    if (!span_is(span_word(&rest), "DCC") || !is_offer(span_word(&rest)))
        return;
    hear_offer(hearing, speech, rest);
}

static void hear_line(struct hearing *hearing, const struct speech *speech, struct span line)
{
    struct span rest = span_trim(line);
    if (speech->strict && span_has_nul(line))
        hearing_refuse(hearing, "an IRC line with a NUL");
    if (rest.length > 0 && rest.at[0] == '@')
        span_word(&rest);
    if (rest.length > 0 && rest.at[0] == ':')
        span_word(&rest);
    struct span verb = span_word(&rest);
    if (verb.length == 0)
        return;
    if (!memory_of(hearing)->begun && !is_beginning(verb)) {
        hearing->deaf = DEAF_FOREIGN;
        return;
    }
    memory_of(hearing)->begun = true;
    if (!span_is(verb, "PRIVMSG") && !span_is(verb, "NOTICE"))
        return;
    span_word(&rest);
    if (span_take(&rest, ':'))
        hear_text(hearing, speech, rest);
}

static size_t hear(struct hearing *hearing, const struct speech *speech)
{
    struct span line;
    size_t done = 0, length;
    if (speech->direction != ORIGINAL)
        return speech->length;
    while (hearing->refused == NULL && hearing->deaf == DEAF_NOT &&
           (length = lines_first(speech->bytes + done, speech->length - done, &line)) > 0) {
        hear_line(hearing, speech, line);
        done += length;
    }
    return done;
}

const struct alg alg_irc = {
    .name = "irc",
    .message_bytes_max = IRC_LINE_BYTES_MAX,
    .expectations_max = IRC_EXPECTATIONS_MAX,
    .hear = hear,
};
