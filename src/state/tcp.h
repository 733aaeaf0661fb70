/*
 * TCP (RFC 9293) as somebody in the middle must judge it, in two parts that do not know each other: the table of states,
 * and the window (van Rooij, "Real stateful TCP packet filtering in IP Filter", 2000).
 */
#ifndef STATE_TCP_H
#define STATE_TCP_H

#include "state/session.h"

/* Is this a combination of flags that some sender makes? (null, xmas, SYN+FIN, SYN+RST ... are none.) */
bool tcp_flags_valid(uint8_t flags);

enum reason tcp_open(const struct packet *packet, struct step *step);
enum reason tcp_pick_up(const struct packet *packet, struct step *step); /* as session_pick_up */
enum reason tcp_continue(const struct connection *connection, enum direction direction, const struct packet *packet,
                         struct step *step);

/* For connections whose opener is `loose`: any segment that some sender makes fits, and its flags tell the state. */
enum reason tcp_loose_continue(const struct connection *connection, enum direction direction,
                               const struct packet *packet, struct step *step);

const char *tcp_state_name(enum tcp_state state);

/* How long a connection may idle in STATE while nothing is outstanding. */
enum timeout tcp_state_timeout(enum tcp_state state);

/* The same for a connection whose sides are PEERS: shorter where one has sent what the other has not acknowledged. */
enum timeout tcp_idle_timeout(enum tcp_state state, const struct tcp_peer peers[DIRECTION_COUNT]);

/* What tcp_window_check found: the first bound that failed. */
enum tcp_bound {
    TCP_BOUND_NONE,      /* the segment lies in the window */
    TCP_BOUND_SEQ_HIGH,  /* I: it ends above what the receiver allows */
    TCP_BOUND_SEQ_LOW,   /* II: it begins below what the receiver can still want */
    TCP_BOUND_ACK_HIGH,  /* III: it acknowledges what was never sent */
    TCP_BOUND_ACK_LOW,   /* IV: its acknowledgement is too old */
    TCP_BOUND_COUNT
};

/* Van Rooij's allowance for old acknowledgements: one unscaled window, plus what a firewall may not have seen. */
#define TCP_ACK_WINDOW 66000

/*
 * Holds the segment against the four bounds and, where it lies within, moves SENDER and RECEIVER (copies of the
 * connection's) on. A side of which nothing has been seen yet (window 0) learns from the segment.
 */
enum tcp_bound tcp_window_check(struct tcp_peer *sender, struct tcp_peer *receiver, const struct packet *packet);

/*
 * SENDER's segment is the first that is seen of a connection which stands already (both sides are blank): its window begins
 * here. What RECEIVER has sent is learnt from its own first segment. As the scale was agreed in SYNs that nobody saw, the
 * largest is assumed (RFC 7323, 2.3): the bounds are wide, and those of RST as narrow as ever.
 */
void tcp_window_pick_up(struct tcp_peer *sender, struct tcp_peer *receiver, const struct packet *packet);

/*
 * Where both sides (PEERS) stand is out of date: their next segments are learnt from, as if the connection were picked up. How they
 * scale is known.
 */
void tcp_window_forget(struct tcp_peer peers[DIRECTION_COUNT]);

/*
 * Lies SEQ within what the sender of DIRECTION may have sent, as far as the receiver can still care? For the packets that
 * ICMP errors quote (RFC 5927, 4.1).
 */
bool tcp_seq_plausible(const struct connection *connection, enum direction direction, uint32_t seq);

#endif
