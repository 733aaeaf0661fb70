#include "state/session.h"

#include <string.h>

#include "state/datagram.h"
#include "state/sctp.h"
#include "state/tcp.h"

enum reason session_open(const struct packet *packet, struct step *step)
{
    memset(step, 0, sizeof *step);
    switch (packet->protocol) {
    case PROTOCOL_TCP:
        return tcp_open(packet, step);
    case PROTOCOL_UDP:
        return udp_open(packet, step);
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMP6:
        return icmp_open(packet, step);
    case PROTOCOL_SCTP:
        return sctp_open(packet, step);
    default:
        return other_open(packet, step);
    }
}

enum reason session_pick_up(const struct packet *packet, enum reason reason, struct step *step)
{
    memset(step, 0, sizeof *step);
    step->flags = CONNECTION_PICKED_UP;
    if (packet->protocol == PROTOCOL_TCP && reason == REASON_TCP_NO_CONNECTION)
        return tcp_pick_up(packet, step);
    if (packet->protocol == PROTOCOL_SCTP)
        return sctp_pick_up(packet, step);
    return reason;
}

bool session_shakes_hands(uint8_t protocol)
{
    return protocol == PROTOCOL_TCP || protocol == PROTOCOL_SCTP;
}

bool session_completes(const struct connection *connection, const struct step *step)
{
    switch (connection->tuple.protocol) {
    case PROTOCOL_TCP:
        return connection->state < TCP_ESTABLISHED && step->state >= TCP_ESTABLISHED && step->state < TCP_CLOSED;
    case PROTOCOL_SCTP:
        return connection->state < SCTP_ESTABLISHED && step->state == SCTP_ESTABLISHED;
    default:
        return false;
    }
}

enum reason session_continue(const struct connection *connection, enum direction direction, const struct packet *packet,
                             struct step *step)
{
    memset(step, 0, sizeof *step);
    step->transport = connection->transport;
    step->state = connection->state;
    switch (packet->protocol) {
    case PROTOCOL_TCP:
        return tcp_continue(connection, direction, packet, step);
    case PROTOCOL_UDP:
        return udp_continue(connection, direction, step);
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMP6:
        return icmp_continue(connection, direction, packet, step);
    case PROTOCOL_SCTP:
        return sctp_continue(connection, direction, packet, step);
    default:
        return other_continue(connection, direction, step);
    }
}

/* Without an answer nothing is established, whatever the opener says: it may have been picked up midway. */
static enum eviction tcp_eviction(enum tcp_state state, bool replied)
{
    if (state < TCP_ESTABLISHED || (state == TCP_ESTABLISHED && !replied))
        return EVICT_HALF_OPEN;
    return state == TCP_ESTABLISHED ? EVICT_NEVER : EVICT_CLOSING;
}

static enum eviction sctp_eviction(enum sctp_state state, bool replied)
{
    if (state < SCTP_ESTABLISHED || (state == SCTP_ESTABLISHED && !replied))
        return EVICT_HALF_OPEN;
    return state == SCTP_ESTABLISHED ? EVICT_NEVER : EVICT_CLOSING;
}

enum eviction session_eviction(uint8_t protocol, uint8_t state, bool replied)
{
    switch (protocol) {
    case PROTOCOL_TCP:
        return tcp_eviction(state, replied);
    case PROTOCOL_SCTP:
        return sctp_eviction(state, replied);
    default:
        return replied ? EVICT_NEVER : EVICT_UNANSWERED;
    }
}

void session_commit(struct connection *connection, enum direction direction, const struct step *step)
{
    if (step->idle)
        return;
    connection->transport = step->transport;
    connection->state = step->state;
    connection->flags |= step->flags;
    if (direction == REPLY)
        connection->flags |= CONNECTION_REPLIED;
}

const char *session_state_name(const struct connection *connection)
{
    switch (connection->tuple.protocol) {
    case PROTOCOL_TCP:
        return tcp_state_name(connection->state);
    case PROTOCOL_SCTP:
        return sctp_state_name(connection->state);
    default:
        return connection->flags & CONNECTION_REPLIED ? "replied" : "new";
    }
}
