/*
 * The same packets through the eBPF program with a daemon's engine behind it, and through an engine alone: dialogues of TCP and
 * UDP made up from seeds, in both families, with packets between them that are wrong in all sorts of ways.
 *
 *   fastpath FIRST COUNT      COUNT dialogues from the seed FIRST on
 *
 * The program may pass only what the engine alone allows; what it does not pass must be judged alike by both engines; and
 * when a dialogue is over, both must know the same of its connection: windows, state, counters. Exits with 1 when one of that does not
 * hold, with 77 when the kernel takes no such program. What is left out: the transport's checksum, which the program does not look at.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/fast.h"
#include "engine/engine.h"
#include "fastpath/fastpath.h"
#include "tests/differential/dialogue.h"
#include "tests/unit/allow_all.h"
#include "tests/unit/build.h"

#define SKIP 77
#define COMPLAINTS_MAX 20
#define ETHERNET_BYTES 14
#define TABLE_CAPACITY 65536
#define ENTRIES 4096

/* An engine with all that it needs. */
struct party {
    struct engine engine;
    struct rule_counter counters[2];
};

struct test {
    struct party alone, helped;
    struct engine_offers offers;
    struct rule_counter passed[2], *all_counters[2];
    struct policy policy;
    struct fast *fast;
    uint64_t random;
    bool v6;
    uint16_t port;
    const char *source;
    unsigned number; /* of the packet in the dialogue */
    unsigned long packets, allowed, bypassed, faults;
};

static struct ruleset ruleset;

/* xorshift64: the same seed gives the same packets everywhere. */
static uint32_t draw(struct test *test, uint32_t below)
{
    test->random ^= test->random << 13;
    test->random ^= test->random >> 7;
    test->random ^= test->random << 17;
    return (uint32_t)(test->random >> 32) % below;
}

static void __attribute__((format(printf, 2, 3))) complain(struct test *test, const char *format, ...)
{
    va_list arguments;
    if (test->faults++ >= COMPLAINTS_MAX)
        return;
    printf("%s, packet %u: ", test->source, test->number);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

/* ---- one packet ---- */

/* What the program says of the packet. GSO_SIZE 0: it is an ordinary one. */
static bool program_passes(const struct test *test, const uint8_t *bytes, size_t length, unsigned gso_size)
{
    static uint8_t frame[ETHERNET_BYTES + BUILD_BYTES_MAX];
    struct __sk_buff context = {.gso_size = gso_size, .gso_segs = gso_size != 0 ? 2 : 0};
    union bpf_attr attributes = {.test = {
        .prog_fd = (uint32_t)fastpath_program_fd(fast_kernel(test->fast)),
        .data_in = (uint64_t)(uintptr_t)frame,
        .data_size_in = (uint32_t)(ETHERNET_BYTES + length),
        .ctx_in = (uint64_t)(uintptr_t)&context,
        .ctx_size_in = sizeof context,
        .repeat = 1,
    }};
    frame[12] = test->v6 ? 0x86 : 0x08;
    frame[13] = test->v6 ? 0xdd : 0x00;
    memcpy(frame + ETHERNET_BYTES, bytes, length);
    if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof attributes) != 0) {
        printf("BPF_PROG_TEST_RUN of %zu bytes: %s\n", length, strerror(errno));
        exit(1);
    }
    return attributes.test.retval != 0;
}

static struct verdict judge(struct party *party, const uint8_t *bytes, size_t length, uint64_t now_ms,
                            enum checksum_status checksum)
{
    struct arrival arrival = {.now_ms = now_ms, .in_interface = 1, .out_interface = 2, .chain = CHAIN_FORWARD,
                              .checksum = checksum, .length = (uint32_t)length};
    struct packet packet;
    struct verdict verdict;
    engine_packet(&party->engine, &arrival, bytes, length, &packet, &verdict);
    return verdict;
}

/* What the program has of the packet's connection is not behind what the engine has that just saw it. */
static void compare_entry(struct test *test, const struct tuple *tuple)
{
    struct table *table = test->helped.engine.table;
    struct fastpath_entry entry;
    uint32_t hash = table_hash(table, tuple);
    table_lock(table, hash);
    const struct connection *connection = table_find(table, hash, tuple);
    if (connection != NULL && connection->offloaded && fastpath_read(fast_kernel(test->fast), tuple, &entry))
        for (unsigned i = 0; i < DIRECTION_COUNT; i++) {
            const struct tcp_peer *peer = &connection->transport.tcp.peer[i];
            const struct fastpath_side *side = &entry.sides[connection_side(connection, i)];
            if (side->sent != ((uint64_t)peer->end << 32 | peer->ack) ||
                side->allowed != ((uint64_t)peer->end_max << 32 | peer->window))
                complain(test, "the entry stands at sent %llx allowed %llx, the engine at end %x ack %x end_max %x window %x",
                         (unsigned long long)side->sent, (unsigned long long)side->allowed, peer->end, peer->ack, peer->end_max,
                         peer->window);
        }
    table_unlock(table, hash);
}

static void take_packet(struct test *test, const uint8_t *bytes, size_t length, unsigned gso_size, enum checksum_status checksum)
{
    uint64_t now_ms = clock_now_ms();
    test->number++;
    test->packets++;
    bool passes = program_passes(test, bytes, length, gso_size);
    struct verdict alone = judge(&test->alone, bytes, length, now_ms, checksum);
    test->allowed += alone.action == ACTION_ALLOW;
    test->bypassed += passes;
    if (passes && alone.action != ACTION_ALLOW)
        complain(test, "the program passes what the engine denies as %s", reason_name(alone.reason));
    if (passes)
        return;
    struct verdict helped = judge(&test->helped, bytes, length, now_ms, checksum);
    fast_enter(test->fast, &test->policy, &test->helped.engine);
    if (helped.action != alone.action || helped.reason != alone.reason || helped.state != alone.state)
        complain(test, "%s %s with the program before it, %s %s alone", action_name(helped.action), reason_name(helped.reason),
                 action_name(alone.action), reason_name(alone.reason));
    struct packet packet;
    struct tuple tuple;
    if (packet_decode(&packet, bytes, length, length, checksum) == REASON_NONE && packet.protocol == PROTOCOL_TCP) {
        tuple_of(&tuple, &packet);
        compare_entry(test, &tuple);
    }
}

/* ---- what both know ---- */

static struct connection known(const struct party *party, const struct tuple *tuple)
{
    struct table *table = party->engine.table;
    uint32_t hash = table_hash(table, tuple);
    struct connection connection = {.id = 0};
    table_lock(table, hash);
    struct connection *found = table_find(table, hash, tuple);
    if (found != NULL) {
        table_catch_up(table, found);
        connection = *found;
    }
    table_unlock(table, hash);
    return connection;
}

static void compare_peers(struct test *test, const struct tcp_peer *helped, const struct tcp_peer *alone)
{
    if (helped->end != alone->end || helped->end_max != alone->end_max || helped->ack != alone->ack ||
        helped->window != alone->window || helped->flags != alone->flags)
        complain(test, "end %u allowed %u ack %u window %u flags %x with the program, end %u allowed %u ack %u window %u flags %x alone",
                 helped->end, helped->end_max, helped->ack, helped->window, helped->flags, alone->end, alone->end_max, alone->ack,
                 alone->window, alone->flags);
}

static void compare(struct test *test, const struct tuple *tuple)
{
    struct connection helped = known(&test->helped, tuple), alone = known(&test->alone, tuple);
    if (helped.id != alone.id || helped.state != alone.state || helped.flags != alone.flags ||
        helped.timeout_ms != alone.timeout_ms)
        complain(test, "state %u flags %x timeout %u with the program, %u %x %u alone", helped.state, helped.flags,
                 helped.timeout_ms, alone.state, alone.flags, alone.timeout_ms);
    for (unsigned i = 0; i < DIRECTION_COUNT; i++) {
        if (helped.packets[i] != alone.packets[i] || helped.bytes[i] != alone.bytes[i])
            complain(test, "%llu packets, %llu bytes with the program, %llu, %llu alone", (unsigned long long)helped.packets[i],
                     (unsigned long long)helped.bytes[i], (unsigned long long)alone.packets[i],
                     (unsigned long long)alone.bytes[i]);
        if (tuple->protocol == PROTOCOL_TCP)
            compare_peers(test, &helped.transport.tcp.peer[i], &alone.transport.tcp.peer[i]);
    }
}

/* ---- packets that are wrong ---- */

static const uint8_t timestamps[12] = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
static const uint8_t odd_timestamps[12] = {8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1};
static const uint8_t broken_option[4] = {2, 9, 0, 0};
static const uint8_t end_of_options[4] = {0, 0, 0, 0};
static const uint8_t ip4_options[4] = {1, 1, 1, 0};
static const uint8_t ip6_options[8] = {PROTOCOL_TCP, 0, 1, 4, 0, 0, 0, 0};
static const uint8_t ip6_options_udp[8] = {PROTOCOL_UDP, 0, 1, 4, 0, 0, 0, 0};

static uint32_t stray(struct test *test)
{
    static const uint32_t distances[] = {1, 100, 1460, 30000, 65535, 66001, 200000, 1u << 20, 1u << 30, 1u << 31};
    uint32_t distance = distances[draw(test, sizeof distances / sizeof distances[0])];
    return draw(test, 2) ? distance : -distance;
}

static void patch(struct build *build, unsigned offset, unsigned size, uint32_t value)
{
    build->patches[0] = (struct build_patch){(uint16_t)offset, (uint8_t)size, value};
}

/* Numbers, windows and flags that lie somewhere else. */
static void mutate_numbers(struct test *test, struct build *build)
{
    static const uint8_t flags[] = {0, TCP_FIN, TCP_RST, TCP_RST | TCP_ACK, TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK | TCP_URG, TCP_PSH,
                                    TCP_ACK | TCP_PSH | TCP_ECE, TCP_ACK | TCP_CWR, TCP_FIN | TCP_SYN, 0xff};
    switch (draw(test, 6)) {
    case 0:
        build->seq += stray(test);
        break;
    case 1:
        build->ack += stray(test);
        break;
    case 2:
        build->seq += stray(test);
        build->ack += stray(test);
        break;
    case 3:
        build->window = draw(test, 2) ? 0 : (uint16_t)draw(test, 65536);
        break;
    case 4:
        build->flags = flags[draw(test, sizeof flags)];
        build->seq += draw(test, 2) ? 0 : stray(test);
        break;
    case 5:
        build->payload.length = draw(test, 1400);
        break;
    }
}

/* Headers that are written otherwise, some of them wrongly. */
static void mutate_headers(struct test *test, struct build *build)
{
    unsigned transport = test->v6 ? 40 : 20;
    switch (draw(test, 10)) {
    case 0:
        build->ip_options = test->v6 ? (struct build_bytes){build->protocol == PROTOCOL_TCP ? ip6_options : ip6_options_udp, 8}
                                     : (struct build_bytes){ip4_options, 4};
        build->extension = 60;
        break;
    case 1:
        build->tcp_options = (struct build_bytes){odd_timestamps, 12};
        break;
    case 2:
        build->tcp_options = (struct build_bytes){draw(test, 2) ? broken_option : end_of_options, 4};
        break;
    case 3:
        if (!test->v6) /* more fragments, a later one, the reserved bit, do not fragment */
            patch(build, 6, 2, (const uint32_t[]){0x2000, 0x0010, 0x8000, 0x4000}[draw(test, 4)]);
        break;
    case 4: /* the length of the packet, a little wrong */
        patch(build, test->v6 ? 4 : 2, 2, (uint32_t)(build->payload.length + 20 + draw(test, 64)));
        break;
    case 5:
        if (build->protocol == PROTOCOL_TCP)
            patch(build, transport + 12, 1, draw(test, 16) << 4);
        else
            patch(build, transport + 4, 2, draw(test, 1500));
        break;
    case 6:
        patch(build, test->v6 ? 6 : 9, 1, draw(test, 256));
        break;
    case 7:
        patch(build, 0, 1, draw(test, 256));
        break;
    case 9: /* timestamps that the packet is too short for */
        if (build->protocol == PROTOCOL_TCP) {
            build->tcp_options = (struct build_bytes){timestamps, 4};
            build->payload.length = draw(test, 12);
            patch(build, transport + 12, 1, 8 << 4);
        }
        break;
    case 8: /* somebody else's packet, or to somebody else */
        build->src_port = (uint16_t)(build->src_port + draw(test, 2));
        build->dst_port = (uint16_t)(build->dst_port + draw(test, 2));
        break;
    }
}

static void send(struct test *test, const struct build *build)
{
    static uint8_t bytes[BUILD_BYTES_MAX];
    size_t length = build_packet(build, bytes);
    /* Segments that the network card or the kernel has put together. */
    unsigned gso_size = build->payload.length > 1000 && draw(test, 4) == 0 ? 500 : 0;
    /* A datagram without a checksum, which only IPv4 allows. */
    bool without = build->protocol == PROTOCOL_UDP && build->patches[0].size == 0 && build->ip_options.length == 0 &&
                   draw(test, 16) == 0;
    if (without)
        memset(bytes + (test->v6 ? 40 : 20) + 6, 0, 2);
    take_packet(test, bytes, length, gso_size, without ? CHECKSUM_VERIFY : CHECKSUM_UNFILLED);
}

/* The packet, and now and then one like it before or after. */
static void send_among_others(struct test *test, const struct build *build)
{
    for (unsigned i = 0; i < 2; i++) {
        struct build other = *build;
        if (draw(test, 8) == 0) {
            if (draw(test, 2) && build->protocol == PROTOCOL_TCP)
                mutate_numbers(test, &other);
            else
                mutate_headers(test, &other);
            send(test, &other);
        }
        if (i == 0)
            send(test, build);
    }
    switch (draw(test, 200)) {
    case 0:
        fast_publish(test->fast, &test->policy, true);
        break;
    case 1:
        fast_turn(test->fast, clock_now_ms());
        break;
    }
}

/* ---- dialogues ---- */

static const char *const clients[] = {"10.9.0.7", "2001:db8:9::7"}, *const servers[] = {"198.51.100.5", "2001:db8:5::1"};

static void put_u32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static struct build between(const struct test *test, uint8_t protocol, bool from_server)
{
    const char *client = clients[test->v6], *server = servers[test->v6];
    return (struct build){
        .src = from_server ? server : client,
        .dst = from_server ? client : server,
        .protocol = protocol,
        .src_port = from_server ? 80 : test->port,
        .dst_port = from_server ? test->port : 80,
    };
}

static void tell(void *context, const struct segment *segment)
{
    struct test *test = context;
    static const uint8_t payload[2048];
    uint8_t options[40];
    size_t used = 0;
    struct build build = between(test, PROTOCOL_TCP, segment->from_server);
    build.flags = segment->flags;
    build.seq = segment->seq;
    build.ack = segment->ack;
    build.window = segment->window;
    build.payload = (struct build_bytes){payload, segment->length};
    if (!(segment->flags & TCP_SYN) && test->port % 2) {
        memcpy(options, timestamps, sizeof timestamps);
        used = sizeof timestamps;
    }
    if (segment->sacks) {
        const uint8_t head[4] = {1, 1, 5, 10};
        memcpy(options + used, head, 4);
        put_u32(options + used + 4, segment->sack_begin);
        put_u32(options + used + 8, segment->sack_end);
        used += 12;
    } else if (segment->flags & TCP_SYN && segment->scale != DIALOGUE_NO_SCALE) {
        const uint8_t scale[4] = {1, 3, 3, segment->scale};
        memcpy(options + used, scale, 4);
        used += 4;
    }
    build.tcp_options = (struct build_bytes){options, used};
    send_among_others(test, &build);
}

/* Datagrams to and fro. */
static void tell_datagrams(struct test *test)
{
    static const uint8_t payload[2048];
    for (unsigned i = 0; i < 40; i++) {
        struct build build = between(test, PROTOCOL_UDP, i > 0 && draw(test, 2));
        build.payload = (struct build_bytes){payload, draw(test, 1400)};
        send_among_others(test, &build);
    }
}

static struct tuple tuple_between(const struct test *test, uint8_t protocol)
{
    static uint8_t bytes[BUILD_BYTES_MAX];
    struct build build = between(test, protocol, false);
    struct packet packet;
    struct tuple tuple;
    size_t length = build_packet(&build, bytes);
    packet_decode(&packet, bytes, length, length, CHECKSUM_UNFILLED);
    tuple_of(&tuple, &packet);
    return tuple;
}

static void take_dialogue(struct test *test, uint64_t seed)
{
    char name[64];
    bool udp = seed % 5 == 4;
    snprintf(name, sizeof name, "the dialogue of seed %llu", (unsigned long long)seed);
    test->source = name;
    test->number = 0;
    test->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    test->v6 = seed % 2;
    test->port = (uint16_t)(1024 + seed * 4 % 60000 + seed / 2 % 2);
    if (udp)
        tell_datagrams(test);
    else
        dialogue(seed, tell, test);
    struct tuple tuple = tuple_between(test, udp ? PROTOCOL_UDP : PROTOCOL_TCP);
    compare(test, &tuple);
}

/* ---- what needs a connection that passes ---- */

static void expect(struct test *test, const struct build *build, bool passes, const char *what)
{
    static uint8_t bytes[BUILD_BYTES_MAX];
    size_t length = build_packet(build, bytes);
    if (program_passes(test, bytes, length, 0) != passes)
        complain(test, "%s: the program %s", what, passes ? "does not pass it" : "passes it");
}

static void begin_session(struct test *test, const char *name, uint16_t port)
{
    test->source = name;
    test->port = port;
    test->random = port;
    for (unsigned i = 0; i < 3; i++) {
        struct build build = between(test, PROTOCOL_UDP, i == 1);
        send(test, &build);
    }
}

/* Where nobody may say that he is another, packets pass only where those of their side came before. */
static void take_interfaces(struct test *test)
{
    ruleset.antispoof = true;
    begin_session(test, "interfaces", 702);
    struct build there = between(test, PROTOCOL_UDP, false), back = between(test, PROTOCOL_UDP, true);
    expect(test, &there, true, "a packet from the interface of the first one");
    expect(test, &back, false, "an answer from there");
    ruleset.antispoof = false;
}

/* The generation, the deadline, and the time that a connection may idle. */
static void take_times(struct test *test)
{
    struct fastpath *kernel = fast_kernel(test->fast);
    begin_session(test, "generation and deadline", 700);
    struct build build = between(test, PROTOCOL_UDP, false);
    expect(test, &build, true, "a packet of an entered connection");
    uint32_t generation = fastpath_generation_now(kernel);
    fastpath_generation(kernel, generation + 1);
    expect(test, &build, false, "another generation");
    fastpath_generation(kernel, generation);
    fastpath_deadline(kernel, clock_now_ms() + 10000);
    expect(test, &build, true, "before the deadline");
    fastpath_deadline(kernel, clock_now_ms() - 50); /* the clock of the program ticks coarsely */
    expect(test, &build, false, "after the deadline");
    fastpath_deadline(kernel, FASTPATH_FOREVER);
    ruleset.timeouts.ms[TIMEOUT_UDP_REPLIED] = 400;
    begin_session(test, "the idle time", 701);
    ruleset.timeouts.ms[TIMEOUT_UDP_REPLIED] = timeouts_default.ms[TIMEOUT_UDP_REPLIED];
    build = between(test, PROTOCOL_UDP, false);
    usleep(250000);
    expect(test, &build, true, "a packet in time");
    usleep(250000);
    expect(test, &build, true, "another one, in time after that");
    usleep(450000);
    expect(test, &build, false, "a packet that is too late");
}

static bool begin(struct test *test)
{
    char error[400];
    struct table_config config = {.capacity = TABLE_CAPACITY, .key = {1, 2}};
    struct surroundings *surroundings = surroundings_new(NULL, 0, NULL, 0);
    ruleset = (struct ruleset){.generation = 1, .rule_count = 1, .rules = &allow_all, .timeouts = timeouts_default};
    for (unsigned i = 0; i < 2; i++) {
        struct party *party = i == 0 ? &test->alone : &test->helped;
        party->engine.table = table_new(&config);
        party->engine.ruleset = &ruleset;
        party->engine.surroundings = surroundings;
        party->engine.rule_counters = party->counters;
    }
    test->helped.engine.offers = &test->offers;
    test->all_counters[0] = test->helped.counters;
    test->all_counters[1] = test->passed;
    test->policy = (struct policy){.ruleset = &ruleset, .surroundings = surroundings, .workers = 2, .counters = test->all_counters};
    const struct fast_config fast = {test->helped.engine.table, &test->policy, ENTRIES, FAST_DEATH_PASSES, false, NULL};
    test->fast = fast_start(&fast, error, sizeof error);
    if (test->fast == NULL) {
        printf("skipped: no fast path here: %s\n", error);
        return false;
    }
    fast_turn(test->fast, clock_now_ms());
    return true;
}

/* Takes over what passed of all connections, those of packets that were sent under another port too. */
static void sweep_all(struct test *test)
{
    /* One sweep may be under way. */
    uint64_t last = fast_use(test->fast).sweeps + 2;
    while (fast_use(test->fast).sweeps < last) {
        fast_turn(test->fast, clock_now_ms());
        usleep(10000);
    }
}

static uint64_t rule_packets(const struct rule_counter *counters)
{
    return counters[0].packets;
}

int main(int argc, char **argv)
{
    static struct test test;
    if (argc != 3) {
        fprintf(stderr, "usage: fastpath FIRST COUNT\n");
        return 2;
    }
    if (!begin(&test))
        return SKIP;
    uint64_t first = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
    for (uint64_t i = 0; i < count; i++)
        take_dialogue(&test, first + i);
    test.source = "all dialogues";
    sweep_all(&test);
    if (rule_packets(test.helped.counters) + rule_packets(test.passed) != rule_packets(test.alone.counters))
        complain(&test, "the rule has %llu and %llu packets, %llu alone", (unsigned long long)rule_packets(test.helped.counters),
                 (unsigned long long)rule_packets(test.passed), (unsigned long long)rule_packets(test.alone.counters));
    take_times(&test);
    take_interfaces(&test);
    printf("%lu packets, %lu allowed by the engine, %lu of them passed by the program, %lu faults\n", test.packets, test.allowed,
           test.bypassed, test.faults);
    fast_stop(test.fast, true);
    table_free(test.alone.engine.table);
    table_free(test.helped.engine.table);
    surroundings_free((struct surroundings *)test.alone.engine.surroundings);
    /* A program that passes nothing would never be wrong. */
    return test.faults == 0 && test.bypassed > test.allowed / 3 ? 0 : 1;
}
