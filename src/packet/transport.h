/*
 * The transport half of decoding: the header behind the network's, for each protocol that spid knows. No checksums.
 */
#ifndef PACKET_TRANSPORT_H
#define PACKET_TRANSPORT_H

#include "packet/packet.h"
#include "packet/reason.h"

/* GRE's first word (RFC 2784, 2.1; RFC 2890, 2; RFC 2637, 4.1). */
enum gre_bit {
    GRE_CHECKSUM = 0x8000,
    GRE_ROUTING = 0x4000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_STRICT_ROUTE = 0x0800,
    GRE_RECURSION = 0x0400, /* the first of its three bits, which RFC 2784 lets nobody but RFC 1701 set */
    GRE_ACK = 0x0080,       /* version 1 */
    GRE_VERSION = 0x0007,
};

/* Reads the header at PACKET's transport offset. The reasons are those of packet_decode but bad-checksum. */
enum reason transport_read(struct packet *packet);

/* Sets role and request type of an ICMP or ICMPv6 message from its type. */
void transport_icmp_role(struct packet *packet);

#endif
