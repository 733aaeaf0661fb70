/*
 * Packets for tests, built from a small struct, with right checksums. Knows nothing of the code under test: checksums
 * are computed here the slow way.
 */
#ifndef TESTS_BUILD_H
#define TESTS_BUILD_H

#include <stddef.h>
#include <stdint.h>

#define BUILD_BYTES_MAX 70000
#define BUILD_PATCHES_MAX 4

struct build_bytes {
    const void *at;
    size_t length;
};

/* A string literal as bytes: .payload = BYTES("\x01\x02"). */
#define BYTES(literal) {literal, sizeof(literal) - 1}

/* A lie told before the checksums are computed: SIZE bytes (1, 2 or 4; 0: none) at OFFSET become VALUE. */
struct build_patch {
    uint16_t offset;
    uint8_t size;
    uint32_t value;
};

struct build {
    const char *src, *dst;          /* as text; the family follows from src */
    uint8_t protocol;               /* enum protocol, or any number: then only the payload follows the IP header */
    uint8_t hop_limit;              /* 0: 64 */
    uint8_t extension;              /* IPv6: number of the first extension header, when there are options */
    struct build_bytes ip_options;  /* IPv4 options, or IPv6's chain of extension headers; whole words */
    uint16_t src_port, dst_port;
    uint8_t flags;                  /* TCP, enum tcp_flag */
    uint8_t type, code;             /* ICMP */
    uint16_t id, number;            /* ICMP: words 3 and 4 of the header */
    uint16_t window;                /* TCP */
    uint32_t seq, ack;              /* TCP; SCTP: seq is the verification tag */
    struct build_bytes tcp_options; /* whole words */
    struct build_bytes payload;     /* SCTP: the chunks */
    struct build_patch patches[BUILD_PATCHES_MAX];
};

/* Builds the packet into the BUILD_BYTES_MAX bytes at BYTES and returns its length. */
size_t build_packet(const struct build *build, uint8_t *bytes);

#endif
