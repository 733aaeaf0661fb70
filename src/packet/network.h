/*
 * The network half of decoding: the IPv4 header with its options, the IPv6 header with its extension headers. Serves
 * packets from the wire and packets that an ICMP error quotes. No checksums.
 */
#ifndef PACKET_NETWORK_H
#define PACKET_NETWORK_H

#include <stdbool.h>

#include "packet/packet.h"
#include "packet/reason.h"

/* Extension headers that are walked at most (tracking.md sets it; each more is only a way to hide the transport). */
#define NETWORK_EXTENSIONS_MAX 8

struct network {
    struct packet *packet;   /* in: bytes, captured, length on the wire; out: all up to the transport's offset */
    bool first_fragment;     /* in: a first fragment may pass, as ICMP errors quote them */
    struct address receiver; /* out: the last destination, for pseudo headers; not dst while segments are left */
};

/* Reads the headers. The reasons are those of packet_decode but bad-checksum. */
enum reason network_read(struct network *network);

#endif
