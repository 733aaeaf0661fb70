#include "tests/differential/explain.h"

#include "packet/packet.h"
#include "state/tcp.h"

static bool allowed(const struct judged *judged)
{
    return judged->verdict.action == ACTION_ALLOW;
}

bool judged_alike(const struct judged *judged)
{
    switch (judged->kernel) {
    case KERNEL_INVALID:
        return !allowed(judged);
    case KERNEL_NEW:
        return allowed(judged) && judged->verdict.state == STATE_NEW;
    case KERNEL_ESTABLISHED:
        return allowed(judged) && judged->verdict.state == STATE_ESTABLISHED;
    case KERNEL_RELATED:
        return allowed(judged) && judged->verdict.state == STATE_RELATED;
    default:
        return false;
    }
}

static bool is_tcp(const struct judged *judged)
{
    return judged->packet->protocol == PROTOCOL_TCP;
}

static bool denied_as(const struct judged *judged, enum reason reason)
{
    return !allowed(judged) && judged->verdict.reason == reason;
}

static bool kernel_passes(const struct judged *judged)
{
    return judged->kernel == KERNEL_ESTABLISHED || judged->kernel == KERNEL_NEW;
}

/* Which of van Rooij's bounds the segment breaks in spid's connection. */
static enum tcp_bound broken_bound(const struct judged *judged)
{
    struct tuple tuple;
    enum direction direction = connection_direction(&judged->connection, tuple_of(&tuple, judged->packet));
    struct tcp_peer sender = judged->connection.transport.tcp.peer[direction];
    struct tcp_peer receiver = judged->connection.transport.tcp.peer[direction_other(direction)];
    return tcp_window_check(&sender, &receiver, judged->packet);
}

static uint8_t flags_of(const struct judged *judged)
{
    return is_tcp(judged) ? judged->packet->tcp.flags : 0;
}

/* Hosts that keep to the RFCs must never break a bound: then a difference is spid's fault. */
static bool breaks(const struct judged *judged, enum tcp_bound bound)
{
    return is_tcp(judged) && !judged->undisturbed && kernel_passes(judged) && denied_as(judged, REASON_TCP_WINDOW) &&
           broken_bound(judged) == bound;
}

static bool unreplied(const struct judged *judged)
{
    return judged->kernel == KERNEL_NEW && allowed(judged) && judged->verdict.state == STATE_ESTABLISHED &&
           !(judged->connection.flags & CONNECTION_REPLIED);
}

static bool blind_reset(const struct judged *judged)
{
    return kernel_passes(judged) && denied_as(judged, REASON_TCP_RESET) && judged->connection.state < TCP_FIN_WAIT;
}

static bool reset_outside(const struct judged *judged)
{
    return flags_of(judged) & TCP_RST && kernel_passes(judged) && denied_as(judged, REASON_TCP_WINDOW);
}

static bool reset_again(const struct judged *judged)
{
    return flags_of(judged) & TCP_RST && judged->kernel == KERNEL_INVALID && allowed(judged) &&
           judged->connection.state >= TCP_FIN_WAIT;
}

static bool reset_by_opener(const struct judged *judged)
{
    return flags_of(judged) & TCP_RST && allowed(judged) && judged->connection.id != 0 &&
           judged->connection.state == TCP_SYN_SENT;
}

/* The kernel begins a connection anew for a SYN, and spid does not. */
static bool over_too_early(const struct judged *judged)
{
    enum tcp_state least = judged->undisturbed ? TCP_FIN_WAIT : TCP_SYN_SENT2;
    return flags_of(judged) & TCP_SYN && judged->kernel == KERNEL_NEW && judged->connection.state >= least &&
           judged->connection.state <= TCP_LAST_ACK && judged->verdict.state == STATE_ESTABLISHED;
}

/* And the other way round. */
static bool reset_at_the_end(const struct judged *judged)
{
    return flags_of(judged) & TCP_SYN && judged->kernel == KERNEL_ESTABLISHED && judged->connection.state == TCP_CLOSED &&
           allowed(judged) && judged->verdict.state == STATE_NEW;
}

static bool foreign_handshake(const struct judged *judged)
{
    return !judged->undisturbed && kernel_passes(judged) && denied_as(judged, REASON_TCP_HANDSHAKE);
}

static bool begun_again(const struct judged *judged)
{
    return flags_of(judged) & TCP_SYN && judged->connection.id != 0 && judged->connection.state == TCP_SYN_SENT &&
           allowed(judged) && judged->verdict.state == STATE_NEW;
}

static bool challenge(const struct judged *judged)
{
    return flags_of(judged) & TCP_ACK && !(flags_of(judged) & (TCP_SYN | TCP_FIN | TCP_RST)) &&
           judged->kernel == KERNEL_INVALID && allowed(judged) && judged->connection.id != 0 &&
           judged->connection.state == TCP_SYN_SENT;
}

static bool foreign_syn(const struct judged *judged)
{
    return is_tcp(judged) && !judged->undisturbed && judged->kernel == KERNEL_INVALID && allowed(judged) &&
           judged->connection.state == TCP_SYN_RECEIVED;
}

static bool kernel_confused(const struct judged *judged)
{
    return is_tcp(judged) && judged->confused && judged->kernel == KERNEL_INVALID && allowed(judged) &&
           judged->connection.state >= TCP_ESTABLISHED;
}

static bool unread_header(const struct judged *judged)
{
    return kernel_passes(judged) && denied_as(judged, REASON_BAD_HEADER);
}

static bool unread_syn(const struct judged *judged)
{
    return judged->unread && kernel_passes(judged) && denied_as(judged, REASON_TCP_NO_CONNECTION);
}

static bool untracked(const struct judged *judged)
{
    return judged->kernel == KERNEL_UNTRACKED && judged->packet->protocol == PROTOCOL_ICMP6 &&
           judged->packet->icmp.type >= 130 && judged->packet->icmp.type <= 137;
}

/* Is it about bytes that the receiver has acknowledged already? */
static bool old_duplicate(const struct judged *judged)
{
    struct tuple tuple;
    if (!is_tcp(judged) || !kernel_passes(judged) || !denied_as(judged, REASON_TCP_WINDOW) ||
        broken_bound(judged) != TCP_BOUND_SEQ_LOW)
        return false;
    enum direction direction = connection_direction(&judged->connection, tuple_of(&tuple, judged->packet));
    const struct tcp_peer *receiver = &judged->connection.transport.tcp.peer[direction_other(direction)];
    return (int32_t)(judged->packet->tcp.seq + judged->packet->payload_length - receiver->ack) <= 0;
}

static bool too_many_syns(const struct judged *judged)
{
    return flags_of(judged) & TCP_SYN && kernel_passes(judged) && denied_as(judged, REASON_LIMIT);
}

static bool syn_of_the_other(const struct judged *judged)
{
    return flags_of(judged) & TCP_SYN && judged->kernel == KERNEL_INVALID && judged->connection.id != 0 &&
           allowed(judged) && judged->verdict.state == STATE_ESTABLISHED;
}

static bool reopened_by_the_other(const struct judged *judged)
{
    return flags_of(judged) & TCP_SYN && judged->kernel == KERNEL_INVALID && judged->connection.state >= TCP_TIME_WAIT &&
           allowed(judged) && judged->verdict.state == STATE_NEW;
}

static bool closed(const struct judged *judged)
{
    return kernel_passes(judged) && denied_as(judged, REASON_TCP_CLOSED);
}

static bool above_the_window(const struct judged *judged)
{
    return breaks(judged, TCP_BOUND_SEQ_HIGH);
}

static bool old_data(const struct judged *judged)
{
    return breaks(judged, TCP_BOUND_SEQ_LOW);
}

static bool early_acknowledgement(const struct judged *judged)
{
    return breaks(judged, TCP_BOUND_ACK_HIGH);
}

static bool old_acknowledgement(const struct judged *judged)
{
    return breaks(judged, TCP_BOUND_ACK_LOW);
}

/* In this order: the first row that fits explains. */
static const struct explanation explanations[] = {
    {"given: a packet of a connection without an answer is `established` here, NEW there", false, unreplied},
    {"RFC 5961, 3.2: a RST in the window that is not exact is what a blind attacker sends", true, blind_reset},
    {"RFC 5961, 3.2: a RST outside of the window is ignored by its receiver", true, reset_outside},
    {"RFC 5961, 3: while a connection closes any RST in the window passes, nothing is left to cut", false, reset_again},
    {"RFC 5961, 4: the opener's RST answers a challenge ACK; it ends an older connection, not this one", true,
     reset_by_opener},
    {"RFC 9293, 3.10.7.4: FINs must be acknowledged before a SYN opens anew; the kernel takes any FIN and ACK", true,
     over_too_early},
    {"RFC 5961, 3.2: a RST at the sender's highest end counts, the ACK of it may go another way; not in the kernel", true,
     reset_at_the_end},
    {"RFC 9293, 3.10.7.3: what does not acknowledge the very SYN is no part of the handshake", true, foreign_handshake},
    {"RFC 9293, 3.10.7: an opener that nobody has answered begins anew, with another number", true, begun_again},
    {"RFC 9293, 3.10.7.3: a SYN that somebody has thrown in does not end the handshake; it does in the kernel", true,
     foreign_syn},
    {"RFC 5961, 4: a challenge ACK passes while an opener waits, and changes nothing", false, challenge},
    {"RFC 2018, RFC 7323: SACK and scale go on; the kernel forgets them when somebody has confused it", false, kernel_confused},
    {"RFC 4861: neighbour discovery is the link's; the kernel does not track it", false, untracked},
    {"RFC 5095 and others: a header that is forbidden; the kernel's tracker does not look", true, unread_header},
    {"RFC 5095 and others: and what follows it belongs to nothing", true, unread_syn},
    {"RFC 9293, 3.10.7.4: an old duplicate of what has been acknowledged, more than a window ago", false, old_duplicate},
    {"RFC 5961, 7: SYNs that make the end host answer pass twice a second", false, too_many_syns},
    {"RFC 9293, 3.5 and RFC 5961, 4: either side may send its SYN again, and the other answers; it changes nothing", false,
     syn_of_the_other},
    {"RFC 9293, 3.6.1: what is over may be opened anew from either side; the rules decide", true, reopened_by_the_other},
    {"RFC 9293, 3.6: nothing comes behind an acknowledged FIN or one's own RST", false, closed},
    {"RFC 9293, 3.10.7.4: it begins above the window that was offered, no receiver takes it", true, above_the_window},
    {"van Rooij's bound II: older than any window; the kernel lets it pass and looks away", false, old_data},
    {"RFC 5961, 5.2: it acknowledges what was never sent; the kernel lets it pass and looks away", false,
     early_acknowledgement},
    {"RFC 5961, 5.2: an acknowledgement too old for the window; the kernel lets it pass and looks away", false,
     old_acknowledgement},
};

const struct explanation *explain_hidden(const struct judged *judged)
{
    static const struct explanation hidden = {
        "RFC 5961, 4: the opener's RST answers a challenge ACK; the kernel forgets the handshake", true, reset_by_opener};
    return hidden.fits(judged) ? &hidden : NULL;
}

const struct explanation *explain(const struct judged *judged)
{
    for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++)
        if (explanations[i].fits != NULL && explanations[i].fits(judged))
            return &explanations[i];
    return NULL;
}
