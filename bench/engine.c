/*
 * The engine alone, on one core, without kernel or socket: established TCP segments and new connections, from memory.
 *
 *   bench/engine established CONNECTIONS PACKETS    CONNECTIONS are opened, then PACKETS segments of them, in random order
 *   bench/engine new PACKETS                        so many first packets of UDP sessions; then, when these are gone, again:
 *                                                   the first time the kernel fetches the table's memory, page by page
 *   bench/engine fill CONNECTIONS                   so many UDP sessions stay in the table; prints memory, the time of the packet
 *                                                   that took longest while it grew, and expiry; 400,000 a second with --state
 *   bench/engine rules PACKETS RULES ...            PACKETS new connections under so many random rules each (an office's:
 *                                                   tests/unit/random_rules.h), of both families, let in by rules spread over
 *                                                   the whole file; the numbers of rules take turns, medians, and the time
 *                                                   of one connection against the first number's; each table has been full
 *                                                   of others before
 *
 *   bench/engine adopt CONNECTIONS FILE             so many stand in a table that outlasts its process, in FILE; how long the next
 *                                                   one takes to take them over, killed or stopped in good order
 *   bench/engine --state FILE established ...       the table outlasts the process, in FILE (on a tmpfs), as the daemon's does;
 *                                                   for `new` and `fill` too
 *
 * Packets come in batches, as the daemon has them.
 * Prints packets a second; run it under `valgrind --tool=callgrind` for instructions, which do not vary.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "alg/alg.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/opener.h"
#include "packet/timeouts.h"
#include "state/inherit.h"
#include "tests/unit/allow_all.h"
#include "tests/unit/build.h"
#include "tests/unit/random_rules.h"

#define TABLE_CAPACITY (1u << 22)

static struct engine engine;
static struct arrival arrival = {.now_ms = 1000, .checksum = CHECKSUM_GOOD, .in_interface = 1, .out_interface = 2};

/* ---- a table that outlasts the process ---- */

static const struct estate_boot boot;
static struct estate *estate;

static void make_estate(const char *path)
{
    unlink(path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    estate = fd >= 0 ? estate_new(fd, &boot) : NULL;
    if (estate == NULL) {
        perror(path);
        exit(1);
    }
}

/* The daemon's main thread. */
static void *tend(void *unused)
{
    const struct timespec pause = {0, 50000000};
    (void)unused;
    for (;;) {
        table_tend(engine.table);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void engine_start(const char *state)
{
    static struct ruleset ruleset = {.generation = 1, .rule_count = 1, .rules = &allow_all};
    static struct rule_counter counters[2];
    struct table_config config = {.capacity = TABLE_CAPACITY, .key = {0x0123456789abcdef, 0xfedcba9876543210}};
    if (state != NULL)
        make_estate(state);
    config.estate = estate;
    ruleset.timeouts = timeouts_default;
    engine.table = table_new(&config);
    engine.ruleset = &ruleset;
    engine.surroundings = surroundings_new(NULL, 0, NULL, 0);
    engine.rule_counters = counters;
    if (engine.table == NULL || engine.surroundings == NULL) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }
}

static void put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, (uint16_t)(value >> 16));
    put16(at + 2, (uint16_t)value);
}

/* The IPv4 header of the NUMBERth connection, in one direction or the other. */
static void put_ip(uint8_t *bytes, uint32_t number, bool reply, uint8_t protocol, uint16_t length)
{
    uint32_t client = 0x0a000000 + number / 50000, server = 0xc0000201;
    uint32_t sum = 0;
    memset(bytes, 0, 20);
    bytes[0] = 0x45;
    put16(bytes + 2, length);
    bytes[8] = 64;
    bytes[9] = protocol;
    put32(bytes + 12, reply ? server : client);
    put32(bytes + 16, reply ? client : server);
    for (unsigned i = 0; i < 20; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    put16(bytes + 10, (uint16_t)~((sum & 0xffff) + (sum >> 16)));
    put16(bytes + 20, reply ? 80 : (uint16_t)(1024 + number % 50000));
    put16(bytes + 22, reply ? (uint16_t)(1024 + number % 50000) : 80);
}

#define SEGMENT_BYTES 40

static void make_segment(uint8_t bytes[SEGMENT_BYTES], uint32_t number, bool reply, uint8_t flags, uint32_t seq,
                         uint32_t ack)
{
    put_ip(bytes, number, reply, PROTOCOL_TCP, SEGMENT_BYTES);
    memset(bytes + 24, 0, 16);
    put32(bytes + 24, seq);
    put32(bytes + 28, ack);
    bytes[32] = 0x50;
    bytes[33] = flags;
    put16(bytes + 34, 65535);
}

static void judge(const uint8_t *bytes, uint32_t length)
{
    struct packet packet;
    struct verdict verdict;
    arrival.length = length;
    engine_packet(&engine, &arrival, bytes, length, &packet, &verdict);
    if (verdict.action != ACTION_ALLOW) {
        fprintf(stderr, "denied: %s\n", reason_name(verdict.reason));
        exit(1);
    }
}

static void open_connection(uint32_t number)
{
    uint8_t bytes[SEGMENT_BYTES];
    make_segment(bytes, number, false, TCP_SYN, 1000, 0);
    judge(bytes, sizeof bytes);
    make_segment(bytes, number, true, TCP_SYN | TCP_ACK, 5000, 1001);
    judge(bytes, sizeof bytes);
    make_segment(bytes, number, false, TCP_ACK, 1001, 5001);
    judge(bytes, sizeof bytes);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Of this thread alone: what else the machine does meanwhile is no fault of the table's. */
static double own_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A generator that costs next to nothing (xorshift64, Marsaglia 2003). */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A batch of segments out of the RING, in random order. The kernel would have brought their bytes along just before. */
static void judge_batch(uint8_t (*ring)[SEGMENT_BYTES], uint32_t connections, uint64_t *random)
{
    static struct engine_job jobs[ENGINE_BATCH_MAX];
    arrival.length = SEGMENT_BYTES;
    for (unsigned i = 0; i < ENGINE_BATCH_MAX; i++) {
        jobs[i].arrival = arrival;
        jobs[i].bytes = ring[next_random(random) % connections];
        jobs[i].captured = SEGMENT_BYTES;
        __builtin_prefetch(jobs[i].bytes);
    }
    engine_batch(&engine, jobs, ENGINE_BATCH_MAX);
    for (unsigned i = 0; i < ENGINE_BATCH_MAX; i++)
        if (jobs[i].verdict.action != ACTION_ALLOW) {
            fprintf(stderr, "denied: %s\n", reason_name(jobs[i].verdict.reason));
            exit(1);
        }
}

static void run_established(uint32_t connections, uint64_t packets)
{
    uint64_t random = 88172645463325252u;
    uint8_t(*ring)[SEGMENT_BYTES] = malloc((size_t)connections * SEGMENT_BYTES);
    if (ring == NULL)
        exit(1);
    for (uint32_t i = 0; i < connections; i++) {
        open_connection(i);
        make_segment(ring[i], i, i & 1, TCP_ACK, i & 1 ? 5001 : 1001, i & 1 ? 1001 : 5001);
    }
    double start = seconds();
    for (uint64_t i = 0; i < packets; i += ENGINE_BATCH_MAX)
        judge_batch(ring, connections, &random);
    double took = seconds() - start;
    printf("established: %u connections, %.2f million packets/s\n", connections, (double)packets / took / 1e6);
    free(ring);
}

#define DATAGRAM_BYTES 28

static void make_datagram(uint8_t bytes[DATAGRAM_BYTES], uint32_t number)
{
    put_ip(bytes, number, false, PROTOCOL_UDP, DATAGRAM_BYTES);
    put16(bytes + 24, 8);
    put16(bytes + 26, 0);
}

static void open_udp(uint32_t number)
{
    uint8_t bytes[DATAGRAM_BYTES];
    make_datagram(bytes, number);
    judge(bytes, sizeof bytes);
}

/* The jobs of a batch, while it is put together. */
static struct engine_job batch[ENGINE_BATCH_MAX];
static unsigned batch_count;

static void batch_judge(void)
{
    engine_batch(&engine, batch, batch_count);
    for (unsigned i = 0; i < batch_count; i++)
        if (batch[i].verdict.action != ACTION_ALLOW) {
            fprintf(stderr, "denied: %s\n", reason_name(batch[i].verdict.reason));
            exit(1);
        }
    batch_count = 0;
}

/* BYTES are borrowed until the batch is full. */
static void batch_put(const uint8_t *bytes, uint16_t length)
{
    struct engine_job *job = &batch[batch_count++];
    arrival.length = length;
    *job = (struct engine_job){.arrival = arrival, .bytes = bytes, .captured = length};
    if (batch_count == ENGINE_BATCH_MAX)
        batch_judge();
}

/* All that is in the table is gone, long after its time. */
static void forget_all(void)
{
    arrival.now_ms += 1000000;
    while (!engine_expire(&engine, 0, 1, arrival.now_ms, UINT32_MAX))
        ;
}

static double open_many(uint32_t packets)
{
    static uint8_t bytes[ENGINE_BATCH_MAX][DATAGRAM_BYTES];
    double start = seconds();
    for (uint32_t i = 0; i < packets; i++) {
        make_datagram(bytes[i % ENGINE_BATCH_MAX], i);
        batch_put(bytes[i % ENGINE_BATCH_MAX], DATAGRAM_BYTES);
    }
    batch_judge();
    return seconds() - start;
}

static void run_new(uint32_t packets)
{
    double first = open_many(packets);
    forget_all();
    double again = open_many(packets);
    printf("new: %u connections, %.2f million/s in fresh memory, %.2f million/s after that\n", packets, packets / first / 1e6,
           packets / again / 1e6);
}

/* The daemon's turns (daemon/worker.c): so many entries a stripe, at once again while there is more to do. */
#define TURN_MS 100
#define AGAIN_MS 1
#define TURN_BUDGET 16

struct lateness {
    uint64_t now_ms, worst_ms;
};

static void see_late(void *context, struct connection *connection)
{
    struct lateness *late = context;
    uint64_t due = connection->seen_ms + connection->timeout_ms;
    if (late->now_ms > due && late->now_ms - due > late->worst_ms)
        late->worst_ms = late->now_ms - due;
}

/* How late is the entry that is latest? */
static void look_for_late(struct lateness *late, uint64_t now_ms)
{
    uint32_t place = 0;
    late->now_ms = now_ms;
    do
        place = table_walk(engine.table, place, UINT32_MAX, 0, see_late, late);
    while (place != 0);
}

/* Expires everything, in turns as the daemon takes them; the time that a turn takes passes for the table too. */
static void expire_all(uint64_t now_ms)
{
    struct lateness late = {0, 0};
    double worst = 0;
    uint64_t looked = now_ms;
    while (table_use(engine.table).now > 0) {
        double turn = own_seconds();
        bool done = engine_expire(&engine, 0, 1, now_ms, TURN_BUDGET);
        turn = own_seconds() - turn;
        worst = turn > worst ? turn : worst;
        now_ms += (done ? TURN_MS : AGAIN_MS) + (uint64_t)(turn * 1000);
        if (now_ms > looked + 200) {
            look_for_late(&late, now_ms);
            looked = now_ms;
        }
    }
    printf("fill: all expired; the latest %llu ms after its time; the longest turn %.0f us\n",
           (unsigned long long)late.worst_ms, worst * 1e6);
}

/* Where somebody tends to the memory: no more than a queue brings. */
#define FILL_RATE 400000.0

static void pace(double start, uint32_t done)
{
    double ahead = start + done / FILL_RATE - seconds();
    if (estate != NULL && ahead > 0)
        nanosleep(&(struct timespec){(time_t)ahead, (long)((ahead - (double)(time_t)ahead) * 1e9)}, NULL);
}

static void run_fill(uint32_t connections)
{
    struct rusage usage;
    double worst = 0, first = 0, before = own_seconds();
    double start = seconds();
    for (uint32_t i = 0; i < connections; i++) {
        arrival.now_ms = 1000 + i / 200; /* 200,000 a second */
        if (i % 1000 == 0) {
            pace(start, i);
            before = own_seconds();
        }
        open_udp(i);
        double now = own_seconds();
        /* The first ones fetch the hash, too. */
        if (i >= connections / 100)
            worst = now - before > worst ? now - before : worst;
        else
            first = now - before > first ? now - before : first;
        before = now;
    }
    struct table_use use = table_use(engine.table);
    getrusage(RUSAGE_SELF, &usage);
    printf("fill: %u connections in the table, %.1f MB resident, %zu bytes an entry\n", use.now,
           (double)usage.ru_maxrss / 1024, sizeof(struct connection));
    printf("fill: the longest packet %.0f us, of the first hundredth %.0f us\n", worst * 1e6, first * 1e6);
    expire_all(arrival.now_ms);
}

/* ---- taking over ---- */

static void adopt_one(void *context, struct connection *connection)
{
    opener_adopt(context, connection, arrival.now_ms);
}

static void run_adopt(uint32_t connections, const char *path)
{
    enum estate_flaw flaw;
    struct inheritance inheritance;
    engine_start(path);
    for (uint32_t i = 0; i < connections; i++)
        open_udp(i);
    for (unsigned sealed = 0; sealed < 2; sealed++) {
        double seal = seconds();
        if (sealed)
            estate_seal(estate);
        seal = seconds() - seal;
        int fd = open(path, O_RDONLY);
        double start = seconds();
        struct estate *former = estate_open(fd, &boot, &flaw);
        double opened = seconds() - start;
        engine_start(path);
        struct inherit_config config = {former, engine.table, arrival.now_ms, DIALECT_COUNT, adopt_one, &engine};
        inherit(&config, &inheritance);
        printf("adopt: %u connections, %s: %.3f s to seal, %.3f s to open, %.3f s to take over\n", inheritance.adopted,
               sealed ? "saved" : "killed", seal, opened, seconds() - start - opened);
        estate_close(former);
        close(fd);
    }
    unlink(path);
}

/* ---- many rules ---- */

#define ROUNDS 7
#define FIRSTS 16384 /* different first packets, sent again and again from other ports */
#define FIRST_BYTES 64

struct first {
    uint8_t bytes[FIRST_BYTES];
    uint16_t length, in_interface, out_interface;
    bool v4;
};

struct many {
    unsigned rules;
    struct ruleset *ruleset;
    struct surroundings *surroundings;
    struct rule_counter *counters;
    struct first *firsts;
    double place, ns[ROUNDS];
};

static void build_first(const struct query *query, struct first *first)
{
    static uint8_t bytes[BUILD_BYTES_MAX];
    char src[64], dst[64];
    struct text text;
    text_init(&text, src, sizeof src);
    address_to_text(&text, query->src);
    text_init(&text, dst, sizeof dst);
    address_to_text(&text, query->dst);
    struct build build = {.src = src, .dst = dst, .protocol = query->protocol, .dst_port = query->service, .flags = TCP_SYN,
                          .window = 65535};
    first->length = (uint16_t)build_packet(&build, bytes);
    memcpy(first->bytes, bytes, first->length);
    first->in_interface = query->src_zone; /* random_surroundings: of the zone's number */
    first->out_interface = query->dst_zone;
    first->v4 = address_is_v4(query->src);
}

/* First packets that the rules let in. */
static void make_firsts(struct many *many, struct random *random)
{
    double places = 0;
    for (unsigned i = 0; i < FIRSTS;) {
        struct decision decision;
        struct query query = random_query_in(random, many->ruleset, random_below(random, many->rules));
        query.tcp_flags = query.protocol == PROTOCOL_TCP ? TCP_SYN : 0;
        classify(many->ruleset, many->surroundings, &query, &decision);
        if ((query.protocol != PROTOCOL_TCP && query.protocol != PROTOCOL_UDP) || decision.action != ACTION_ALLOW ||
            query.service == 0 || address_is_v4(query.src) != address_is_v4(query.dst))
            continue;
        places += (double)decision.rule / many->rules;
        build_first(&query, &many->firsts[i++]);
    }
    many->place = places / FIRSTS;
}

static void many_prepare(struct many *many, unsigned rules)
{
    struct random random = {88172645463325252u + rules};
    char *text = random_rules(&random, RANDOM_OFFICE, rules);
    *many = (struct many){.rules = rules, .ruleset = random_rules_read(text)};
    free(text);
    many->counters = calloc(rules + 1u, sizeof *many->counters);
    many->firsts = malloc(FIRSTS * sizeof *many->firsts);
    if (many->ruleset == NULL || many->counters == NULL || many->firsts == NULL)
        exit(1);
    many->ruleset->generation = 1;
    many->surroundings = random_surroundings(&random, many->ruleset);
    make_firsts(many, &random);
}

static void open_firsts(const struct many *many, uint32_t packets)
{
    for (uint32_t i = 0; i < packets; i++) {
        struct first *first = &many->firsts[i % FIRSTS];
        put16(first->bytes + (first->v4 ? 20 : 40), (uint16_t)(1024 + i / FIRSTS));
        arrival.in_interface = first->in_interface;
        arrival.out_interface = first->out_interface;
        batch_put(first->bytes, first->length);
    }
    batch_judge();
}

static double many_run(const struct many *many, uint32_t packets)
{
    struct table_config config = {.capacity = 1u << 20, .key = {0x0123456789abcdef, 0xfedcba9876543210}};
    engine = (struct engine){.table = table_new(&config), .ruleset = many->ruleset, .surroundings = many->surroundings,
                             .rule_counters = many->counters};
    if (engine.table == NULL)
        exit(1);
    open_firsts(many, packets);
    forget_all();
    double start = seconds();
    open_firsts(many, packets);
    double took = seconds() - start;
    table_free(engine.table);
    return took / packets * 1e9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

#define NUMBERS_MAX 8

static void run_rules(uint32_t packets, unsigned count, char **numbers)
{
    static struct many manys[NUMBERS_MAX];
    for (unsigned i = 0; i < count; i++)
        many_prepare(&manys[i], (unsigned)strtoul(numbers[i], NULL, 10));
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < count; i++)
            manys[i].ns[round] = many_run(&manys[i], packets);
    for (unsigned i = 0; i < count; i++) {
        qsort(manys[i].ns, ROUNDS, sizeof manys[i].ns[0], by_value);
        double ns = manys[i].ns[ROUNDS / 2];
        printf("rules: %6u, %u new connections, %.2f million/s, %.2f times the time of the first; deciding at %.0f%% of the file\n",
               manys[i].rules, packets, 1e3 / ns, ns / manys[0].ns[ROUNDS / 2], manys[i].place * 100);
    }
}

int main(int argc, char **argv)
{
    if (argc >= 4 && argc - 3 <= NUMBERS_MAX && strcmp(argv[1], "rules") == 0) {
        run_rules((uint32_t)strtoul(argv[2], NULL, 10), (unsigned)argc - 3, argv + 3);
        return 0;
    }
    if (argc == 4 && strcmp(argv[1], "adopt") == 0) {
        run_adopt((uint32_t)strtoul(argv[2], NULL, 10), argv[3]);
        return 0;
    }
    const char *state = argc > 3 && strcmp(argv[1], "--state") == 0 ? argv[2] : NULL;
    argc -= state != NULL ? 2 : 0;
    argv += state != NULL ? 2 : 0;
    engine_start(state);
    pthread_t thread;
    if (state != NULL) {
        unlink(state);
        pthread_create(&thread, NULL, tend, NULL);
    }
    if (argc == 4 && strcmp(argv[1], "established") == 0)
        run_established((uint32_t)strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    else if (argc == 3 && strcmp(argv[1], "new") == 0)
        run_new((uint32_t)strtoul(argv[2], NULL, 10));
    else if (argc == 3 && strcmp(argv[1], "fill") == 0)
        run_fill((uint32_t)strtoul(argv[2], NULL, 10));
    else {
        fprintf(stderr,
                "usage: %s [--state FILE] established CONNECTIONS PACKETS | new PACKETS | fill CONNECTIONS\n"
                "       %s rules PACKETS RULES ... | adopt CONNECTIONS FILE\n",
                argv[0], argv[0]);
        return 2;
    }
    return 0;
}
