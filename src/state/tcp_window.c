/*
 * The window check: van Rooij, "Real stateful TCP packet filtering in IP Filter" (2000), with SACK (RFC 2018) and window
 * scaling (RFC 7323). It knows nothing of states.
 *
 * Somebody in the middle cannot know what the ends know, only what has passed. So each bound leaves room: for a window
 * that was offered and not seen yet, for segments that overtake each other, for retransmissions whose acknowledgement was
 * lost. What lies outside of all that room, no honest end has sent.
 */
#include "state/tcp.h"

/* Sequence numbers are compared modulo 2^32 (RFC 9293, 3.4). */
static inline bool after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static inline bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* The sequence number behind the segment: SYN and FIN count one each (RFC 9293, 3.4). */
static uint32_t segment_end(const struct packet *packet)
{
    uint8_t flags = packet->tcp.flags;
    return packet->tcp.seq + packet->payload_length + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
}

/* The largest window that there is (RFC 7323, 2.2 and 2.3). */
#define TCP_SCALE_MAX 14
#define TCP_WINDOW_MAX (UINT32_C(65535) << TCP_SCALE_MAX)

/* The first segment that is seen of a side whose SYN was not. */
static void learn_midway(struct tcp_peer *sender, uint32_t end)
{
    sender->end = end;
    sender->end_max = end + TCP_WINDOW_MAX;
    sender->window = TCP_WINDOW_MAX;
}

void tcp_window_pick_up(struct tcp_peer *sender, struct tcp_peer *receiver, const struct packet *packet)
{
    sender->flags = receiver->flags = TCP_PEER_MIDWAY | TCP_PEER_ACKED;
    sender->scale = receiver->scale = TCP_SCALE_MAX;
    learn_midway(sender, segment_end(packet));
    sender->ack = packet->tcp.ack;
    receiver->end = receiver->end_max = packet->tcp.ack;
    receiver->ack = packet->tcp.seq;
    if (packet->tcp.flags & TCP_FIN)
        sender->flags |= TCP_PEER_FIN;
}

void tcp_window_forget(struct tcp_peer peers[DIRECTION_COUNT])
{
    for (unsigned i = 0; i < DIRECTION_COUNT; i++) {
        peers[i].flags |= TCP_PEER_MIDWAY;
        peers[i].window = 0;
    }
}

/* The first segment of a side, or its SYN anew: where it begins, what it offers, whether it scales. */
static void learn(struct tcp_peer *sender, struct tcp_peer *receiver, const struct packet *packet)
{
    const struct packet_tcp *tcp = &packet->tcp;
    if (sender->flags & TCP_PEER_MIDWAY) {
        learn_midway(sender, segment_end(packet));
        return;
    }
    sender->end = sender->end_max = segment_end(packet);
    sender->window = tcp->window > 0 ? tcp->window : 1;
    sender->flags &= (uint8_t)~TCP_PEER_SCALES;
    sender->scale = 0;
    if (tcp->scale != TCP_NO_SCALE) {
        sender->flags |= TCP_PEER_SCALES;
        sender->scale = tcp->scale;
    }
    /* Windows are scaled only when both SYNs carried the option (RFC 7323, 2.2). */
    if (receiver->window > 0 && !(receiver->flags & TCP_PEER_SCALES && sender->flags & TCP_PEER_SCALES))
        sender->scale = receiver->scale = 0;
}

/* What is acknowledged, for the bounds: without an ACK it is what the other side has sent. */
struct acknowledged {
    uint32_t ack, sack;
};

static enum tcp_bound bounds(const struct tcp_peer *sender, const struct tcp_peer *receiver, uint32_t seq, uint32_t end,
                             struct acknowledged acknowledged)
{
    uint32_t ack_window = sender->window > TCP_ACK_WINDOW ? sender->window : TCP_ACK_WINDOW;
    /*
     * I: it begins no higher than the receiver's window ends. Its end may lie above: probes of a closed window do, and their
     * sender goes on from there.
     */
    if (after(seq, sender->end_max) && after(seq, sender->end))
        return TCP_BOUND_SEQ_HIGH;
    /* II: it ends no lower than one largest window below what was sent: older bytes cannot be wanted any more. */
    if (before(end, sender->end - receiver->window))
        return TCP_BOUND_SEQ_LOW;
    /* What was sent by a side that has not been seen yet, nobody knows. */
    if (receiver->window == 0 && receiver->flags & TCP_PEER_MIDWAY)
        return TCP_BOUND_NONE;
    /* III: it acknowledges nothing that was not sent. */
    if (after(acknowledged.sack, receiver->end))
        return TCP_BOUND_ACK_HIGH;
    /* IV: its acknowledgement is no older than a window allows. */
    if (before(acknowledged.sack, receiver->end - ack_window))
        return TCP_BOUND_ACK_LOW;
    return TCP_BOUND_NONE;
}

static void move_on(struct tcp_peer *sender, struct tcp_peer *receiver, const struct packet *packet, uint32_t end,
                    struct acknowledged acknowledged)
{
    const struct packet_tcp *tcp = &packet->tcp;
    uint32_t window = (uint32_t)tcp->window << (tcp->flags & TCP_SYN ? 0 : sender->scale);
    /* What SACK blocks cover was received although it is not acknowledged: the window that is meant reaches so much further. */
    uint32_t offered = window + (acknowledged.sack - acknowledged.ack);
    if (sender->window < offered)
        sender->window = offered;
    if (after(end, sender->end))
        sender->end = end;
    if (tcp->flags & TCP_ACK &&
        (!(sender->flags & TCP_PEER_ACKED) || after(acknowledged.ack, sender->ack)))
        sender->ack = acknowledged.ack;
    /* It reached above the window: then the receiver had offered more than was seen. */
    if (receiver->window != 0 && after(end, sender->end_max))
        receiver->window += end - sender->end_max;
    /* A closed window still takes the one byte of a probe (RFC 9293, 3.8.6.1). */
    uint32_t allowed = acknowledged.sack + (window > 0 ? window : 1);
    if (after(allowed, receiver->end_max))
        receiver->end_max = allowed;
}

enum tcp_bound tcp_window_check(struct tcp_peer *sender, struct tcp_peer *receiver, const struct packet *packet)
{
    const struct packet_tcp *tcp = &packet->tcp;
    struct acknowledged acknowledged = {tcp->ack, tcp->sack_end};
    uint32_t end = segment_end(packet);
    if (sender->window == 0)
        learn(sender, receiver, packet);
    if (!(tcp->flags & TCP_ACK))
        acknowledged = (struct acknowledged){receiver->end, receiver->end};
    enum tcp_bound bound = bounds(sender, receiver, tcp->seq, end, acknowledged);
    if (bound == TCP_BOUND_NONE)
        move_on(sender, receiver, packet, end, acknowledged);
    return bound;
}

bool tcp_seq_plausible(const struct connection *connection, enum direction direction, uint32_t seq)
{
    const struct tcp_peer *sender = &connection->transport.tcp.peer[direction];
    const struct tcp_peer *receiver = &connection->transport.tcp.peer[direction_other(direction)];
    uint32_t window = receiver->window > 0 ? receiver->window : 1;
    if (connection->flags & CONNECTION_LOOSE)
        return true; /* its numbers are not followed */
    return sender->window != 0 && !after(seq, sender->end) && !before(seq, sender->end - window);
}
