/* The names of the transports that spid speaks of. */
#ifndef PACKET_PROTOCOL_H
#define PACKET_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

/* "tcp" ... "sctp"; NULL for a number without a name here (enum protocol, packet/packet.h). */
const char *protocol_name(uint8_t protocol);

/* Do its headers begin with two ports? */
bool protocol_has_ports(uint8_t protocol);

#endif
