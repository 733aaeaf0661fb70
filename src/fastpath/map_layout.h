/*
 * What the daemon and the eBPF program share: keys and values of the pinned maps. All numbers are in host order.
 *
 * One entry a connection, in the map of its family. The sides are those of the daemon's tuple (packet/tuple.h): the low end
 * sorts first by address and port. The daemon makes entries and removes them; the program moves windows and counters on.
 */
#ifndef FASTPATH_MAP_LAYOUT_H
#define FASTPATH_MAP_LAYOUT_H

#include <linux/types.h>

/* Counts the changes of this file that a pinned map of an earlier daemon would not fit. */
#define FASTPATH_LAYOUT 2

/* No padding that is not named: the kernel hashes and compares the whole of a key. */
struct fastpath_key_v4 {
    __u32 low, high;
    __u16 low_port, high_port;
    __u8 protocol;
    __u8 zero[3];
};

struct fastpath_key_v6 {
    __u64 low[2], high[2]; /* the upper half first */
    __u16 low_port, high_port;
    __u8 protocol;
    __u8 zero[3];
};

/*
 * What one end has sent. TCP's four numbers (struct tcp_peer) lie in two words, because each word is replaced whole where
 * nobody else has changed it in between: `sent` by packets of this end, `allowed` by packets of the other one too.
 */
struct fastpath_side {
    __u64 sent;      /* TCP: end << 32 | ack */
    __u64 allowed;   /* TCP: end_max << 32 | window */
    __u64 packets, bytes; /* at first the daemon's counts, then what the program has passed as well */
    __u64 seen_ns;   /* CLOCK_MONOTONIC, of the last packet; at first what the daemon knew */
};

/* 128 bytes: with what the kernel puts before an IPv4 key, an entry is three cache lines. Pairs are low, high. */
struct fastpath_entry {
    __u64 id;                 /* the daemon's number of the connection */
    __u32 generation;         /* of the daemon's decision: passes as long as the control's is the same */
    __u32 idle_ms;            /* it may idle for so long ... */
    __u32 unacknowledged_ms;  /* ... and so long while TCP data is not acknowledged */
    __u32 interface[2];       /* where the first packet came from or went to: those of this end come from there */
    __u8 bound;               /* who comes from elsewhere: the daemon is asked */
    __u8 scale[2];            /* TCP: of the window */
    __u8 opener_high;         /* the high end opened it */
    __u32 opener;             /* identity of the rule that admitted it */
    __u32 created_s;          /* CLOCK_MONOTONIC */
    __u8 flags;               /* the daemon's: enum connection_flag */
    __u8 zero[7];
    struct fastpath_side sides[2];
};

/* What the daemon has seen of an entry's connection beside the program: the argument of spid_tell. Pairs are low, high. */
struct fastpath_news {
    __u64 id;
    __u64 sent[2], allowed[2]; /* as in struct fastpath_side */
    union {
        struct fastpath_key_v4 v4;
        struct fastpath_key_v6 v6;
    } key;
    __u32 family; /* 4 or 6 */
};

/* The one entry of the control map. */
struct fastpath_control {
    __u64 deadline_ns; /* CLOCK_MONOTONIC: nothing passes from then on */
    __u32 generation;
    __u32 layout;      /* FASTPATH_LAYOUT of who made the maps */
};

#endif
