/*
 * PPTP (RFC 2637): two hosts agree on calls, whose packets go between them in GRE.
 *
 * Each side chooses the call id that the other's GRE packets are to carry (4.1). An outgoing call is asked for by the PNS and
 * answered by the PAC (2.7, 2.8); an incoming one is asked for by the PAC, answered by the PNS, and stands when the PAC says
 * that it does (2.9 to 2.11). Then each direction is announced: from that host to this one with this call id. A direction
 * waits, again whenever it has idled out, until its call is cleared (2.12, 2.13) or the control connection ends.
 *
 * Either side may be the PNS (1.2), of some calls even both. An answer to what nobody asked announces nothing. What goes
 * within the tunnel is not looked at.
 */
#include "alg/alg.h"
#include "base/reader.h"
#include "packet/packet.h"

#define PPTP_MAGIC 0x1a2b3c4du        /* RFC 2637, 1.4 */
#define PPTP_HEADER_BYTES 12u         /* to Reserved0 (1.4) */
#define PPTP_MESSAGE_BYTES_MAX 220u   /* the longest, Incoming-Call-Request (2.9) */
#define PPTP_CALLS_MAX 64u            /* at once on one control connection; further ones are not heard of */
#define PPTP_EXPECTATIONS_MAX (2 * PPTP_CALLS_MAX)
#define PPTP_WAIT_MS 3600000u         /* a silent call waits as long as an established TCP connection may idle */
#define PPTP_GRACE_MS 5000u           /* GRE packets that were on their way when the call was cleared; as TIME_WAIT's halves */

enum { PPTP_CONTROL = 1, PPTP_CONNECTED = 1 };

enum pptp_message {
    PPTP_STOP_REQUEST = 3,
    PPTP_OUTGOING_REQUEST = 7,
    PPTP_OUTGOING_REPLY = 8,
    PPTP_INCOMING_REQUEST = 9,
    PPTP_INCOMING_REPLY = 10,
    PPTP_INCOMING_CONNECTED = 11,
    PPTP_CALL_CLEAR = 12,
    PPTP_CALL_DISCONNECT = 13,
    PPTP_MESSAGE_COUNT = 16,
};

/* How long each is (RFC 2637, 2.1 to 2.15). */
static const uint8_t message_bytes[PPTP_MESSAGE_COUNT] = {0, 156, 156, 16, 16, 16, 20, 168, 32, 220, 24, 28, 16, 148, 40, 24};

enum stage { CALL_NONE, CALL_OUTGOING, CALL_INCOMING, CALL_ANSWERED, CALL_STANDS };

struct call {
    uint16_t id[DIRECTION_COUNT]; /* as chosen by who speaks in this direction */
    uint8_t stage;                /* enum stage */
    uint8_t asker;                /* enum direction: who has asked for it */
};

struct pptp_memory {
    struct call calls[PPTP_CALLS_MAX];
};

_Static_assert(sizeof(struct pptp_memory) <= FAMILY_MEMORY_BYTES, "what PPTP remembers fits a family's memory");

static struct call *calls_of(const struct hearing *hearing)
{
    return ((struct pptp_memory *)(void *)hearing->memory)->calls;
}

static uint32_t tag_of(const struct hearing *hearing, const struct call *call)
{
    return (uint32_t)(call - calls_of(hearing)) + 1;
}

/* The call in STAGE that ASKER asked for and that WHO has given ID; NULL without one. */
static struct call *call_of(const struct hearing *hearing, enum stage stage, enum direction asker, enum direction who,
                            uint16_t id)
{
    struct call *calls = calls_of(hearing);
    for (unsigned i = 0; i < PPTP_CALLS_MAX; i++)
        if (calls[i].stage == stage && calls[i].asker == asker && calls[i].id[who] == id)
            return &calls[i];
    return NULL;
}

/* SPEECH's speaker asks for a call. */
static void ask(const struct hearing *hearing, const struct speech *speech, enum stage stage, uint16_t id)
{
    struct call *calls = calls_of(hearing);
    if (call_of(hearing, stage, speech->direction, speech->direction, id) != NULL)
        return;
    for (unsigned i = 0; i < PPTP_CALLS_MAX; i++) {
        if (calls[i].stage != CALL_NONE)
            continue;
        calls[i].stage = (uint8_t)stage;
        calls[i].asker = (uint8_t)speech->direction;
        calls[i].id[speech->direction] = id;
        return;
    }
}

static void forget(struct call *call)
{
    *call = (struct call){.stage = CALL_NONE};
}

/* Packets to TO may carry the id that he has chosen. */
static void announce(struct hearing *hearing, const struct speech *speech, const struct call *call, enum direction to)
{
    bool to_speaker = to == speech->direction;
    const struct expected expected = {
        .src = to_speaker ? speech->listener : speech->speaker,
        .dst = to_speaker ? speech->speaker : speech->listener,
        .dst_port = call->id[to],
        .protocol = PROTOCOL_GRE,
        .again = true,
        .tag = tag_of(hearing, call),
        .wait_ms = PPTP_WAIT_MS,
    };
    hearing_expect(hearing, speech, &expected);
}

static void stand(struct hearing *hearing, const struct speech *speech, struct call *call)
{
    call->stage = CALL_STANDS;
    announce(hearing, speech, call, ORIGINAL);
    announce(hearing, speech, call, REPLY);
}

static void end(struct hearing *hearing, struct call *call)
{
    if (call->stage == CALL_STANDS)
        hearing_withdraw(hearing, tag_of(hearing, call), PPTP_GRACE_MS);
    forget(call);
}

/* The speaker answers the call to which the other gave PEER_ID. */
static void answer(struct hearing *hearing, const struct speech *speech, enum stage asked, uint16_t id, uint16_t peer_id,
                   bool accepts)
{
    enum direction asker = direction_other(speech->direction);
    struct call *call = call_of(hearing, asked, asker, asker, peer_id);
    if (call == NULL) {
        if (speech->strict)
            hearing_refuse(hearing, "a PPTP reply to a call that nobody asked for");
        return;
    }
    call->id[speech->direction] = id;
    if (!accepts)
        forget(call);
    else if (asked == CALL_OUTGOING)
        stand(hearing, speech, call);
    else
        call->stage = CALL_ANSWERED;
}

/* Who asked for an incoming call says that it stands; PEER_ID is what the other has chosen. */
static void connect(struct hearing *hearing, const struct speech *speech, uint16_t peer_id)
{
    struct call *call =
        call_of(hearing, CALL_ANSWERED, speech->direction, direction_other(speech->direction), peer_id);
    if (call != NULL)
        stand(hearing, speech, call);
    else if (speech->strict)
        hearing_refuse(hearing, "a PPTP call that nobody answered is said to stand");
}

/* Has WHO given the call an id? */
static bool has_given(const struct call *call, enum direction who)
{
    return call->stage >= CALL_ANSWERED || (call->stage != CALL_NONE && call->asker == who);
}

/* The speaker ends the call to which he has given ID. */
static void clear(struct hearing *hearing, const struct speech *speech, uint16_t id)
{
    struct call *calls = calls_of(hearing);
    for (unsigned i = 0; i < PPTP_CALLS_MAX; i++)
        if (has_given(&calls[i], speech->direction) && calls[i].id[speech->direction] == id)
            end(hearing, &calls[i]);
}

static void clear_all(struct hearing *hearing)
{
    struct call *calls = calls_of(hearing);
    for (unsigned i = 0; i < PPTP_CALLS_MAX; i++)
        end(hearing, &calls[i]);
}

/* READER stands behind the header; the message is as long as its type. */
static void hear_message(struct hearing *hearing, const struct speech *speech, uint16_t type, struct reader *reader)
{
    uint16_t first = reader_u16(reader), second = reader_u16(reader);
    bool connected = reader_u8(reader) == PPTP_CONNECTED;
    switch (type) {
    case PPTP_STOP_REQUEST:
        clear_all(hearing);
        break;
    case PPTP_OUTGOING_REQUEST:
        ask(hearing, speech, CALL_OUTGOING, first);
        break;
    case PPTP_INCOMING_REQUEST:
        ask(hearing, speech, CALL_INCOMING, first);
        break;
    case PPTP_OUTGOING_REPLY:
        answer(hearing, speech, CALL_OUTGOING, first, second, connected);
        break;
    case PPTP_INCOMING_REPLY:
        answer(hearing, speech, CALL_INCOMING, first, second, connected);
        break;
    case PPTP_INCOMING_CONNECTED:
        connect(hearing, speech, first);
        break;
    case PPTP_CALL_CLEAR:
    case PPTP_CALL_DISCONNECT:
        clear(hearing, speech, first);
        break;
    }
}

static void lose(struct hearing *hearing, const struct speech *speech)
{
    if (speech->strict)
        hearing_refuse(hearing, "no PPTP message");
    else
        hearing->deaf = DEAF_FOREIGN;
}

static size_t hear(struct hearing *hearing, const struct speech *speech)
{
    size_t done = 0;
    while (speech->length - done >= PPTP_HEADER_BYTES && hearing->refused == NULL && hearing->deaf == DEAF_NOT) {
        struct reader reader = reader_over(speech->bytes + done, speech->length - done);
        uint16_t length = reader_u16(&reader), kind = reader_u16(&reader);
        uint32_t magic = reader_u32(&reader);
        uint16_t type = reader_u16(&reader);
        reader_u16(&reader); /* Reserved0 */
        if (magic != PPTP_MAGIC || length < PPTP_HEADER_BYTES || length > PPTP_MESSAGE_BYTES_MAX) {
            lose(hearing, speech);
            return speech->length;
        }
        if (length > speech->length - done)
            break;
        bool whole = kind == PPTP_CONTROL && type < PPTP_MESSAGE_COUNT && length == message_bytes[type];
        if (whole)
            hear_message(hearing, speech, type, &reader);
        else if (speech->strict)
            hearing_refuse(hearing, "a PPTP message of the wrong length or type");
        done += length;
    }
    return done;
}

const struct alg alg_pptp = {
    .name = "pptp",
    .message_bytes_max = PPTP_MESSAGE_BYTES_MAX,
    .expectations_max = PPTP_EXPECTATIONS_MAX,
    .hear = hear,
};
