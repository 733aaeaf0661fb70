#include "state/datagram.h"

enum reason udp_open(const struct packet *packet, struct step *step)
{
    (void)packet;
    step->timeout = TIMEOUT_UDP_NEW;
    return REASON_NONE;
}

enum reason udp_continue(const struct connection *connection, enum direction direction, struct step *step)
{
    bool replied = direction == REPLY || connection->flags & CONNECTION_REPLIED;
    step->timeout = replied ? TIMEOUT_UDP_REPLIED : TIMEOUT_UDP_NEW;
    return REASON_NONE;
}

enum reason icmp_open(const struct packet *packet, struct step *step)
{
    step->timeout = TIMEOUT_ICMP;
    switch (packet->icmp.role) {
    case ICMP_ROLE_REQUEST:
        return REASON_NONE;
    case ICMP_ROLE_OTHER:
        step->untracked = true; /* nothing answers it, so there is no session to remember */
        return REASON_NONE;
    case ICMP_ROLE_REPLY:
        return REASON_ICMP_REPLY;
    default:
        return REASON_ICMP_OBSOLETE;
    }
}

enum reason icmp_continue(const struct connection *connection, enum direction direction, const struct packet *packet,
                          struct step *step)
{
    /* Only queries have a tuple that can be found; who asks is part of it, so the direction is the role. */
    (void)connection;
    (void)direction;
    step->timeout = TIMEOUT_ICMP;
    return packet->icmp.role == ICMP_ROLE_REQUEST || packet->icmp.role == ICMP_ROLE_REPLY ? REASON_NONE
                                                                                          : REASON_ICMP_OBSOLETE;
}

enum reason other_open(const struct packet *packet, struct step *step)
{
    (void)packet;
    step->timeout = TIMEOUT_OTHER;
    return REASON_NONE;
}

enum reason other_continue(const struct connection *connection, enum direction direction, struct step *step)
{
    (void)connection;
    (void)direction;
    step->timeout = TIMEOUT_OTHER;
    return REASON_NONE;
}
