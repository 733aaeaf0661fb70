/*
 * The states of a TCP connection as somebody in the middle sees them (RFC 9293, RFC 5961).
 *
 * The table below says for every state, direction and kind of segment what it means. Two of its answers are computed,
 * because what has been acknowledged says more than any list of states could:
 *   OPENING  the handshake is done when both sides have acknowledged each other's SYN
 *   CLOSING  the connection is over when both FINs are acknowledged
 * So a simultaneous open, a split handshake and a FIN that is sent twice need no cells of their own.
 */
#include "state/tcp.h"

#include <string.h>

enum segment { SEGMENT_SYN, SEGMENT_SYN_ACK, SEGMENT_FIN, SEGMENT_ACK, SEGMENT_RST, SEGMENT_NONE, SEGMENT_COUNT };

enum outcome {
    OUTCOME_FORGOTTEN, /* a cell that nobody wrote: denied, and a test looks for it */
    OUTCOME_STAY,      /* the state stays, the window moves on */
    OUTCOME_IDLE,      /* passes and changes nothing */
    OUTCOME_AGAIN,     /* passes if it lies in the window, and changes nothing */
    OUTCOME_OPENING,
    OUTCOME_CLOSING,
    OUTCOME_RESET,     /* ends the connection if its number is right */
    OUTCOME_ANSWER,    /* a first segment of the other side: learn it, then as OPENING */
    OUTCOME_REOPEN,    /* the old connection is over, this opens the next */
    OUTCOME_DENY,
};

struct cell {
    uint8_t outcome;
    uint8_t reason;
};

#define STAY {OUTCOME_STAY, 0}
#define IDLE {OUTCOME_IDLE, 0}
#define AGAIN {OUTCOME_AGAIN, 0}
#define OPENING {OUTCOME_OPENING, 0}
#define CLOSING {OUTCOME_CLOSING, 0}
#define RESET {OUTCOME_RESET, 0}
#define ANSWER {OUTCOME_ANSWER, 0}
#define REOPEN {OUTCOME_REOPEN, 0}
#define DENY(why) {OUTCOME_DENY, REASON_##why}

static const struct cell cells[TCP_STATE_COUNT][DIRECTION_COUNT][SEGMENT_COUNT] = {
    [TCP_SYN_SENT] = {
        [ORIGINAL] = {
            [SEGMENT_SYN] = OPENING, /* the same SYN again; another number is a new attempt, see judge_syn_again */
            [SEGMENT_SYN_ACK] = DENY(TCP_HANDSHAKE), /* no SYN of the other side was there to acknowledge */
            [SEGMENT_FIN] = DENY(TCP_HANDSHAKE),
            /* We passed no SYN+ACK on, so the opener has nothing to acknowledge. */
            [SEGMENT_ACK] = DENY(TCP_HANDSHAKE),
            /* The opener answers the challenge ACK of a peer that still knows an older connection (RFC 5961, 4): its RST
             * ends that one, and its next SYN opens this one. */
            [SEGMENT_RST] = IDLE,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
        [REPLY] = {
            [SEGMENT_SYN] = ANSWER,     /* simultaneous open, or a split handshake (RFC 9293, 3.5) */
            [SEGMENT_SYN_ACK] = ANSWER,
            [SEGMENT_FIN] = DENY(TCP_HANDSHAKE),
            /* A challenge ACK: the peer thinks that an older connection lives (RFC 5961, 4; RFC 9293, 3.10.7.4). */
            [SEGMENT_ACK] = IDLE,
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
    },
    [TCP_SYN_SENT2] = {
        [ORIGINAL] = {
            [SEGMENT_SYN] = IDLE, /* either side's SYN again */
            [SEGMENT_SYN_ACK] = OPENING,
            [SEGMENT_FIN] = DENY(TCP_HANDSHAKE),
            [SEGMENT_ACK] = OPENING, /* acknowledges a SYN by a bare ACK: split handshakes do */
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
        [REPLY] = {
            [SEGMENT_SYN] = IDLE,
            [SEGMENT_SYN_ACK] = OPENING,
            [SEGMENT_FIN] = DENY(TCP_HANDSHAKE),
            [SEGMENT_ACK] = OPENING,
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
    },
    [TCP_SYN_RECEIVED] = {
        [ORIGINAL] = {
            [SEGMENT_SYN] = IDLE,        /* the SYN again: its answer was lost beyond us */
            [SEGMENT_SYN_ACK] = OPENING, /* the second one of a simultaneous open */
            [SEGMENT_FIN] = CLOSING,     /* the ACK of the handshake was lost, or the FIN overtook it */
            [SEGMENT_ACK] = OPENING,
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
        [REPLY] = {
            [SEGMENT_SYN] = IDLE,
            [SEGMENT_SYN_ACK] = OPENING, /* again, or the second one of a simultaneous open */
            [SEGMENT_FIN] = CLOSING,
            [SEGMENT_ACK] = OPENING,     /* early data after Fast Open (RFC 7413, 4.2), or the end of a split handshake */
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
    },
    [TCP_ESTABLISHED] = {
        [ORIGINAL] = {
            /* The end host answers with a challenge ACK; a client that really rebooted then sends the RST that ends the
             * connection (RFC 5961, 4). */
            [SEGMENT_SYN] = IDLE,
            [SEGMENT_SYN_ACK] = AGAIN, /* of a simultaneous open, again */
            [SEGMENT_FIN] = CLOSING,
            [SEGMENT_ACK] = STAY,
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
        [REPLY] = {
            [SEGMENT_SYN] = IDLE,
            [SEGMENT_SYN_ACK] = AGAIN, /* again: the ACK of the handshake was lost beyond us */
            [SEGMENT_FIN] = CLOSING,
            [SEGMENT_ACK] = STAY,
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
    },
    [TCP_FIN_WAIT] = {
        [ORIGINAL] = {
            [SEGMENT_SYN] = IDLE,
            [SEGMENT_SYN_ACK] = AGAIN,
            [SEGMENT_FIN] = CLOSING,
            [SEGMENT_ACK] = CLOSING,
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
        [REPLY] = {
            [SEGMENT_SYN] = IDLE,
            [SEGMENT_SYN_ACK] = AGAIN,
            [SEGMENT_FIN] = CLOSING,
            [SEGMENT_ACK] = CLOSING,
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
    },
    [TCP_CLOSE_WAIT] = {
        [ORIGINAL] = {
            [SEGMENT_SYN] = IDLE,
            [SEGMENT_SYN_ACK] = AGAIN,
            [SEGMENT_FIN] = CLOSING,
            [SEGMENT_ACK] = CLOSING, /* the other half goes on: half-close (RFC 9293, 3.6) */
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
        [REPLY] = {
            [SEGMENT_SYN] = IDLE,
            [SEGMENT_SYN_ACK] = AGAIN,
            [SEGMENT_FIN] = CLOSING,
            [SEGMENT_ACK] = CLOSING,
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
    },
    [TCP_LAST_ACK] = {
        [ORIGINAL] = {
            [SEGMENT_SYN] = IDLE,
            [SEGMENT_SYN_ACK] = AGAIN,
            [SEGMENT_FIN] = CLOSING,
            [SEGMENT_ACK] = CLOSING,
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
        [REPLY] = {
            [SEGMENT_SYN] = IDLE,
            [SEGMENT_SYN_ACK] = AGAIN,
            [SEGMENT_FIN] = CLOSING,
            [SEGMENT_ACK] = CLOSING,
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
    },
    [TCP_TIME_WAIT] = {
        [ORIGINAL] = {
            [SEGMENT_SYN] = REOPEN, /* the port is used again (RFC 9293, 3.6.1); whether too early is the end host's to say */
            [SEGMENT_SYN_ACK] = AGAIN,
            [SEGMENT_FIN] = CLOSING, /* again: its acknowledgement was lost */
            [SEGMENT_ACK] = CLOSING,
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
        [REPLY] = {
            [SEGMENT_SYN] = REOPEN,
            [SEGMENT_SYN_ACK] = AGAIN,
            [SEGMENT_FIN] = CLOSING,
            [SEGMENT_ACK] = CLOSING,
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
    },
    [TCP_CLOSED] = {
        [ORIGINAL] = {
            [SEGMENT_SYN] = REOPEN,
            [SEGMENT_SYN_ACK] = AGAIN,
            [SEGMENT_FIN] = STAY, /* it was on its way when the RST came */
            [SEGMENT_ACK] = STAY,
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
        [REPLY] = {
            [SEGMENT_SYN] = REOPEN,
            [SEGMENT_SYN_ACK] = AGAIN,
            [SEGMENT_FIN] = STAY,
            [SEGMENT_ACK] = STAY,
            [SEGMENT_RST] = RESET,
            [SEGMENT_NONE] = DENY(TCP_FLAGS),
        },
    },
};

static inline bool after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

bool tcp_flags_valid(uint8_t flags)
{
    /* PSH says nothing about the connection; ECE and CWR are ECN's (RFC 3168). */
    switch (flags & ~(TCP_PSH | TCP_ECE | TCP_CWR)) {
    case TCP_SYN:
    case TCP_SYN | TCP_URG:
    case TCP_SYN | TCP_ACK:
    case TCP_RST:
    case TCP_RST | TCP_ACK:
    case TCP_FIN | TCP_ACK:
    case TCP_FIN | TCP_ACK | TCP_URG:
    case TCP_ACK:
    case TCP_ACK | TCP_URG:
        return true;
    default:
        return false;
    }
}

static enum segment segment_of(uint8_t flags)
{
    if (flags & TCP_RST)
        return SEGMENT_RST;
    if (flags & TCP_SYN)
        return flags & TCP_ACK ? SEGMENT_SYN_ACK : SEGMENT_SYN;
    if (flags & TCP_FIN)
        return SEGMENT_FIN;
    return flags & TCP_ACK ? SEGMENT_ACK : SEGMENT_NONE;
}

/* SENDER's SYN has begun at SEQ: the least that RECEIVER must acknowledge is the number behind it, data or not. */
static void expect_ack(struct tcp_peer *receiver, uint32_t seq)
{
    if (!(receiver->flags & TCP_PEER_ACKED))
        receiver->ack = seq + 1;
}

enum reason tcp_open(const struct packet *packet, struct step *step)
{
    struct tcp_peer *peers = step->transport.tcp.peer;
    if (!tcp_flags_valid(packet->tcp.flags))
        return REASON_TCP_FLAGS;
    if (segment_of(packet->tcp.flags) != SEGMENT_SYN)
        return REASON_TCP_NO_CONNECTION;
    memset(&step->transport, 0, sizeof step->transport);
    tcp_window_check(&peers[ORIGINAL], &peers[REPLY], packet);
    /* Until the other side has offered a window, the opener may send what its SYN held and nothing more. */
    peers[ORIGINAL].end_max = peers[ORIGINAL].end;
    expect_ack(&peers[REPLY], packet->tcp.seq);
    step->state = TCP_SYN_SENT;
    step->timeout = TIMEOUT_TCP_SYN_SENT;
    return REASON_NONE;
}

/* Does the segment acknowledge the receiver's SYN, and nothing that was never sent? */
static bool acknowledges_syn(const struct tcp_peer *sender, const struct tcp_peer *receiver, const struct packet *packet)
{
    return packet->tcp.flags & TCP_ACK && !after(sender->ack, packet->tcp.ack) &&
           !after(packet->tcp.ack, receiver->end);
}

enum timeout tcp_state_timeout(enum tcp_state state)
{
    static const uint8_t timeouts[TCP_STATE_COUNT] = {
        [TCP_SYN_SENT] = TIMEOUT_TCP_SYN_SENT,       [TCP_SYN_SENT2] = TIMEOUT_TCP_SYN_SENT,
        [TCP_SYN_RECEIVED] = TIMEOUT_TCP_SYN_RECEIVED, [TCP_ESTABLISHED] = TIMEOUT_TCP_ESTABLISHED,
        [TCP_FIN_WAIT] = TIMEOUT_TCP_FIN_WAIT,       [TCP_CLOSE_WAIT] = TIMEOUT_TCP_CLOSE_WAIT,
        [TCP_LAST_ACK] = TIMEOUT_TCP_LAST_ACK,       [TCP_TIME_WAIT] = TIMEOUT_TCP_TIME_WAIT,
        [TCP_CLOSED] = TIMEOUT_TCP_CLOSED,
    };
    return timeouts[state];
}

enum timeout tcp_idle_timeout(enum tcp_state state, const struct tcp_peer peers[DIRECTION_COUNT])
{
    bool outstanding = after(peers[ORIGINAL].end, peers[REPLY].ack) || after(peers[REPLY].end, peers[ORIGINAL].ack);
    if (state == TCP_ESTABLISHED && outstanding)
        return TIMEOUT_TCP_UNACKNOWLEDGED;
    return tcp_state_timeout(state);
}

/* Has the other side acknowledged everything up to this side's FIN? */
static bool fin_acknowledged(const struct tcp_peer *sender, const struct tcp_peer *receiver)
{
    return sender->flags & TCP_PEER_FIN && !after(sender->end, receiver->ack);
}

/*
 * Holds the segment against the window; where it lies within, STEP's copies of the sides have moved on.
 *
 * Nobody sends anything behind his own FIN (RFC 9293, 3.6). But whose FIN was it? Only one that the other side has
 * acknowledged is certain to be genuine. Behind any other, data shows that it was not, and takes it back: so a FIN that
 * somebody guessed into the window cuts nothing.
 */
static enum reason check_window(struct step *step, enum direction direction, const struct packet *packet)
{
    struct tcp_peer *sender = &step->transport.tcp.peer[direction];
    struct tcp_peer *receiver = &step->transport.tcp.peer[direction_other(direction)];
    uint32_t end = packet->tcp.seq + packet->payload_length, fin = !!(packet->tcp.flags & TCP_FIN);
    bool behind = sender->flags & TCP_PEER_FIN && packet->payload_length > 0 && !after(sender->end, end);
    if (behind && fin_acknowledged(sender, receiver))
        return REASON_TCP_CLOSED;
    if (tcp_window_check(sender, receiver, packet) != TCP_BOUND_NONE)
        return REASON_TCP_WINDOW;
    if (behind)
        sender->flags &= (uint8_t)~TCP_PEER_FIN;
    if (fin && sender->end == end + fin)
        sender->flags |= TCP_PEER_FIN;
    return REASON_NONE;
}

/* Both SYNs acknowledged: established. One of them: SYN_RECEIVED. None: what it was. */
static enum reason judge_opening(struct step *step, enum direction direction, const struct packet *packet)
{
    struct tcp_peer *sender = &step->transport.tcp.peer[direction];
    struct tcp_peer *receiver = &step->transport.tcp.peer[direction_other(direction)];
    bool acknowledges = acknowledges_syn(sender, receiver, packet);
    if (packet->tcp.flags & TCP_ACK && !(sender->flags & TCP_PEER_ACKED) && !acknowledges)
        return REASON_TCP_HANDSHAKE;
    enum reason reason = check_window(step, direction, packet);
    if (reason != REASON_NONE)
        return reason;
    if (acknowledges)
        sender->flags |= TCP_PEER_ACKED;
    if (sender->flags & receiver->flags & TCP_PEER_ACKED)
        step->state = TCP_ESTABLISHED;
    else if ((sender->flags | receiver->flags) & TCP_PEER_ACKED)
        step->state = TCP_SYN_RECEIVED;
    return REASON_NONE;
}

/* The first segment of the side that was called: a SYN+ACK, or a SYN of its own. */
static enum reason judge_answer(struct step *step, enum direction direction, const struct packet *packet)
{
    struct tcp_peer *sender = &step->transport.tcp.peer[direction];
    struct tcp_peer *receiver = &step->transport.tcp.peer[direction_other(direction)];
    if (packet->tcp.flags & TCP_ACK && !acknowledges_syn(sender, receiver, packet))
        return REASON_TCP_HANDSHAKE;
    uint32_t least = sender->ack;
    *sender = (struct tcp_peer){.ack = least};
    expect_ack(receiver, packet->tcp.seq);
    if (!(packet->tcp.flags & TCP_ACK))
        step->state = TCP_SYN_SENT2;
    enum reason reason = judge_opening(step, direction, packet);
    /* The opener's SYN has offered a window: early data may fill it before the handshake is done (RFC 7413, 4.2). */
    sender->end_max = sender->end + receiver->window;
    return reason;
}

/* Where a connection stands of which a FIN has been seen. */
static enum tcp_state closing_state(const struct tcp_peer peers[DIRECTION_COUNT])
{
    bool acknowledged0 = fin_acknowledged(&peers[ORIGINAL], &peers[REPLY]);
    bool acknowledged1 = fin_acknowledged(&peers[REPLY], &peers[ORIGINAL]);
    if (peers[ORIGINAL].flags & peers[REPLY].flags & TCP_PEER_FIN)
        return acknowledged0 && acknowledged1 ? TCP_TIME_WAIT : TCP_LAST_ACK;
    if (acknowledged0 || acknowledged1)
        return TCP_CLOSE_WAIT;
    return (peers[ORIGINAL].flags | peers[REPLY].flags) & TCP_PEER_FIN ? TCP_FIN_WAIT : TCP_ESTABLISHED;
}

static enum reason judge_closing(struct step *step, enum direction direction, const struct packet *packet)
{
    /* A FIN that overtakes the last ACK of the handshake completes it too, if it acknowledges the SYN. */
    if (step->state == TCP_SYN_RECEIVED) {
        enum reason reason = judge_opening(step, direction, packet);
        if (reason == REASON_NONE)
            step->state = (uint8_t)closing_state(step->transport.tcp.peer);
        return reason;
    }
    enum reason reason = check_window(step, direction, packet);
    if (reason == REASON_NONE)
        step->state = (uint8_t)closing_state(step->transport.tcp.peer);
    return reason;
}

/* RFC 9293, 3.10.7.3: before anything came back, a RST must acknowledge the SYN. */
static bool reset_answers_syn(const struct tcp_peer *sender, const struct tcp_peer *receiver, const struct packet *packet)
{
    return packet->tcp.flags & TCP_ACK && acknowledges_syn(sender, receiver, packet);
}

/*
 * RFC 5961, 3: a RST counts when its number is exactly the one expected: the receiver's highest acknowledgement, or the
 * sender's highest end where that acknowledgement has not passed us. Once the connection is closing, any number in the
 * window will do: there is nothing left that a blind attacker could cut.
 */
static enum reason judge_reset(struct step *step, enum direction direction, const struct packet *packet)
{
    struct tcp_peer *sender = &step->transport.tcp.peer[direction];
    struct tcp_peer *receiver = &step->transport.tcp.peer[direction_other(direction)];
    if (step->state == TCP_SYN_SENT) {
        if (!reset_answers_syn(sender, receiver, packet))
            return REASON_TCP_RESET;
        step->state = TCP_CLOSED;
        return REASON_NONE;
    }
    uint32_t seq = packet->tcp.seq;
    bool exact = seq == sender->end || (receiver->flags & TCP_PEER_ACKED && seq == receiver->ack);
    struct tcp_peer sender_copy = *sender, receiver_copy = *receiver;
    bool in_window = tcp_window_check(&sender_copy, &receiver_copy, packet) == TCP_BOUND_NONE;
    if (step->state < TCP_FIN_WAIT && !exact)
        return in_window ? REASON_TCP_RESET : REASON_TCP_WINDOW;
    if (!exact && !in_window)
        return REASON_TCP_WINDOW;
    step->state = TCP_CLOSED;
    sender->flags |= TCP_PEER_RESET;
    if (after(seq, sender->end))
        sender->end = seq; /* what it has overtaken may still come */
    return REASON_NONE;
}

/*
 * A segment that does not change the state. Who has sent a RST says nothing more; what the other one says must reach him, for
 * his RST may have been lost, and only another one ends it.
 */
static enum reason judge_standing(struct step *step, enum direction direction, const struct packet *packet)
{
    const struct tcp_peer *sender = &step->transport.tcp.peer[direction];
    if (sender->flags & TCP_PEER_RESET && packet->payload_length > 0 &&
        after(packet->tcp.seq + packet->payload_length, sender->end))
        return REASON_TCP_CLOSED;
    return check_window(step, direction, packet);
}

/* A SYN+ACK of a connection that stands: sent again before the first data were. It must be a recent one. */
static enum reason judge_again(struct step *step, enum direction direction, const struct packet *packet)
{
    struct tcp_peer sender = step->transport.tcp.peer[direction];
    struct tcp_peer receiver = step->transport.tcp.peer[direction_other(direction)];
    step->idle = true;
    return tcp_window_check(&sender, &receiver, packet) == TCP_BOUND_NONE ? REASON_NONE : REASON_TCP_WINDOW;
}

/* A SYN from the opener while nothing has come back: the same one again, or a new attempt with another number. */
static enum reason judge_syn_again(struct step *step, const struct packet *packet)
{
    const struct tcp_peer *peers = step->transport.tcp.peer;
    step->reopens = packet->tcp.seq + 1 != peers[REPLY].ack;
    return REASON_NONE;
}

enum reason tcp_continue(const struct connection *connection, enum direction direction, const struct packet *packet,
                         struct step *step)
{
    enum reason reason = REASON_NONE;
    if (connection->flags & CONNECTION_LOOSE)
        return tcp_loose_continue(connection, direction, packet, step);
    if (!tcp_flags_valid(packet->tcp.flags))
        return REASON_TCP_FLAGS;
    enum segment segment = segment_of(packet->tcp.flags);
    struct cell cell = cells[connection->state][direction][segment];
    switch (cell.outcome) {
    case OUTCOME_STAY:
        reason = judge_standing(step, direction, packet);
        break;
    case OUTCOME_IDLE:
        step->idle = true;
        step->challenge = segment == SEGMENT_SYN && connection->state >= TCP_ESTABLISHED;
        break;
    case OUTCOME_AGAIN:
        reason = judge_again(step, direction, packet);
        break;
    case OUTCOME_OPENING:
        if (connection->state == TCP_SYN_SENT)
            reason = judge_syn_again(step, packet);
        else
            reason = judge_opening(step, direction, packet);
        break;
    case OUTCOME_ANSWER:
        reason = judge_answer(step, direction, packet);
        break;
    case OUTCOME_CLOSING:
        reason = judge_closing(step, direction, packet);
        break;
    case OUTCOME_RESET:
        reason = judge_reset(step, direction, packet);
        break;
    case OUTCOME_REOPEN:
        step->reopens = true;
        break;
    case OUTCOME_DENY:
        return cell.reason;
    default:
        return REASON_TCP_HANDSHAKE; /* fail closed */
    }
    bool replied = direction == REPLY || connection->flags & CONNECTION_REPLIED;
    step->timeout = connection->flags & CONNECTION_PICKED_UP && !replied ? TIMEOUT_TCP_SYN_RECEIVED : tcp_idle_timeout(step->state, step->transport.tcp.peer);
    return reason;
}

const char *tcp_state_name(enum tcp_state state)
{
    static const char *const names[TCP_STATE_COUNT] = {"syn-sent",   "syn-sent2", "syn-received", "established", "fin-wait",
                                                       "close-wait", "last-ack",  "time-wait",    "closed"};
    return names[state];
}
