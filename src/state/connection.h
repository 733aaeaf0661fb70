/*
 * One connection: what the state table remembers of it.
 *
 * Entries refer to each other by index, never by pointer, so that a table can live in memory that outlasts the process.
 * An entry is three cache lines: what a look-up compares, what an established packet changes, and the rest. Everything
 * in it is guarded by the lock of the entry's stripe (state/table.h).
 */
#ifndef STATE_CONNECTION_H
#define STATE_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/tuple.h"

#define CONNECTION_NONE 0u /* index 0 is never used */

/* Who opened the connection speaks in the original direction, the other in the reply direction. */
enum direction { ORIGINAL, REPLY, DIRECTION_COUNT };

static inline enum direction direction_other(enum direction direction)
{
    return direction == ORIGINAL ? REPLY : ORIGINAL;
}

/* RFC 9293's states as somebody in the middle can tell them. */
enum tcp_state {
    TCP_SYN_SENT,     /* SYN from the opener */
    TCP_SYN_SENT2,    /* SYNs from both: simultaneous open */
    TCP_SYN_RECEIVED, /* SYN+ACK from the other */
    TCP_ESTABLISHED,  /* the handshake is done */
    TCP_FIN_WAIT,     /* a FIN from one side */
    TCP_CLOSE_WAIT,   /* that FIN is acknowledged */
    TCP_LAST_ACK,     /* FINs from both */
    TCP_TIME_WAIT,    /* both are acknowledged */
    TCP_CLOSED,       /* a RST ended it */
    TCP_STATE_COUNT
};

/* One side of a TCP connection, as van Rooij's paper has it. Sequence numbers in host order. */
struct tcp_peer {
    uint32_t end;         /* highest sequence number sent, plus one */
    uint32_t end_max;     /* highest one that the other side's window allows */
    uint32_t ack;         /* highest acknowledgement sent; before the first one: the least that completes the handshake */
    uint32_t window;      /* largest window offered, scaled; 0: nothing seen from this side */
    uint8_t scale;        /* of its window, 0 without the option */
    uint8_t flags;        /* enum tcp_peer_flag */
};

enum tcp_peer_flag {
    TCP_PEER_SCALES = 0x01,  /* its SYN carried the window scale option */
    TCP_PEER_FIN = 0x02,     /* it has sent a FIN, which ends at `end` */
    TCP_PEER_ACKED = 0x04,   /* it has acknowledged the other's SYN */
    TCP_PEER_RESET = 0x10,   /* it has sent the RST that ended the connection */
    TCP_PEER_UNSURE = 0x20,  /* MIDWAY, and its first segment may have been a probe, or sent again: it has sent more than `end`, maybe */
    TCP_PEER_MIDWAY = 0x08,  /* its SYN was not seen: nobody knows its scale, the largest is assumed */
};

enum sctp_state {
    SCTP_INIT,        /* INIT from the opener */
    SCTP_INIT_ACK,    /* INIT ACK from the other */
    SCTP_ESTABLISHED, /* COOKIE ECHO answered */
    SCTP_SHUTDOWN,    /* SHUTDOWN or SHUTDOWN ACK seen */
    SCTP_CLOSED,      /* ABORT or SHUTDOWN COMPLETE */
    SCTP_STATE_COUNT
};

/* What is remembered of the transport; which member is valid follows from the tuple's protocol. */
union transport_state {
    struct {
        struct tcp_peer peer[DIRECTION_COUNT];
    } tcp;
    struct {
        uint32_t tag[DIRECTION_COUNT]; /* the verification tag that packets of this direction must carry; 0: not known yet */
    } sctp;
};

enum connection_flag {
    CONNECTION_OPENER_HIGH = 0x01, /* the tuple's high end opened it */
    CONNECTION_REPLIED = 0x02,     /* a packet of the reply direction has passed */
    CONNECTION_RELATED = 0x04,     /* an ALG announced it: its packets are `related` */
    CONNECTION_LOOSE = 0x08,       /* its opener asks for no handshake and no window */
    CONNECTION_PICKED_UP = 0x10,   /* it began with a packet from the middle of it */
    CONNECTION_TIMEOUTS = 0x20,    /* its opener has timeouts of its own */
    CONNECTION_MARKS = 0x80,       /* its opener sets a mark on its packets */
    CONNECTION_OVERLOADS = 0x40,   /* its handshake is counted against the limits of its opener when it completes */
};

/* What a connection is counted for (state/limit.h). */
enum connection_counted {
    COUNTED_SOURCE = 0x01,      /* among all of its source */
    COUNTED_RULE = 0x02,        /* among all of its opener */
    COUNTED_RULE_SOURCE = 0x04, /* among those of its source by its opener */
};

struct connection {
    /* First line: what a look-up compares, and the cached decision. */
    _Alignas(64) uint32_t next; /* in its hash chain, CONNECTION_NONE ends it */
    uint32_t hash;
    struct tuple tuple;
    uint8_t flags;       /* enum connection_flag */
    uint8_t state;       /* enum tcp_state, enum sctp_state; 0 for others */
    uint8_t action;      /* the cached decision about its packets: enum action */
    uint8_t chain;       /* enum chain, of its first packet */
    uint32_t generation; /* of the ruleset that made the cached decision; 0: none was made */
    uint32_t rule;       /* that decided, or RULE_DEFAULT */
    uint32_t opener;     /* identity of the rule that admitted its first packet; 0: no rule did */

    /* Second line: what each packet changes. */
    union transport_state transport;
    uint32_t timeout_ms; /* the idle time it is allowed now */
    uint32_t challenge;  /* when a SYN last passed in the standing TCP connection: the clock's low 32 bits, plus one; 0: never */
    uint64_t seen_ms;    /* when its last passed packet came */
    uint32_t wheel_next, wheel_previous;

    /* Third line. */
    uint64_t packets[DIRECTION_COUNT], bytes[DIRECTION_COUNT];
    uint64_t id;         /* counts connections from 1, in the order of their first packets */
    uint32_t created_s;  /* on the same clock as seen_ms, in seconds */
    uint32_t in_interface, out_interface; /* of its first packet, 0: none */
    uint32_t opener_rule; /* index of the opener in `generation`, or RULE_DEFAULT */
    uint16_t wheel_place : 14; /* in its stripe's wheels: table.c */
    uint16_t offloaded : 1;    /* somebody else may be passing packets of it (table.h) */
    uint16_t told : 1;         /* its end is to be told of (departed.h) */
    uint8_t counted;      /* enum connection_counted */
    uint8_t alg;          /* the dialect of room alg that listens to it; 0: none */
    uint32_t kin;         /* its record in state/family.h: the family of who is listened to, the expectation of another child */
};

_Static_assert(sizeof(struct connection) == 192, "a connection fits three cache lines (tracking.md: at most 192 bytes)");

/* The address that opened the connection. */
static inline struct address connection_source(const struct connection *connection)
{
    return connection->flags & CONNECTION_OPENER_HIGH ? connection->tuple.high : connection->tuple.low;
}

/* The direction of a packet that comes from SIDE of the connection's tuple. */
static inline enum direction connection_direction(const struct connection *connection, enum side side)
{
    bool opener_high = connection->flags & CONNECTION_OPENER_HIGH;
    return (side == SIDE_HIGH) == opener_high ? ORIGINAL : REPLY;
}

/* The side of the connection's tuple that packets in DIRECTION come from. */
static inline enum side connection_side(const struct connection *connection, enum direction direction)
{
    bool opener_high = connection->flags & CONNECTION_OPENER_HIGH;
    return (direction == ORIGINAL) == opener_high ? SIDE_HIGH : SIDE_LOW;
}

#endif
