/*
 * The transport half of decoding: the header behind the network's, for each protocol that spid knows. No checksums.
 */
#ifndef PACKET_TRANSPORT_H
#define PACKET_TRANSPORT_H

#include "packet/packet.h"
#include "packet/reason.h"

/* Reads the header at PACKET's transport offset. The reasons are those of packet_decode but bad-checksum. */
enum reason transport_read(struct packet *packet);

/* Sets role and request type of an ICMP or ICMPv6 message from its type. */
void transport_icmp_role(struct packet *packet);

#endif
