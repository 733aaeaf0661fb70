/*
 * What the fast path costs: the program for a packet, and the daemon to enter, follow and take back connections.
 *
 *   fastpath CONNECTIONS
 *
 * UDP over IPv4. The program is run by the kernel on one packet of an entered connection, or of one that nobody knows, again and
 * again (BPF_PROG_TEST_RUN): warm, without the way to it.
 */
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "daemon/fast.h"
#include "fastpath/fastpath.h"
#include "tests/unit/allow_all.h"
#include "tests/unit/build.h"

#define ETHERNET_BYTES 14
#define RUNS 3000000u
#define ROUNDS 5

static struct ruleset ruleset;
static struct rule_counter counters[2], passed[2], *all_counters[2] = {counters, passed};
static struct engine_offers offers;
static struct engine engine;
static struct policy policy;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t datagram(uint8_t *bytes, unsigned connection, bool back)
{
    char client[32];
    snprintf(client, sizeof client, "10.%u.%u.%u", connection >> 16 & 255, connection >> 8 & 255, connection & 255);
    struct build build = {
        .src = back ? "198.51.100.5" : client,
        .dst = back ? client : "198.51.100.5",
        .protocol = PROTOCOL_UDP,
        .src_port = back ? 53 : 4000,
        .dst_port = back ? 4000 : 53,
        .payload = BYTES("0123456789abcdef"),
    };
    return build_packet(&build, bytes);
}

static void judge(const uint8_t *bytes, size_t length)
{
    struct arrival arrival = {.now_ms = clock_now_ms(), .in_interface = 1, .out_interface = 2, .length = (uint32_t)length};
    struct packet packet;
    struct verdict verdict;
    engine_packet(&engine, &arrival, bytes, length, &packet, &verdict);
}

/* Nanoseconds a run, the least of some rounds. */
static unsigned run_program(const struct fast *fast, unsigned connection, const char *what)
{
    static uint8_t frame[ETHERNET_BYTES + BUILD_BYTES_MAX] = {[12] = 0x08};
    size_t length = datagram(frame + ETHERNET_BYTES, connection, false);
    unsigned least = UINT32_MAX;
    for (unsigned round = 0; round < ROUNDS; round++) {
        union bpf_attr attributes = {.test = {
            .prog_fd = (uint32_t)fastpath_program_fd(fast_kernel(fast)),
            .data_in = (uint64_t)(uintptr_t)frame,
            .data_size_in = (uint32_t)(ETHERNET_BYTES + length),
            .repeat = RUNS,
        }};
        if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof attributes) != 0)
            exit(1);
        if (attributes.test.duration < least)
            least = attributes.test.duration;
    }
    printf("program, %s: %u ns a packet\n", what, least);
    return least;
}

int main(int argc, char **argv)
{
    static uint8_t bytes[BUILD_BYTES_MAX];
    unsigned count = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    char error[400];
    struct table_config config = {.capacity = count + 1, .key = {1, 2}};
    if (count == 0) {
        fprintf(stderr, "usage: fastpath CONNECTIONS\n");
        return 2;
    }
    ruleset = (struct ruleset){.generation = 1, .rule_count = 1, .rules = &allow_all, .timeouts = timeouts_default};
    ruleset.timeouts.ms[TIMEOUT_UDP_NEW] = ruleset.timeouts.ms[TIMEOUT_UDP_REPLIED] = 3600000;
    struct surroundings *surroundings = surroundings_new(NULL, 0, NULL, 0);
    policy = (struct policy){.ruleset = &ruleset, .surroundings = surroundings, .workers = 2, .counters = all_counters};
    engine = (struct engine){.table = table_new(&config), .ruleset = &ruleset, .surroundings = surroundings,
                             .rule_counters = counters, .offers = &offers};
    const struct fast_config fast_config = {engine.table, &policy, count, FAST_DEATH_PASSES, false, NULL};
    struct fast *fast = fast_start(&fast_config, error, sizeof error);
    if (fast == NULL) {
        fprintf(stderr, "no fast path here: %s\n", error);
        return 1;
    }
    double entering = 0;
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < 3; k++)
            judge(bytes, datagram(bytes, i, k == 1));
        if (offers.count < ENGINE_BATCH_MAX && i + 1 < count)
            continue;
        double began = now_s();
        fast_enter(fast, &policy, &engine);
        entering += now_s() - began;
    }
    printf("%u connections, %u entered: %.0f ns each, in batches\n", count, fast_use(fast).entries, entering * 1e9 / count);
    fast_turn(fast, clock_now_ms());
    run_program(fast, 0, "entered");
    run_program(fast, count + 1, "unknown");
    double took = 0, longest = 0;
    while (fast_use(fast).sweeps < 2) {
        uint64_t sweeps = fast_use(fast).sweeps;
        double before = now_s();
        fast_turn(fast, clock_now_ms());
        double turn = now_s() - before;
        took += sweeps > 0 ? turn : 0; /* the first one has begun before */
        if (turn > longest)
            longest = turn;
        if (turn < 1e-4)
            usleep(1000);
    }
    printf("a sweep: %.3f s, %.0f ns a connection; the longest turn %.1f ms\n", took, took * 1e9 / count, longest * 1e3);
    fast_stop(fast, true);
    return 0;
}
