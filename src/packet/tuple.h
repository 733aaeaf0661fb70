/*
 * The key of a connection: addresses, ports and protocol, sorted so that both directions have the same one.
 */
#ifndef PACKET_TUPLE_H
#define PACKET_TUPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/packet.h"

/* Which of a tuple's ends a packet comes from. */
enum side { SIDE_LOW, SIDE_HIGH };

static inline enum side side_other(enum side side)
{
    return side == SIDE_LOW ? SIDE_HIGH : SIDE_LOW;
}

/*
 * `low` is the end that sorts first by (address, port). What the ports hold depends on the protocol:
 *   TCP, UDP, SCTP   the ports
 *   ICMP queries     the id in both; `detail` holds the request's type, and `asker` the side that asks, so that two
 *                    hosts that ping each other with the same id have two sessions
 *   GRE              the key's upper and lower half in both, so that a key names a tunnel (RFC 2890); version 1 (PPTP)
 *                    has a call id a direction there and is known by its addresses alone: 0 in both; an announced
 *                    direction of a call is a connection of its own, with the call's id at the end that receives it,
 *                    TUPLE_CALL in `detail`, and in `asker` the side that sends
 *   all others       0; ESP too, whose SPI differs a direction (RFC 4301, 4.1)
 * No padding: the whole of it is hashed and compared.
 */
struct tuple {
    struct address low, high;
    uint16_t low_port, high_port;
    uint8_t protocol;
    uint8_t detail; /* ICMP: type of the request; GRE: TUPLE_CALL */
    uint8_t asker;  /* ICMP: enum side of who asks; a call: of who sends */
    uint8_t zero;
};

/* Makes the tuple of PACKET and returns the side that it comes from. An ICMP error has none of its own: do not ask. */
enum side tuple_of(struct tuple *tuple, const struct packet *packet);

#define TUPLE_CALL 1 /* GRE's version */

/* The same for the direction of a call that PACKET, which has one (gre.has_call), belongs to. */
enum side tuple_of_call(struct tuple *tuple, const struct packet *packet);

bool tuple_equal(const struct tuple *a, const struct tuple *b);

#endif
