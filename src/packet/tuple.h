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
 *                    has a call id a direction there and is known by its addresses alone
 *   all others       0; ESP too, whose SPI differs a direction (RFC 4301, 4.1)
 * No padding: the whole of it is hashed and compared.
 */
struct tuple {
    struct address low, high;
    uint16_t low_port, high_port;
    uint8_t protocol;
    uint8_t detail; /* ICMP: type of the request */
    uint8_t asker;  /* ICMP: enum side of who asks */
    uint8_t zero;
};

/* Makes the tuple of PACKET and returns the side that it comes from. An ICMP error has none of its own: do not ask. */
enum side tuple_of(struct tuple *tuple, const struct packet *packet);

bool tuple_equal(const struct tuple *a, const struct tuple *b);

#endif
