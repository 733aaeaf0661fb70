/*
 * RTSP (RFC 2326; RFC 7826 for version 2.0) over TCP.
 *
 * A SETUP offers transports, and its reply says which one it will be: from there on media run between the client's and the
 * server's ports, RTP and RTCP, whichever side speaks first (the client too: RTCP, and packets that open NATs). So the reply
 * announces both ports in both directions, if it answers a SETUP and keeps to its offer. They may be used again after a
 * pause; PLAY and RECORD announce them anew, for a player may wait as long as it likes. TEARDOWN ends one stream or the
 * session, the end of the connection all of them.
 *
 * Media that run within the connection (interleaved, RFC 2326, 10.12) are stepped over, so are bodies. Multicast needs a rule,
 * for it is no connection. A client or server address that is none of the two is announced only if the rule's media set
 * holds it. Not read: RTSP over UDP and RTSP in HTTP. What is no RTSP where a message must begin ends the listening.
 */
#include <string.h>

#include "alg/alg.h"
#include "alg/headers.h"
#include "packet/packet.h"

#define RTSP_MESSAGE_BYTES_MAX BLOCK_BYTES /* without its body */
#define RTSP_SETUPS_MAX 8u                 /* without a reply */
#define RTSP_OFFERS_MAX 3u                 /* unicast UDP transports of a SETUP */
#define RTSP_TRACKS_MAX 6u                 /* streams that are set up; beyond, PLAY does not announce the oldest anew */
#define RTSP_EXPECTATIONS_MAX (4u * RTSP_TRACKS_MAX)

/* Media on their way when their stream is torn down. */
#define RTSP_GRACE_MS 5000u

struct ports {
    uint16_t first;
    uint8_t count; /* 0: not said; 1; 2: RTP and RTCP */
};

struct setup {
    uint32_t cseq, name;
    struct ports offers[RTSP_OFFERS_MAX];
    bool waits;
};

/* A stream that is set up. */
struct track {
    uint32_t session, name; /* tags of its session and its URI; session 0: none is here */
    struct address client, server;
    struct ports client_ports, server_ports;
};

struct rtsp_memory {
    uint8_t next_setup, next_track; /* of the rings */
    struct setup setups[RTSP_SETUPS_MAX];
    struct track tracks[RTSP_TRACKS_MAX];
};

_Static_assert(sizeof(struct rtsp_memory) <= FAMILY_MEMORY_BYTES, "what RTSP remembers fits a family's memory");

static struct rtsp_memory *memory_of(const struct hearing *hearing)
{
    return (struct rtsp_memory *)(void *)hearing->memory;
}

/* ---- messages ---- */

struct message {
    struct span start; /* its first line */
    struct span cseq, session, transport;
    uint32_t body_bytes;
    bool body_known;   /* Content-Length was given */
    bool unreadable;   /* nobody can know where it ends */
};

static void take_header(struct message *message, const struct header *header)
{
    struct span value = header->value;
    if (span_is(header->name, "CSeq")) {
        message->cseq = value;
    } else if (span_is(header->name, "Session")) {
        message->session = header_strip(span_until(&value, ';'));
    } else if (span_is(header->name, "Transport")) {
        message->transport = value;
    } else if (span_is(header->name, "Content-Length")) {
        uint32_t bytes = 0;
        bool number = span_number(&value, UINT32_MAX, &bytes) && value.length == 0;
        message->unreadable |= !number || (message->body_known && message->body_bytes != bytes);
        message->body_bytes = bytes;
        message->body_known = true;
    }
}

/* Reads the message up to its empty line; returns its length without the body, 0 when it has not ended. */
static size_t read_message(const uint8_t *bytes, size_t length, struct message *message)
{
    struct span headers;
    struct header header;
    memset(message, 0, sizeof *message);
    length = headers_read(bytes, length, &message->start, &headers);
    while (length > 0 && headers_next(&headers, &header))
        take_header(message, &header);
    return length;
}

/* ---- transports ---- */

struct transport {
    bool udp;      /* unicast, over UDP */
    bool strange;  /* something of it cannot be read */
    bool client_named, server_named;
    struct address client, server;
    struct ports client_ports, server_ports;
};

/* "4588-4589", or one port. */
static bool read_ports(struct span text, struct ports *ports)
{
    uint32_t first, last;
    if (!span_number(&text, UINT16_MAX, &first) || first == 0)
        return false;
    last = first;
    if (span_take(&text, '-') && !span_number(&text, UINT16_MAX, &last))
        return false;
    *ports = (struct ports){(uint16_t)first, (uint8_t)(last - first + 1)};
    return text.length == 0 && (last == first || last == first + 1);
}

/* "host:port", each part of RFC 7826's dest_addr and src_addr; the host may be missing. */
static bool read_end(struct span text, bool *named, struct address *address, uint32_t *port)
{
    if (!span_take(&text, '"') || text.length == 0 || text.at[text.length - 1] != '"')
        return false;
    text.length--;
    size_t host = text.length;
    while (host > 0 && text.at[host - 1] != ':')
        host--;
    if (host == 0)
        return false;
    struct span number = {text.at + host, text.length - host};
    *named = host > 1;
    return (host == 1 || span_address((struct span){text.at, host - 1}, address)) &&
           span_number(&number, UINT16_MAX, port) && *port != 0 && number.length == 0;
}

/* One or two ends, of one host with consecutive ports (RFC 7826, 18.54). */
static bool read_ends(struct span text, bool *named, struct address *address, struct ports *ports)
{
    struct address second;
    bool second_named;
    uint32_t first_port, second_port;
    if (!read_end(header_part(&text, '/'), named, address, &first_port))
        return false;
    *ports = (struct ports){(uint16_t)first_port, 1};
    if (text.length == 0)
        return true;
    ports->count = 2;
    return read_end(text, &second_named, &second, &second_port) && second_port == first_port + 1 &&
           second_named == *named && (!second_named || address_equal(second, *address));
}

static void take_parameter(struct transport *transport, struct span text)
{
    struct span value = text, name = header_strip(span_until(&value, '='));
    value = header_strip(value);
    bool read = true;
    if (span_is(name, "multicast") || span_is(name, "interleaved")) {
        transport->udp = false;
    } else if (span_is(name, "client_port")) {
        read = read_ports(value, &transport->client_ports);
    } else if (span_is(name, "server_port")) {
        read = read_ports(value, &transport->server_ports);
    } else if (span_is(name, "destination") && value.length > 0) {
        read = transport->client_named = span_address(value, &transport->client);
    } else if (span_is(name, "source") && value.length > 0) {
        read = transport->server_named = span_address(value, &transport->server);
    } else if (span_is(name, "dest_addr")) {
        read = read_ends(value, &transport->client_named, &transport->client, &transport->client_ports);
    } else if (span_is(name, "src_addr")) {
        read = read_ends(value, &transport->server_named, &transport->server, &transport->server_ports);
    }
    transport->strange |= !read;
}

/* Takes the first transport of a list off its front. */
static struct transport take_transport(struct span *list)
{
    struct span rest = header_part(list, ',');
    struct span profile = header_part(&rest, ';'), lower = profile;
    while (profile.length > 0)
        lower = span_until(&profile, '/');
    struct transport transport = {.udp = !span_is(lower, "TCP")};
    while (rest.length > 0)
        take_parameter(&transport, header_part(&rest, ';'));
    return transport;
}

static bool is_allowed(const struct speech *speech, struct address address, struct address own)
{
    return address_equal(address, own) ||
           (speech->may_media != NULL && speech->may_media(speech->context, address));
}

/* Fills in who was not named. False: strange, or a host that may not be. */
static bool settle_hosts(const struct speech *speech, struct transport *transport, struct address client,
                         struct address server)
{
    if (!transport->client_named)
        transport->client = client;
    if (!transport->server_named)
        transport->server = server;
    return !transport->strange && is_allowed(speech, transport->client, client) &&
           is_allowed(speech, transport->server, server);
}

/* ---- what is done about them ---- */

static uint32_t tag_of(struct span text)
{
    return alg_tag(text.at, text.length);
}

static void announce(struct hearing *hearing, const struct speech *speech, const struct track *track)
{
    uint32_t tag = track->session ^ track->name;
    hearing_withdraw(hearing, tag, RTSP_GRACE_MS);
    for (uint8_t i = 0; i < track->client_ports.count; i++) {
        bool known = i < track->server_ports.count;
        struct expected expected = {
            .src = track->server,
            .src_port = known ? (uint16_t)(track->server_ports.first + i) : 0,
            .dst = track->client,
            .dst_port = (uint16_t)(track->client_ports.first + i),
            .protocol = PROTOCOL_UDP,
            .again = true,
            .tag = tag,
        };
        hearing_expect(hearing, speech, &expected);
        if (!known)
            continue;
        expected.src = track->client;
        expected.src_port = (uint16_t)(track->client_ports.first + i);
        expected.dst = track->server;
        expected.dst_port = (uint16_t)(track->server_ports.first + i);
        hearing_expect(hearing, speech, &expected);
    }
}

static void hear_setup(struct hearing *hearing, const struct speech *speech, const struct message *message,
                       struct span uri)
{
    struct rtsp_memory *memory = memory_of(hearing);
    struct setup setup = {.name = tag_of(uri), .waits = true};
    struct span cseq = message->cseq, list = message->transport;
    if (!span_number(&cseq, UINT32_MAX, &setup.cseq) || cseq.length > 0) {
        if (speech->strict)
            hearing_refuse(hearing, "a SETUP whose CSeq cannot be read");
        return;
    }
    for (unsigned count = 0; list.length > 0 && count < RTSP_OFFERS_MAX;) {
        struct transport transport = take_transport(&list);
        if (!transport.udp)
            continue;
        if (settle_hosts(speech, &transport, speech->speaker, speech->listener))
            setup.offers[count++] = transport.client_ports;
        else if (speech->strict)
            hearing_refuse(hearing, "a SETUP with a transport to another host, or one that cannot be read");
    }
    if (memory->setups[memory->next_setup].waits)
        hearing_refuse(hearing, "more SETUPs than anybody sends before a reply");
    memory->setups[memory->next_setup] = setup;
    memory->next_setup = (uint8_t)((memory->next_setup + 1) % RTSP_SETUPS_MAX);
}

/* The place for a track: that of the same one before, or the oldest one's. */
static struct track *place_for(struct rtsp_memory *memory, const struct track *track)
{
    for (unsigned i = 0; i < RTSP_TRACKS_MAX; i++)
        if (memory->tracks[i].session == track->session && memory->tracks[i].name == track->name)
            return &memory->tracks[i];
    struct track *place = &memory->tracks[memory->next_track];
    memory->next_track = (uint8_t)((memory->next_track + 1) % RTSP_TRACKS_MAX);
    return place;
}

/* Are the client's ports among those that SETUP offered? Where they are not said, the only ones offered are meant. */
static bool keeps_to_offer(const struct setup *setup, struct ports *ports)
{
    if (ports->count == 0 && setup->offers[1].count == 0)
        *ports = setup->offers[0];
    for (unsigned i = 0; i < RTSP_OFFERS_MAX; i++)
        if (ports->count > 0 && ports->first == setup->offers[i].first && ports->count <= setup->offers[i].count)
            return true;
    return false;
}

/* SETUP has succeeded. */
static void agree(struct hearing *hearing, const struct speech *speech, const struct message *message,
                  const struct setup *setup)
{
    struct span list = message->transport;
    struct transport transport = take_transport(&list);
    if (message->transport.length == 0 || !transport.udp)
        return;
    if (!settle_hosts(speech, &transport, speech->listener, speech->speaker) ||
        !keeps_to_offer(setup, &transport.client_ports)) {
        if (speech->strict)
            hearing_refuse(hearing, "a transport that was not offered, of another host, or that cannot be read");
        return;
    }
    const struct track track = {
        .session = tag_of(message->session),
        .name = setup->name,
        .client = transport.client,
        .server = transport.server,
        .client_ports = transport.client_ports,
        .server_ports = transport.server_ports,
    };
    *place_for(memory_of(hearing), &track) = track;
    announce(hearing, speech, &track);
}

static void hear_reply(struct hearing *hearing, const struct speech *speech, const struct message *message,
                       struct span rest)
{
    struct rtsp_memory *memory = memory_of(hearing);
    struct span number = message->cseq;
    uint32_t code, cseq;
    if (!span_number(&rest, 999, &code) || code < 200 || !span_number(&number, UINT32_MAX, &cseq) || number.length > 0)
        return;
    for (unsigned i = 0; i < RTSP_SETUPS_MAX; i++) {
        struct setup *setup = &memory->setups[i];
        if (!setup->waits || setup->cseq != cseq)
            continue;
        setup->waits = false;
        if (code < 300)
            agree(hearing, speech, message, setup);
        return;
    }
}

/* PLAY or RECORD: the session's media begin, or begin again. */
static void hear_begin(struct hearing *hearing, const struct speech *speech, uint32_t session)
{
    const struct rtsp_memory *memory = memory_of(hearing);
    for (unsigned i = 0; i < RTSP_TRACKS_MAX; i++)
        if (memory->tracks[i].session == session)
            announce(hearing, speech, &memory->tracks[i]);
}

/* TEARDOWN of the stream with this NAME, or where the session has none of that name, of all of it (RFC 2326, 10.7). */
static void hear_teardown(struct hearing *hearing, uint32_t session, uint32_t name)
{
    struct rtsp_memory *memory = memory_of(hearing);
    bool one = false;
    for (unsigned i = 0; i < RTSP_TRACKS_MAX; i++)
        one |= memory->tracks[i].session == session && memory->tracks[i].name == name;
    for (unsigned i = 0; i < RTSP_TRACKS_MAX; i++) {
        struct track *track = &memory->tracks[i];
        if (track->session != session || (one && track->name != name))
            continue;
        hearing_withdraw(hearing, track->session ^ track->name, RTSP_GRACE_MS);
        memset(track, 0, sizeof *track);
    }
}

static void hear_request(struct hearing *hearing, const struct speech *speech, const struct message *message,
                         struct span method, struct span rest)
{
    struct span uri = span_word(&rest);
    if (span_is(method, "SETUP"))
        hear_setup(hearing, speech, message, uri);
    else if (span_is(method, "PLAY") || span_is(method, "RECORD"))
        hear_begin(hearing, speech, tag_of(message->session));
    else if (span_is(method, "TEARDOWN"))
        hear_teardown(hearing, tag_of(message->session), tag_of(uri));
}

/* "RTSP/1.0 200 OK" or "SETUP rtsp://... RTSP/1.0" */
static bool is_start(struct span line)
{
    struct span rest = line, method = span_word(&rest), uri = span_word(&rest);
    return span_begins(line, "RTSP") || (method.length > 0 && uri.length > 0 && span_begins(rest, "RTSP"));
}

static void hear_message(struct hearing *hearing, const struct speech *speech, const struct message *message)
{
    struct span rest = message->start, word = span_word(&rest);
    bool reply = span_begins(word, "RTSP");
    if (message->unreadable)
        hearing_refuse(hearing, "an RTSP message whose Content-Length cannot be read");
    else if (reply && speech->direction == REPLY)
        hear_reply(hearing, speech, message, rest);
    else if (!reply && speech->direction == ORIGINAL)
        hear_request(hearing, speech, message, word, rest);
}

/* A packet of interleaved media: a dollar sign, the channel, the length (RFC 2326, 10.12). */
static size_t hear_interleaved(struct hearing *hearing, const struct speech *speech)
{
    if (speech->length < 4)
        return 0;
    hearing->skip = (uint32_t)speech->bytes[2] << 8 | speech->bytes[3];
    return 4;
}

/* One message at a time: its body is the stream's to skip. */
static size_t hear(struct hearing *hearing, const struct speech *speech)
{
    struct message message;
    struct span line;
    if (speech->length > 0 && speech->bytes[0] == '$')
        return hear_interleaved(hearing, speech);
    size_t length = lines_first(speech->bytes, speech->length, &line);
    if (length == 0 || line.length == 0)
        return length;
    if (!is_start(line)) {
        if (speech->strict)
            hearing_refuse(hearing, "a line that begins no RTSP message");
        hearing->deaf = DEAF_FOREIGN;
        return length;
    }
    length = read_message(speech->bytes, speech->length, &message);
    if (length == 0)
        return 0;
    hear_message(hearing, speech, &message);
    hearing->skip = message.body_bytes;
    return length;
}

const struct alg alg_rtsp = {
    .name = "rtsp",
    .message_bytes_max = RTSP_MESSAGE_BYTES_MAX,
    .expectations_max = RTSP_EXPECTATIONS_MAX,
    .hear = hear,
};
