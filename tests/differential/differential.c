/*
 * The same packets through the kernel's connection tracker and through spid: captures, and TCP dialogues made up from seeds.
 *
 *   differential FIRST COUNT CAPTURE...      COUNT dialogues from the seed FIRST on, and the captures
 *
 * Prints what differs, with why; exits with 1 when a difference has no explanation, with 77 when it cannot run here. Both
 * judge in the same short time, so that no timeout comes between; spid judges what the kernel has let through so far.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/capture.h"
#include "io/link.h"
#include "packet/timeouts.h"
#include "state/session.h"
#include "tests/differential/dialogue.h"
#include "tests/differential/explain.h"
#include "tests/unit/allow_all.h"
#include "tests/unit/build.h"

#define SKIP 77
#define DIVERGED_MAX 65536
#define ROWS_MAX 256
#define DIALOGUES_A_NAMESPACE 2000
#define COMPLAINTS_MAX 40

/* Connections about which both know different things, and since which explanation. */
struct diverged {
    struct tuple tuple;
    const struct explanation *since;
};

/* A row of the table that is printed: so many packets that differ like this. */
struct row {
    enum kernel_state kernel;
    uint8_t action, state, reason;
    const char *why;
    unsigned long count;
};

struct differential {
    struct engine engine;
    uint64_t now_ms;
    struct diverged diverged[DIVERGED_MAX];
    unsigned diverged_count;
    struct row rows[ROWS_MAX];
    unsigned row_count;
    unsigned long packets, alike, not_forwarded, unexplained;
    bool confused, unread, undisturbed; /* see struct judged */
    const char *source;  /* what is judged now ... */
    unsigned long number; /* ... and which packet of it */
};

/* Both sides forget everything. */
static bool begin_anew(struct differential *differential)
{
    static struct ruleset ruleset = {.generation = 1, .rule_count = 1, .rules = &allow_all};
    static struct rule_counter counters[2];
    char error[400];
    struct table_config config = {.capacity = 65536, .key = {1, 2}};
    if (!kernel_enter(error, sizeof error)) {
        printf("skipped: %s\n", error);
        return false;
    }
    ruleset.timeouts = timeouts_default;
    table_free(differential->engine.table);
    differential->engine.table = table_new(&config);
    differential->engine.ruleset = &ruleset;
    differential->engine.rule_counters = counters;
    if (differential->engine.surroundings == NULL)
        differential->engine.surroundings = surroundings_new(NULL, 0, NULL, 0);
    differential->diverged_count = 0;
    differential->now_ms = 1000;
    return differential->engine.table != NULL && differential->engine.surroundings != NULL;
}

static const struct explanation *since_when(const struct differential *differential, const struct tuple *tuple)
{
    for (unsigned i = 0; i < differential->diverged_count; i++)
        if (tuple_equal(&differential->diverged[i].tuple, tuple))
            return differential->diverged[i].since;
    return NULL;
}

static void diverge(struct differential *differential, const struct tuple *tuple, const struct explanation *since)
{
    if (differential->diverged_count < DIVERGED_MAX && since_when(differential, tuple) == NULL)
        differential->diverged[differential->diverged_count++] = (struct diverged){*tuple, since};
}

static void add_row(struct differential *differential, const struct judged *judged, const char *why)
{
    struct row row = {judged->kernel, judged->verdict.action, judged->verdict.state, judged->verdict.reason, why, 1};
    for (unsigned i = 0; i < differential->row_count; i++) {
        struct row *old = &differential->rows[i];
        if (old->kernel == row.kernel && old->action == row.action && old->state == row.state &&
            old->reason == row.reason && old->why == why) {
            old->count++;
            return;
        }
    }
    if (differential->row_count < ROWS_MAX)
        differential->rows[differential->row_count++] = row;
}

static void complain(struct differential *differential, const struct judged *judged)
{
    const struct packet *packet = judged->packet;
    if (differential->unexplained++ >= COMPLAINTS_MAX)
        return;
    printf("%s, packet %lu: the kernel says %s, spid says %s %s %s", differential->source, differential->number,
           kernel_state_name(judged->kernel), action_name(judged->verdict.action), state_name(judged->verdict.state),
           reason_name(judged->verdict.reason));
    printf(" (protocol %u, %u to %u", packet->protocol, packet->src_port, packet->dst_port);
    if (packet->protocol == PROTOCOL_TCP)
        printf(", flags 0x%02x seq %u ack %u length %u; state %s", packet->tcp.flags, packet->tcp.seq, packet->tcp.ack,
               packet->payload_length, judged->connection.id != 0 ? session_state_name(&judged->connection) : "none");
    if (packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMP6)
        printf(", type %u code %u", packet->icmp.type, packet->icmp.code);
    printf(")\n");
}

/* SPID_TELL=1: every packet, for looking into one dialogue. */
static void trace(const struct differential *differential, const struct judged *judged)
{
    const struct packet *packet = judged->packet;
    if (getenv("SPID_TELL") == NULL || packet->protocol != PROTOCOL_TCP)
        return;
    printf("%4lu %5u > %5u  flags %02x seq %10u ack %10u len %4u win %5u%s  %-11s %-5s %-11s %-10s", differential->number,
           packet->src_port, packet->dst_port, packet->tcp.flags, packet->tcp.seq, packet->tcp.ack,
           packet->payload_length, packet->tcp.window, packet->tcp.sack_end != packet->tcp.ack ? " sack" : "",
           kernel_state_name(judged->kernel), action_name(judged->verdict.action), state_name(judged->verdict.state),
           reason_name(judged->verdict.reason));
    const struct tcp_peer *peers = judged->connection.transport.tcp.peer;
    printf("  [%u..%u ack %u win %u | %u..%u ack %u win %u]\n", peers[0].end, peers[0].end_max, peers[0].ack,
           peers[0].window, peers[1].end, peers[1].end_max, peers[1].ack, peers[1].window);
}

static void compare(struct differential *differential, const struct judged *judged, const struct tuple *tuple)
{
    const struct explanation *hidden = explain_hidden(judged);
    if (hidden != NULL)
        diverge(differential, tuple, hidden);
    if (judged_alike(judged)) {
        differential->alike++;
        return;
    }
    const struct explanation *why = explain(judged), *since = since_when(differential, tuple);
    if (why != NULL) {
        if (why->diverges)
            diverge(differential, tuple, why);
        add_row(differential, judged, why->text);
    } else if (since != NULL) {
        add_row(differential, judged, "(the connection has been judged differently before)");
    } else {
        static const struct explanation nobody_knows = {"(unexplained)", true, NULL};
        complain(differential, judged);
        diverge(differential, tuple, &nobody_knows);
    }
}

static struct connection connection_of(struct differential *differential, const struct tuple *tuple)
{
    struct connection none = {.id = 0};
    uint32_t hash = table_hash(differential->engine.table, tuple);
    table_lock(differential->engine.table, hash);
    const struct connection *found = table_find(differential->engine.table, hash, tuple);
    struct connection connection = found != NULL ? *found : none;
    table_unlock(differential->engine.table, hash);
    return connection;
}

/* One packet through both. */
static void take_packet(struct differential *differential, const uint8_t *bytes, size_t length)
{
    struct kernel_packet passed;
    struct packet packet;
    struct tuple tuple;
    differential->packets++;
    differential->now_ms++;
    if (!kernel_pass(bytes, length, &passed)) {
        differential->not_forwarded++;
        return;
    }
    struct arrival arrival = {
        .now_ms = differential->now_ms,
        .in_interface = 1,
        .out_interface = 2,
        .checksum = CHECKSUM_UNFILLED,
        .length = (uint32_t)passed.length,
    };
    struct judged judged = {.kernel = passed.state, .packet = &packet, .confused = differential->confused,
                            .unread = differential->unread, .undisturbed = differential->undisturbed};
    packet_decode(&packet, passed.bytes, passed.length, (uint32_t)passed.length, CHECKSUM_UNFILLED);
    memset(&tuple, 0, sizeof tuple);
    tuple_of(&tuple, &packet);
    judged.connection = connection_of(differential, &tuple);
    engine_packet(&differential->engine, &arrival, passed.bytes, passed.length, &packet, &judged.verdict);
    /* The kernel synchronises anew when a SYN comes again and its answer too. */
    differential->confused |= packet.protocol == PROTOCOL_TCP && (packet.tcp.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
                              judged.connection.flags & CONNECTION_REPLIED;
    differential->unread |= judged.verdict.reason == REASON_BAD_HEADER;
    trace(differential, &judged);
    compare(differential, &judged, &tuple);
}

/* ---- captures ---- */

static bool take_capture(struct differential *differential, const char *path)
{
    char error[400];
    struct frame frame;
    struct capture *capture = capture_open(path, error, sizeof error);
    if (capture == NULL)
        return true; /* one of the broken files; the replay's tests speak of them */
    if (!begin_anew(differential)) {
        capture_close(capture);
        return false;
    }
    differential->source = path;
    differential->undisturbed = differential->confused = differential->unread = false;
    while (capture_next(capture, &frame, error, sizeof error) == 1) {
        int offset = link_known(capture_link_type(capture))
                         ? link_ip_offset(capture_link_type(capture), frame.bytes, frame.captured)
                         : -1;
        differential->number = frame.number;
        /* What was cut off in the file cannot be sent. */
        if (offset >= 0 && frame.captured == frame.length)
            take_packet(differential, frame.bytes + offset, frame.captured - (size_t)offset);
    }
    capture_close(capture);
    return true;
}

/* ---- dialogues ---- */

struct speakers {
    struct differential *differential;
    uint16_t port;
    char client[32];
};

static void put_u32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void tell(void *context, const struct segment *segment)
{
    struct speakers *speakers = context;
    static uint8_t payload[2048], bytes[BUILD_BYTES_MAX];
    uint8_t options[12] = {1, 1, 5, 10};
    struct build build = {
        .src = segment->from_server ? "198.51.100.5" : speakers->client,
        .dst = segment->from_server ? speakers->client : "198.51.100.5",
        .protocol = PROTOCOL_TCP,
        .src_port = segment->from_server ? 80 : speakers->port,
        .dst_port = segment->from_server ? speakers->port : 80,
        .flags = segment->flags,
        .seq = segment->seq,
        .ack = segment->ack,
        .window = segment->window,
        .payload = {payload, segment->length},
    };
    if (segment->sacks) {
        put_u32(options + 4, segment->sack_begin);
        put_u32(options + 8, segment->sack_end);
        build.tcp_options = (struct build_bytes){options, 12};
    } else if (segment->scale != DIALOGUE_NO_SCALE) {
        const uint8_t scale[8] = {1, 3, 3, segment->scale, 1, 1, 4, 2};
        memcpy(options, scale, 8);
        build.tcp_options = (struct build_bytes){options, 8};
    } else if (segment->flags & TCP_SYN) {
        const uint8_t sack_permitted[4] = {1, 1, 4, 2};
        memcpy(options, sack_permitted, 4);
        build.tcp_options = (struct build_bytes){options, 4};
    }
    speakers->differential->number++;
    speakers->differential->confused |= segment->foreign && segment->flags & TCP_SYN;
    speakers->differential->undisturbed &= !segment->foreign;
    take_packet(speakers->differential, bytes, build_packet(&build, bytes));
}

static bool take_dialogues(struct differential *differential, uint64_t first, uint64_t count)
{
    char name[64];
    for (uint64_t i = 0; i < count; i++) {
        struct speakers speakers = {.differential = differential, .port = (uint16_t)(1024 + i % 60000)};
        snprintf(speakers.client, sizeof speakers.client, "10.9.%u.%u", (unsigned)(i / 250 % 250), (unsigned)(i % 250 + 1));
        snprintf(name, sizeof name, "the dialogue of seed %llu", (unsigned long long)(first + i));
        if (i % DIALOGUES_A_NAMESPACE == 0 && !begin_anew(differential))
            return false;
        differential->source = name;
        differential->number = 0;
        differential->undisturbed = true;
        differential->confused = differential->unread = false;
        dialogue(first + i, tell, &speakers);
    }
    return true;
}

static int by_count(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

static void print_table(struct differential *differential)
{
    qsort(differential->rows, differential->row_count, sizeof differential->rows[0], by_count);
    printf("%lu packets, %lu judged alike, %lu not forwarded by the kernel\n", differential->packets, differential->alike,
           differential->not_forwarded);
    for (unsigned i = 0; i < differential->row_count; i++) {
        const struct row *row = &differential->rows[i];
        printf("%8lu  %-11s  %-5s %-11s %-17s  %s\n", row->count, kernel_state_name(row->kernel), action_name(row->action),
               state_name(row->state), reason_name(row->reason), row->why);
    }
    printf("%lu differences have no explanation\n", differential->unexplained);
}

int main(int argc, char **argv)
{
    static struct differential differential;
    if (argc < 3) {
        fprintf(stderr, "usage: differential FIRST COUNT CAPTURE...\n");
        return 2;
    }
    if (!take_dialogues(&differential, strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10)))
        return SKIP;
    for (int i = 3; i < argc; i++)
        if (!take_capture(&differential, argv[i]))
            return SKIP;
    print_table(&differential);
    table_free(differential.engine.table);
    surroundings_free((struct surroundings *)differential.engine.surroundings);
    return differential.unexplained == 0 && differential.alike > 0 ? 0 : 1;
}
