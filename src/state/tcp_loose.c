/*
 * TCP connections of which not everything is seen: those that are picked up midway, and those whose rule says `loose`, because
 * one half of them goes another way.
 */
#include "state/tcp.h"

enum reason tcp_pick_up(const struct packet *packet, struct step *step)
{
    uint8_t flags = packet->tcp.flags;
    struct tcp_peer *peers = step->transport.tcp.peer;
    if (!tcp_flags_valid(flags))
        return REASON_TCP_FLAGS;
    tcp_window_pick_up(&peers[ORIGINAL], &peers[REPLY], packet);
    step->untracked = flags & TCP_RST; /* it ends what nobody knows */
    step->state = flags & TCP_SYN ? TCP_SYN_RECEIVED : flags & TCP_FIN ? TCP_FIN_WAIT : TCP_ESTABLISHED;
    /* Until the other side answers, anybody may have made it up. */
    step->timeout = TIMEOUT_TCP_SYN_RECEIVED;
    return REASON_NONE;
}

/* Where a connection stands after a segment that is neither RST nor the SYN of an opener. */
static enum tcp_state state_after(const struct tcp_peer peers[DIRECTION_COUNT], enum tcp_state state, uint8_t flags)
{
    if (state == TCP_CLOSED)
        return state;
    if (peers[ORIGINAL].flags & peers[REPLY].flags & TCP_PEER_FIN)
        return TCP_TIME_WAIT;
    if ((peers[ORIGINAL].flags | peers[REPLY].flags) & TCP_PEER_FIN)
        return TCP_FIN_WAIT;
    return flags & TCP_SYN && state < TCP_ESTABLISHED ? TCP_SYN_RECEIVED : TCP_ESTABLISHED;
}

enum reason tcp_loose_continue(const struct connection *connection, enum direction direction,
                               const struct packet *packet, struct step *step)
{
    uint8_t flags = packet->tcp.flags;
    struct tcp_peer *peers = step->transport.tcp.peer;
    if (!tcp_flags_valid(flags))
        return REASON_TCP_FLAGS;
    if (flags & TCP_RST) {
        step->state = TCP_CLOSED;
    } else if (flags & TCP_SYN && !(flags & TCP_ACK)) {
        step->reopens = connection->state >= TCP_TIME_WAIT;
        step->idle = step->challenge = !step->reopens && connection->state >= TCP_ESTABLISHED;
    } else {
        if (flags & TCP_FIN)
            peers[direction].flags |= TCP_PEER_FIN;
        step->state = (uint8_t)state_after(peers, connection->state, flags);
    }
    step->timeout = tcp_state_timeout(step->state);
    return REASON_NONE;
}
