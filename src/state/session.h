/*
 * What a packet means to a connection, or to the chance of one, for every protocol: the judge's half of "look, decide,
 * commit". Judging changes nothing: it answers with a step, which session_commit applies when the packet has passed.
 *
 * The protocols' own files (tcp, datagram, sctp) hold the judgement; this one only chooses among them.
 */
#ifndef STATE_SESSION_H
#define STATE_SESSION_H

#include <stdbool.h>

#include "packet/packet.h"
#include "packet/reason.h"
#include "packet/timeouts.h"
#include "state/connection.h"
#include "state/table.h"

/* What becomes of a connection when the packet passes. */
struct step {
    union transport_state transport;
    uint8_t state;        /* tcp_state, sctp_state, or 0 */
    uint8_t flags;        /* connection_flags to be set */
    enum timeout timeout; /* how long it may idle from now on */
    bool idle;            /* the packet passes and changes nothing but the counters: no state, no timer (a SYN in an established connection) */
    bool challenge; /* idle: a SYN in a connection that stands; the end host answers it, so it must not come too often (RFC 5961, 7) */
    bool reopens;         /* the packet opens a new connection in place of this one, which is over: judge it with session_open */
    bool untracked;       /* session_open: the packet is `new`, and makes no connection (an ICMP message without an answer) */
};

/*
 * PACKET belongs to no connection: could it open one? Returns REASON_NONE and the STEP that makes the connection, or the
 * reason why it is invalid: tcp-flags, tcp-no-connection, icmp-reply, icmp-obsolete, sctp-state. Not for ICMP errors.
 */
enum reason session_open(const struct packet *packet, struct step *step);

/*
 * PACKET, which session_open has refused, is from the middle of a connection that nobody knows: what makes a connection of
 * it where the rules allow that. Returns REASON_NONE and the STEP; REASON is session_open's, returned where PACKET can be no
 * part of a connection.
 */
enum reason session_pick_up(const struct packet *packet, enum reason reason, struct step *step);

/* Does STEP end the handshake of CONNECTION, so that its opener is known to be at its address? Never where there is none. */
bool session_completes(const struct connection *connection, const struct step *step);

/* Has PROTOCOL a handshake that nobody can go through with the address of another? */
bool session_shakes_hands(uint8_t protocol);

/*
 * PACKET runs in DIRECTION of CONNECTION: does it fit? Returns REASON_NONE and the STEP that it makes, or the reason why it
 * is invalid. CONNECTION is not changed.
 */
enum reason session_continue(const struct connection *connection, enum direction direction, const struct packet *packet,
                             struct step *step);

/*
 * Which class a full table counts a connection of PROTOCOL to, in STATE (tcp_state, sctp_state, else 0), once a packet of
 * the reply direction has passed or not.
 */
enum eviction session_eviction(uint8_t protocol, uint8_t state, bool replied);

/* Applies a step to its connection. Timer and counters are the caller's. */
void session_commit(struct connection *connection, enum direction direction, const struct step *step);

/* The name of the connection's state for people: "established", "syn-sent", "replied", "new" ... */
const char *session_state_name(const struct connection *connection);

#endif
