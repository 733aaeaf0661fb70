/*
 * Fragments of a capture to whole datagrams, as Linux does it for a live gateway before the queue (net/ipv4/ip_fragment.c,
 * net/ipv6/netfilter/nf_conntrack_reasm.c): duplicates, contained and empty pieces are ignored, any other overlap kills
 * the datagram (RFC 5722 asks for that in IPv6; Linux does it for both since 4.20).
 */
#ifndef IO_REASSEMBLE_H
#define IO_REASSEMBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Datagrams under way at once: with 64 KB each this is the kernel's 4 MB (net.ipv4.ipfrag_high_thresh). The oldest gives way. */
#define REASSEMBLE_DATAGRAMS_MAX 64

/* How long the rest of a datagram may take: net.ipv4.ipfrag_time, net.ipv6.ip6frag_time (RFC 8200, 4.5). */
#define REASSEMBLE_IPV4_MS 30000
#define REASSEMBLE_IPV6_MS 60000

struct reassembly;

/* Called with the tag of a datagram that will never be whole: too late, killed by an overlap, or pushed out. */
typedef void (*reassemble_lost)(void *context, uint64_t tag);

struct reassembly *reassembly_new(reassemble_lost lost, void *context);
/* Gives up what is still under way (calling LOST), and frees. */
void reassembly_free(struct reassembly *reassembly);

enum reassemble_result {
    REASSEMBLE_WHOLE,   /* no fragment, or an atomic one: judge it as it is */
    REASSEMBLE_HELD,    /* a fragment of a datagram that is not whole yet */
    REASSEMBLE_DONE,    /* this fragment made a datagram whole */
    REASSEMBLE_REFUSED, /* a fragment that can be part of none */
};

struct datagram {
    uint64_t tag;         /* names the datagram: of its first fragment's call, never 0 */
    const uint8_t *bytes; /* DONE: the whole packet, borrowed until the next call */
    uint32_t length;
};

/*
 * Takes the packet of CAPTURED bytes, which were all there were on the wire unless LENGTH says more, at NOW_MS. Fills
 * DATAGRAM's tag for HELD and DONE, and the rest for DONE.
 */
enum reassemble_result reassemble(struct reassembly *reassembly, const uint8_t *bytes, size_t captured, size_t length,
                                  uint64_t now_ms, struct datagram *datagram);

/* Gives up the datagrams whose time is over at NOW_MS. */
void reassemble_expire(struct reassembly *reassembly, uint64_t now_ms);

#endif
