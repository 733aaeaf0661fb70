/*
 * The packet that tells a sender that it was rejected: a TCP RST with numbers that its sender accepts, or an ICMP(v6)
 * "administratively prohibited".
 */
#ifndef PACKET_REPLY_H
#define PACKET_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "packet/packet.h"

/* As much of the rejected packet as an ICMPv6 error may carry: all of it fits the minimum MTU (RFC 4443, 2.4c). */
#define REPLY_BYTES_MAX 1280

enum reply_kind {
    REPLY_NONE, /* nothing may be sent back */
    REPLY_RST,  /* a whole IP packet from the rejected packet's destination to its source */
    REPLY_ICMP, /* only the ICMP or ICMPv6 message: who sends it fills in its own address (and ICMPv6's checksum) */
};

/*
 * Builds the answer to PACKET, which packet_decode found well, into the REPLY_BYTES_MAX bytes at BYTES; *LENGTH is set.
 * TCP: RFC 9293, 3.10.7.1 (seq = the segment's ack, or 0 with an ack of all it holds). Others: ICMP 3/13 (RFC 1812,
 * 5.2.7.1; at most 576 bytes with its IP header) or ICMPv6 1/1. Nothing is sent for a RST, an ICMP error or redirect, a
 * group address, or an unspecified source (RFC 1122, 3.2.2; RFC 4443, 2.4e).
 */
enum reply_kind reply_build(const struct packet *packet, uint8_t bytes[REPLY_BYTES_MAX], size_t *length);

#endif
