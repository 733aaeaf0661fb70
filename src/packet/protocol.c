#include "packet/protocol.h"

#include <stddef.h>

#include "packet/packet.h"

const char *protocol_name(uint8_t protocol)
{
    switch (protocol) {
    case PROTOCOL_ICMP:
        return "icmp";
    case PROTOCOL_TCP:
        return "tcp";
    case PROTOCOL_UDP:
        return "udp";
    case PROTOCOL_GRE:
        return "gre";
    case PROTOCOL_ESP:
        return "esp";
    case PROTOCOL_AH:
        return "ah";
    case PROTOCOL_ICMP6:
        return "icmp6";
    case PROTOCOL_SCTP:
        return "sctp";
    default:
        return NULL;
    }
}

bool protocol_has_ports(uint8_t protocol)
{
    return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP;
}
