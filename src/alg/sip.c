/*
 * SIP (RFC 3261, 3262, 3311, 3581) with offers and answers in SDP (RFC 3264), over UDP and TCP.
 *
 * Whoever sends a description of media says where he receives them: that is announced to the one he talks with, RTP and RTCP,
 * until the call (its Call-ID) ends by BYE, CANCEL or a failure of the INVITE that began it; without a packet, for minutes
 * until it is accepted and an hour then. Descriptions are read in INVITE, ACK, UPDATE, PRACK, and what answers them with
 * success or provisionally, whichever of them is the offer. Ports that another offer replaces stay announced until the call
 * ends, for an offer may fail and leave all as it was (RFC 3261, 14.1). A stream has ended when ACK or a final response says
 * that its port is 0.
 *
 * Announced too: the port where the response to a request goes, where that is not the one that the request came from, and
 * the speaker's Contact, where requests of a call or of a registration go. SIP that comes there is listened to. A call that
 * has begun, and a registration, keep the control connection from idling out.
 *
 * An address of a third host announces nothing unless it is in the rule's media set; then media may come from any of the set.
 * Not read: TLS, WebSocket, messages in another encoding, bodies in parts of parts, candidates of ICE, media over TCP. libosip2
 * and libre, which could read this, allocate for each message.
 */
#include <string.h>

#include "alg/alg.h"
#include "alg/headers.h"
#include "alg/sdp.h"
#include "alg/sip_message.h"
#include "packet/packet.h"

#define SIP_MESSAGE_BYTES_MAX BLOCK_BYTES /* over TCP, with its body */
#define SIP_EXPECTATIONS_MAX 1024u
#define SIP_MEDIA_MAX 16u    /* lines of a description; what stands behind them is not announced */
#define SIP_SENDERS_MAX 4u   /* at once to one port: a peer that moves to another port of its own, and back */
#define SIP_CALLS_MAX 48u    /* that keep the control connection; beyond, the oldest no longer do, but their media stay */

#define SIP_GRACE_MS 5000u          /* media on their way when their call ends */
#define SIP_RINGING_MS 240000u      /* a call that nobody has accepted: above timer C, 3 minutes (RFC 3261, 16.6) */
#define SIP_HOUR_MS 3600000u        /* one that is accepted, and the longest registration that counts (10.2) */

/* A tag is that of the Call-ID but for these bits: the media line's number, or the Contact. */
#define SIP_TAG_BITS 0x1fu
#define SIP_TAG_CONTACT 0x10u

struct call {
    uint32_t tag; /* 0: none is here */
    bool accepted;
};

struct sip_memory {
    uint32_t registered_ms;
    uint8_t next; /* of the ring */
    struct call calls[SIP_CALLS_MAX];
};

_Static_assert(sizeof(struct sip_memory) <= FAMILY_MEMORY_BYTES, "what SIP remembers fits a family's memory");
_Static_assert(SIP_MEDIA_MAX <= SIP_TAG_CONTACT, "each media line has a tag");

/* What a message is about. */
struct matter {
    struct hearing *hearing;
    const struct speech *speech;
    const struct sip_message *message;
    struct span description;
    uint32_t tag;      /* of the call */
    uint8_t protocol;  /* the message came by */
};

static struct sip_memory *memory_of(const struct hearing *hearing)
{
    return (struct sip_memory *)(void *)hearing->memory;
}

static void refuse_if_strict(const struct matter *matter, const char *why)
{
    if (matter->speech->strict)
        hearing_refuse(matter->hearing, why);
}

/* ---- calls ---- */

static struct call *call_find(struct sip_memory *memory, uint32_t tag)
{
    for (unsigned i = 0; i < SIP_CALLS_MAX; i++)
        if (memory->calls[i].tag == tag)
            return &memory->calls[i];
    return NULL;
}

static struct call *call_note(struct sip_memory *memory, uint32_t tag)
{
    struct call *call = call_find(memory, tag);
    if (call == NULL)
        call = call_find(memory, 0);
    if (call == NULL) {
        call = &memory->calls[memory->next];
        memory->next = (uint8_t)((memory->next + 1) % SIP_CALLS_MAX);
    }
    if (call->tag != tag)
        *call = (struct call){.tag = tag};
    return call;
}

/* A call that has failed may have told why in early media, which callers answer for a while (RFC 3960, 2): they linger. */
static void call_end(const struct matter *matter, bool lingers)
{
    struct call *call = call_find(memory_of(matter->hearing), matter->tag);
    if (call != NULL)
        *call = (struct call){.tag = 0};
    hearing_withdraw_all(matter->hearing, matter->tag, SIP_TAG_BITS, SIP_GRACE_MS, lingers);
}

/* Somebody has accepted the call: its media may fall silent for long. */
static void call_accept(const struct matter *matter)
{
    struct call *call = call_note(memory_of(matter->hearing), matter->tag);
    if (!call->accepted)
        hearing_prolong(matter->hearing, matter->tag, SIP_TAG_BITS, SIP_HOUR_MS);
    call->accepted = true;
}

static bool call_is_accepted(const struct matter *matter)
{
    const struct call *call = call_find(memory_of(matter->hearing), matter->tag);
    return call != NULL && call->accepted;
}

static uint32_t idle_of(const struct sip_memory *memory)
{
    uint32_t idle_ms = memory->registered_ms;
    for (unsigned i = 0; i < SIP_CALLS_MAX; i++) {
        uint32_t call_ms = memory->calls[i].tag == 0 ? 0 : memory->calls[i].accepted ? SIP_HOUR_MS : SIP_RINGING_MS;
        idle_ms = call_ms > idle_ms ? call_ms : idle_ms;
    }
    return idle_ms;
}

/* ---- media ---- */

/* Neither is a host: who says so holds the call (RFC 3264, 8.4). */
static bool is_unspecified(struct address address)
{
    return address_equal(address, address_v4(0)) || address_equal(address, (struct address){0, 0});
}

/* May HOST be announced? */
static bool is_announced(const struct matter *matter, bool known, struct address host)
{
    if (known && is_unspecified(host))
        return false;
    if (known && speech_own(matter->speech, host))
        return true;
    refuse_if_strict(matter, "media at another host than the one that says so, or at a name");
    return false;
}

static void announce_port(const struct matter *matter, struct address host, uint16_t port, uint32_t line)
{
    const struct speech *speech = matter->speech;
    const struct expected expected = {
        .src = speech->listener,
        .any_src = speech->may_media != NULL,
        .dst = host,
        .dst_port = port,
        .protocol = PROTOCOL_UDP,
        .again = true,
        .at_once = SIP_SENDERS_MAX,
        .tag = matter->tag | line,
        .wait_ms = call_is_accepted(matter) ? SIP_HOUR_MS : SIP_RINGING_MS,
    };
    hearing_expect(matter->hearing, speech, &expected);
}

/* Does the message settle what has been offered? What a request but ACK says may yet be refused. */
static bool settles(const struct matter *matter)
{
    return matter->message->code >= 200 || span_is(matter->message->method, "ACK");
}

static void announce_media(const struct matter *matter, const struct sdp_media *media, uint32_t line)
{
    /* RTCP at RTP's port is an offer until it is answered (RFC 5761, 5.1.1). */
    bool mux = media->mux_only || (media->mux && (matter->message->code > 0 || settles(matter)));
    if (!is_announced(matter, media->host_known, media->host))
        return;
    for (unsigned i = 0; i < media->count; i++)
        announce_port(matter, media->host, (uint16_t)(media->port + 2 * i), line);
    if (!media->rtp || mux || !is_announced(matter, media->rtcp_host_known, media->rtcp_host))
        return;
    for (unsigned i = 0; i < media->count; i++) {
        uint32_t port = media->rtcp_port != 0 ? media->rtcp_port + 2 * i : media->port + 2 * i + 1;
        if (port <= UINT16_MAX)
            announce_port(matter, media->rtcp_host, (uint16_t)port, line);
    }
}

static void hear_description(const struct matter *matter)
{
    struct sdp sdp = sdp_read(matter->description);
    struct sdp_media media;
    for (uint32_t line = 0; sdp_next(&sdp, &media); line++) {
        if (media.bad_port)
            hearing_refuse(matter->hearing, "a media port that is none");
        else if (line >= SIP_MEDIA_MAX || media.strange)
            refuse_if_strict(matter, "a description of media that cannot be read");
        else if (media.port != 0 && media.udp)
            announce_media(matter, &media, line);
        else if (media.port == 0 && settles(matter))
            hearing_withdraw(matter->hearing, matter->tag | line, SIP_GRACE_MS);
    }
}

/* ---- where SIP itself goes ---- */

static void announce_sip(const struct matter *matter, uint8_t protocol, uint16_t port, uint32_t tag, uint32_t wait_ms)
{
    const struct speech *speech = matter->speech;
    bool udp = protocol == PROTOCOL_UDP;
    const struct expected expected = {
        .src = speech->listener,
        .src_port = udp ? speech->listener_port : 0,
        .dst = speech->speaker,
        .dst_port = port,
        .protocol = protocol,
        .alg = udp ? DIALECT_SIP : DIALECT_SIP_TCP,
        .again = true,
        .at_once = udp ? 1 : SIP_SENDERS_MAX,
        .tag = tag,
        .wait_ms = wait_ms,
    };
    if (port >= ANNOUNCED_PORT_MIN)
        hearing_expect(matter->hearing, speech, &expected);
    else
        refuse_if_strict(matter, "SIP at a port below 1024");
}

/* Requests come to the speaker's Contact for WAIT_MS, if that is not where they would come anyway. */
static void hear_contact(const struct matter *matter, uint32_t wait_ms)
{
    const struct sip_contact *contact = &matter->message->contact;
    bool here = contact->protocol == matter->protocol && contact->port == matter->speech->speaker_port;
    if (contact->known && !here && address_equal(contact->host, matter->speech->speaker))
        announce_sip(matter, contact->protocol, contact->port, matter->tag | SIP_TAG_CONTACT, wait_ms);
}

static uint32_t expiry_ms(const struct sip_message *message)
{
    uint32_t most_s = SIP_HOUR_MS / 1000;
    return message->expires_given && message->expires_s < most_s ? message->expires_s * 1000 : SIP_HOUR_MS;
}

/* ---- messages ---- */

static void hear_register(const struct matter *matter)
{
    const struct sip_message *message = matter->message;
    uint32_t expires_ms = expiry_ms(message);
    /* A challenge is asked with the registration standing. */
    bool refused = message->code >= 300 && message->code != 401 && message->code != 407;
    if (refused || (message->code == 0 && expires_ms == 0))
        hearing_withdraw(matter->hearing, matter->tag | SIP_TAG_CONTACT, SIP_GRACE_MS);
    else if (message->code == 0)
        hear_contact(matter, expires_ms);
    else if (message->code >= 200 && message->code < 300)
        memory_of(matter->hearing)->registered_ms = message->contact_given || message->expires_given ? expires_ms : 0;
}

static void hear_request(const struct matter *matter)
{
    struct span method = matter->message->method;
    uint16_t answer_port = matter->message->answer_port;
    if (matter->protocol == PROTOCOL_UDP && answer_port != 0 && answer_port != matter->speech->speaker_port)
        announce_sip(matter, PROTOCOL_UDP, answer_port, SIP_TAG_BITS, matter->speech->wait_ms);
    if (span_is(method, "BYE") || (span_is(method, "CANCEL") && !call_is_accepted(matter))) {
        call_end(matter, false);
    } else if (span_is(method, "REGISTER")) {
        hear_register(matter);
    } else if (span_is(method, "INVITE")) {
        call_note(memory_of(matter->hearing), matter->tag);
        if (matter->message->within)
            call_accept(matter);
        hear_contact(matter, SIP_HOUR_MS);
        hear_description(matter);
    } else if (span_is(method, "ACK") || span_is(method, "UPDATE") || span_is(method, "PRACK")) {
        hear_description(matter);
    }
}

/*
 * A failed INVITE ends a call that nobody has accepted; one within a call only if it says that there is none (RFC 3261,
 * 12.2.1.2).
 */
static void hear_failure(const struct matter *matter)
{
    uint32_t code = matter->message->code;
    if (code == 408 || code == 481 || !call_is_accepted(matter))
        call_end(matter, true);
}

static void hear_response(const struct matter *matter)
{
    struct span method = matter->message->method;
    uint32_t code = matter->message->code;
    bool invite = span_is(method, "INVITE");
    if (span_is(method, "REGISTER")) {
        hear_register(matter);
    } else if (span_is(method, "BYE") && code >= 200) {
        call_end(matter, false);
    } else if (invite && code >= 300) {
        hear_failure(matter);
    } else if (code > 100 && code < 300 && (invite || span_is(method, "UPDATE") || span_is(method, "PRACK"))) {
        if (invite && code >= 200)
            call_accept(matter);
        if (invite)
            hear_contact(matter, SIP_HOUR_MS);
        hear_description(matter);
    }
}

static uint32_t tag_of(struct span call)
{
    uint32_t tag = alg_tag(call.at, call.length) & ~SIP_TAG_BITS;
    return tag != 0 ? tag : SIP_TAG_BITS + 1;
}

static void hear_message(struct hearing *hearing, const struct speech *speech, uint8_t protocol,
                         const struct sip_message *message, struct span body)
{
    const struct matter matter = {
        .hearing = hearing,
        .speech = speech,
        .message = message,
        .description = sip_description(message, body),
        .tag = tag_of(message->call),
        .protocol = protocol,
    };
    if (message->strange) {
        refuse_if_strict(&matter, "a SIP message without a Call-ID, CSeq or Via that can be read");
        return;
    }
    if (message->code == 0)
        hear_request(&matter);
    else
        hear_response(&matter);
    hearing->idle_ms = idle_of(memory_of(hearing));
}

/* Keeps a NAT's binding alive: nothing, white space, or STUN, whose first byte is below 4 (RFC 5626, 4.4; RFC 7983, 7). */
static bool is_keep_alive(struct span datagram)
{
    return header_strip(datagram).length == 0 || datagram.at[0] < 4;
}

static size_t hear_datagram(struct hearing *hearing, const struct speech *speech)
{
    struct sip_message message;
    struct span line;
    if (is_keep_alive((struct span){speech->bytes, speech->length}))
        return speech->length;
    bool begins = lines_first(speech->bytes, speech->length, &line) > 0 && sip_begins(line);
    size_t head = begins ? sip_read(speech->bytes, speech->length, &message) : 0;
    size_t left = speech->length - head;
    if (head > 0 && message.body_bad)
        hearing_refuse(hearing, "a SIP message whose Content-Length cannot be read");
    else if (speech->strict && (head == 0 || (message.body_known && message.body_bytes > left)))
        hearing_refuse(hearing, "a SIP message that cannot be read, or is cut off");
    else if (head > 0)
        hear_message(hearing, speech, PROTOCOL_UDP, &message,
                     (struct span){speech->bytes + head,
                                   message.body_known && message.body_bytes < left ? message.body_bytes : left});
    return speech->length;
}

/* One message at a time. */
static size_t hear_stream(struct hearing *hearing, const struct speech *speech)
{
    struct sip_message message;
    struct span line;
    size_t first = lines_first(speech->bytes, speech->length, &line);
    if (first == 0 || line.length == 0)
        return first;
    if (!sip_begins(line)) {
        if (speech->strict)
            hearing_refuse(hearing, "a line that begins no SIP message");
        hearing->deaf = DEAF_FOREIGN;
        return first;
    }
    size_t head = sip_read(speech->bytes, speech->length, &message);
    if (head == 0)
        return 0;
    if (message.body_bad || (speech->strict && !message.body_known)) {
        hearing_refuse(hearing, "a SIP message whose Content-Length cannot be read");
        return head;
    }
    /* Only a body that matters must be at hand; the stream steps over the others. */
    size_t body = sip_describes(&message) ? message.body_bytes : 0;
    if (body > speech->length - head)
        return 0;
    hear_message(hearing, speech, PROTOCOL_TCP, &message, (struct span){speech->bytes + head, body});
    hearing->skip = message.body_bytes - (uint32_t)body;
    return head + body;
}

const struct alg alg_sip = {
    .name = "sip",
    .expectations_max = SIP_EXPECTATIONS_MAX,
    .hear = hear_datagram,
};

const struct alg alg_sip_tcp = {
    .name = "sip",
    .message_bytes_max = SIP_MESSAGE_BYTES_MAX,
    .expectations_max = SIP_EXPECTATIONS_MAX,
    .hear = hear_stream,
};
