/* Protocols without a handshake: UDP, ICMP queries, and everything that is known by its addresses alone (GRE, ESP ...). */
#ifndef STATE_DATAGRAM_H
#define STATE_DATAGRAM_H

#include "state/session.h"

enum reason udp_open(const struct packet *packet, struct step *step);
enum reason udp_continue(const struct connection *connection, enum direction direction, struct step *step);

/* ICMP and ICMPv6 queries. Requests open, replies follow; what has no answer is let through to the rules untracked. */
enum reason icmp_open(const struct packet *packet, struct step *step);
enum reason icmp_continue(const struct connection *connection, enum direction direction, const struct packet *packet,
                          struct step *step);

enum reason other_open(const struct packet *packet, struct step *step);
enum reason other_continue(const struct connection *connection, enum direction direction, struct step *step);

#endif
