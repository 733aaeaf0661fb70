/*
 * Sends small packets of many connections through a gateway, and counts what comes out at the other side.
 *
 *   blast CLIENT SERVER GATEWAY_MACS [OPTION ...]
 *
 * CLIENT and SERVER are NAMESPACE:INTERFACE (a file below /run/netns), GATEWAY_MACS the gateway's on the client's side and on
 * the server's, with a comma. The connections come from 10.0.0.0/8, which is to be routed to the client, and go to 198.18.0.1,
 * which is to be routed to the server; neither host should answer them. Both sides' packets are made here, so nothing but
 * the gateway is measured: UDP sessions, or TCP connections with their handshake and segments inside of the window.
 *
 *   --flows N      so many connections (1000)
 *   --tcp          TCP; else UDP
 *   --new          every packet is the first one of a connection: --flows is how many before they come again
 *   --first N      the number of the first connection, so that another run has others (0)
 *   --opened       the connections stand already
 *   --seconds S    measured for so long (2)
 *   --rate N       packets a second; 0: as many as possible (0)
 *   --latency      how long packets take, each of them; from the client to the server only
 *   --cpu N        runs there
 *
 * Prints one JSON object: packets sent and delivered a second, and with --latency microseconds at the 50th, 99th and 99.9th
 * percent of those that arrived, the longest time without an arrival (ms), and how many were lost.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_BYTES 60 /* the least of Ethernet, without its checksum */
#define BATCH 64
#define WAVE 512       /* packets of one kind in a row while connections are opened */
#define WAVE_SECONDS 0.5
#define PORTS 50000u
#define SAMPLES_MAX (1u << 24)
#define STAMP_OFFSET 46 /* of the time in a UDP frame: behind 14 + 20 + 8 bytes, aligned to what is left */

enum side { CLIENT, SERVER };

struct host {
    char namespace[64], interface[IF_NAMESIZE];
    int namespace_fd, socket;
    uint8_t own[6], gateway[6];
};

static struct host hosts[2];
static struct {
    uint32_t flows, first, rate;
    bool tcp, fresh, opened, latency;
    double seconds;
} options = {.flows = 1000, .seconds = 2};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ---- the two hosts ---- */

static void enter(const struct host *host)
{
    if (setns(host->namespace_fd, CLONE_NEWNET) != 0)
        fail("setns");
}

static void read_mac(const char *text, uint8_t mac[6])
{
    unsigned byte[6];
    if (sscanf(text, "%x:%x:%x:%x:%x:%x", &byte[0], &byte[1], &byte[2], &byte[3], &byte[4], &byte[5]) != 6) {
        fprintf(stderr, "blast: '%s' is no MAC address\n", text);
        exit(2);
    }
    for (unsigned i = 0; i < 6; i++)
        mac[i] = (uint8_t)byte[i];
}

static void open_host(struct host *host, const char *place, const char *gateway_mac)
{
    char path[128];
    if (sscanf(place, "%63[^:]:%15s", host->namespace, host->interface) != 2) {
        fprintf(stderr, "blast: '%s' is not NAMESPACE:INTERFACE\n", place);
        exit(2);
    }
    read_mac(gateway_mac, host->gateway);
    snprintf(path, sizeof path, "/run/netns/%s", host->namespace);
    host->namespace_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (host->namespace_fd < 0)
        fail(path);
    enter(host);
    host->socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, options.latency && host == &hosts[SERVER] ? htons(ETH_P_IP) : 0);
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_ifindex = (int)if_nametoindex(host->interface),
                                  .sll_protocol = options.latency && host == &hosts[SERVER] ? htons(ETH_P_IP) : 0};
    int yes = 1, room = 64 << 20;
    socklen_t length = sizeof address;
    if (host->socket < 0 || bind(host->socket, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(host->socket, (struct sockaddr *)&address, &length) != 0)
        fail(host->interface);
    setsockopt(host->socket, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes);
    setsockopt(host->socket, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    memcpy(host->own, address.sll_addr, 6);
}

/* What HOST's interface has received. */
static uint64_t received(const struct host *host)
{
    char line[512], name[64];
    unsigned long long bytes, packets;
    enter(host);
    FILE *file = fopen("/proc/thread-self/net/dev", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, " %63[^:]: %llu %llu", name, &bytes, &packets) == 3 && strcmp(name, host->interface) == 0) {
            fclose(file);
            return packets;
        }
    fail("/proc/thread-self/net/dev");
    return 0;
}

/* ---- packets ---- */

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

static uint32_t add_words(const uint8_t *bytes, unsigned length, uint32_t sum)
{
    for (unsigned i = 0; i + 1 < length; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    return sum;
}

static uint16_t checksum(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~((sum & 0xffff) + (sum >> 16));
}

/* A frame of the FLOWth connection from SIDE. Everything is filled in, as a network card hands it over. */
static void make_frame(uint8_t frame[FRAME_BYTES], uint32_t flow, enum side side, uint8_t flags, uint32_t seq, uint32_t ack)
{
    uint8_t *ip = frame + 14, *transport = ip + 20, protocol = options.tcp ? 6 : 17;
    unsigned length = FRAME_BYTES - 34;
    uint32_t client = 0x0a010000 + flow / PORTS, server = 0xc6120001;
    uint16_t client_port = (uint16_t)(1024 + flow % PORTS), server_port = options.tcp ? 80 : 9;
    memset(frame, 0, FRAME_BYTES);
    memcpy(frame, hosts[side].gateway, 6);
    memcpy(frame + 6, hosts[side].own, 6);
    put16(frame + 12, ETH_P_IP);
    ip[0] = 0x45;
    put16(ip + 2, FRAME_BYTES - 14);
    ip[8] = 64;
    ip[9] = protocol;
    put32(ip + 12, side == CLIENT ? client : server);
    put32(ip + 16, side == CLIENT ? server : client);
    put16(ip + 10, checksum(add_words(ip, 20, 0)));
    put16(transport, side == CLIENT ? client_port : server_port);
    put16(transport + 2, side == CLIENT ? server_port : client_port);
    uint32_t sum = add_words(ip + 12, 8, protocol + length);
    if (options.tcp) {
        put32(transport + 4, seq);
        put32(transport + 8, ack);
        transport[12] = 0x50;
        transport[13] = flags;
        put16(transport + 14, 65535);
        put16(transport + 16, checksum(add_words(transport, length, sum)));
    } else {
        put16(transport + 4, length); /* its checksum is left out, as RFC 768 allows */
    }
}

#define TCP_SYN 0x02
#define TCP_ACK 0x10

/* The STEPth packet that opens a connection; who sends it. */
static enum side make_opening(uint8_t frame[FRAME_BYTES], uint32_t flow, unsigned step)
{
    enum side side = step == 1 ? SERVER : CLIENT;
    make_frame(frame, flow, side, step == 0 ? TCP_SYN : step == 1 ? TCP_SYN | TCP_ACK : TCP_ACK,
               side == SERVER ? 5000 : step == 0 ? 1000 : 1001, step == 0 ? 0 : side == SERVER ? 1001 : 5001);
    /* Six bytes of padding would be data of a SYN. */
    if (options.tcp && step < 2) {
        uint8_t *ip = frame + 14;
        put16(ip + 2, 40);
        put16(ip + 10, 0);
        put16(ip + 10, checksum(add_words(ip, 20, 0)));
        put16(ip + 36, 0);
        put16(ip + 36, checksum(add_words(ip + 20, 20, add_words(ip + 12, 8, 6 + 20))));
    }
    return side;
}

/* A packet of a connection that stands: the same six bytes again and again, as a sender without an answer does. */
static void make_going(uint8_t frame[FRAME_BYTES], uint32_t flow, enum side side)
{
    make_frame(frame, flow, side, TCP_ACK, side == CLIENT ? 1001 : 5001, side == CLIENT ? 5001 : 1001);
}

static unsigned send_frames(enum side side, uint8_t (*frames)[FRAME_BYTES], unsigned count)
{
    static struct mmsghdr messages[BATCH];
    static struct iovec vectors[BATCH];
    for (unsigned i = 0; i < count; i++) {
        vectors[i] = (struct iovec){frames[i], FRAME_BYTES};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    int sent = sendmmsg(hosts[side].socket, messages, count, 0);
    return sent < 0 ? 0 : (unsigned)sent;
}

/* ---- opening ---- */

/* Sends one step of COUNT connections from FIRST on, until their packets have come out or some time has passed. */
static void open_wave(uint32_t first, unsigned count, unsigned step)
{
    static uint8_t frames[BATCH][FRAME_BYTES];
    enum side side = step == 1 ? SERVER : CLIENT;
    uint64_t before = received(&hosts[!side]);
    for (unsigned done = 0; done < count;) {
        unsigned some = count - done < BATCH ? count - done : BATCH;
        for (unsigned i = 0; i < some; i++)
            make_opening(frames[i], first + done + i, step);
        done += send_frames(side, frames, some);
    }
    double end = seconds() + WAVE_SECONDS;
    while (received(&hosts[!side]) - before < count && seconds() < end)
        ;
}

static void open_flows(void)
{
    for (uint32_t done = 0; done < options.flows; done += WAVE) {
        unsigned count = options.flows - done < WAVE ? options.flows - done : WAVE;
        for (unsigned step = 0; step < (options.tcp ? 3 : 2); step++)
            open_wave(options.first + done, count, step);
    }
}

/* ---- measuring ---- */

static uint8_t (*ring)[FRAME_BYTES]; /* a frame of each connection, or of the first ones of many */
static uint32_t ring_size;
static uint32_t *samples;
static uint32_t sample_count;
static double last_arrival, longest_gap;

#define RING_MAX (1u << 20)

static enum side ring_side(uint32_t place)
{
    return options.fresh || options.latency ? CLIENT : place / BATCH % 2 ? SERVER : CLIENT;
}

static void make_ring(void)
{
    ring_size = options.flows < RING_MAX ? options.flows : RING_MAX;
    ring_size = (ring_size + BATCH - 1) / BATCH * BATCH;
    ring = aligned_alloc(64, (size_t)ring_size * FRAME_BYTES + 64);
    samples = malloc(SAMPLES_MAX * sizeof *samples);
    uint32_t *order = malloc(ring_size * sizeof *order);
    uint64_t random = 88172645463325252u;
    if (ring == NULL || samples == NULL || order == NULL)
        fail("memory");
    for (uint32_t i = 0; i < ring_size; i++)
        order[i] = options.first + i % options.flows;
    /* In random order, so that memory is asked for as it is in a real gateway. */
    for (uint32_t i = ring_size; i > 1 && !options.fresh; i--) {
        uint32_t other = (uint32_t)(next_random(&random) % i), kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
    for (uint32_t i = 0; i < ring_size; i++) {
        if (options.fresh)
            make_opening(ring[i], order[i], 0);
        else
            make_going(ring[i], order[i], ring_side(i));
    }
    free(order);
}

static void take_arrivals(double now)
{
    uint8_t bytes[128];
    ssize_t got;
    while ((got = recv(hosts[SERVER].socket, bytes, sizeof bytes, MSG_DONTWAIT)) >= STAMP_OFFSET + 8) {
        uint64_t stamp;
        if (bytes[14 + 9] != 17 || bytes[14 + 16] != 198)
            continue;
        memcpy(&stamp, bytes + STAMP_OFFSET, sizeof stamp);
        if (stamp == 0)
            continue;
        double took = now - (double)stamp / 1e9, gap = now - last_arrival;
        if (last_arrival > 0 && gap > longest_gap)
            longest_gap = gap;
        last_arrival = now;
        if (sample_count < SAMPLES_MAX)
            samples[sample_count++] = took < 0 ? 0 : (uint32_t)(took * 1e9);
    }
}

/* Sends the next frames of the ring from PLACE on; how many. */
static unsigned send_some(uint32_t place, unsigned count)
{
    if (options.latency)
        for (unsigned i = 0; i < count; i++) {
            uint64_t stamp = (uint64_t)(seconds() * 1e9);
            memcpy(ring[place + i] + STAMP_OFFSET, &stamp, sizeof stamp);
        }
    return send_frames(ring_side(place), ring + place, count);
}

static uint64_t blast(double *took)
{
    uint64_t sent = 0;
    uint32_t place = 0;
    double start = seconds(), now = start;
    while (now - start < options.seconds) {
        unsigned count = BATCH - place % BATCH;
        if (options.rate > 0) {
            uint64_t due = (uint64_t)((now - start) * options.rate);
            count = due - sent < count ? (unsigned)(due - sent) : count;
        }
        if (count > 0) {
            unsigned done = send_some(place, count);
            sent += done;
            place = (place + done) % ring_size;
        }
        now = seconds();
        if (options.latency)
            take_arrivals(now);
    }
    *took = now - start;
    return sent;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double percent(double part)
{
    return sample_count > 0 ? samples[(size_t)((sample_count - 1) * part)] / 1e3 : 0;
}

static void measure(void)
{
    double took;
    uint64_t before = received(&hosts[CLIENT]) + received(&hosts[SERVER]);
    uint64_t sent = blast(&took);
    for (double end = seconds() + 0.1; seconds() < end;)
        if (options.latency)
            take_arrivals(seconds());
    /* What waited in a queue at the end is not of this time: it is little against what came through. */
    uint64_t came = received(&hosts[CLIENT]) + received(&hosts[SERVER]) - before;
    printf("{\"sent\":%.0f,\"delivered\":%.0f", (double)sent / took, (double)came / took);
    if (options.latency) {
        qsort(samples, sample_count, sizeof *samples, by_value);
        printf(",\"lost\":%lld,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"longest_gap_ms\":%.3f",
               (long long)(sent - sample_count), percent(0.5), percent(0.99), percent(0.999), longest_gap * 1e3);
    }
    printf("}\n");
}

static void run_on(const char *text)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)strtoul(text, NULL, 10), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        fail("--cpu");
}

static const struct option long_options[] = {
    {"flows", required_argument, NULL, 'f'},   {"tcp", no_argument, NULL, 't'},        {"new", no_argument, NULL, 'n'},
    {"opened", no_argument, NULL, 'o'},        {"first", required_argument, NULL, 'F'}, {"seconds", required_argument, NULL, 's'},
    {"rate", required_argument, NULL, 'r'},    {"latency", no_argument, NULL, 'l'},    {"cpu", required_argument, NULL, 'c'},
    {NULL, 0, NULL, 0},
};

int main(int argc, char **argv)
{
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        switch (option) {
        case 'f': options.flows = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 't': options.tcp = true; break;
        case 'n': options.fresh = true; break;
        case 'o': options.opened = true; break;
        case 'F': options.first = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 's': options.seconds = strtod(optarg, NULL); break;
        case 'r': options.rate = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 'l': options.latency = true; break;
        case 'c': run_on(optarg); break;
        default: return 2;
        }
    char *comma = argc - optind == 3 ? strchr(argv[optind + 2], ',') : NULL;
    if (comma == NULL || options.flows == 0 || (options.latency && options.tcp)) {
        fprintf(stderr, "usage: %s CLIENT SERVER GATEWAY_MACS [OPTION ...] (bench/blast.c says more)\n", argv[0]);
        return 2;
    }
    open_host(&hosts[CLIENT], argv[optind], argv[optind + 2]);
    open_host(&hosts[SERVER], argv[optind + 1], comma + 1);
    make_ring();
    if (!options.fresh && !options.opened)
        open_flows();
    measure();
    return 0;
}
