/*
 * The state table: every connection, found by its tuple from either side, forgotten when it has been idle for too long.
 *
 * Life of an entry: table_insert makes it when its first packet passes; table_refresh at each packet that passes sets
 * how long it may idle from then on; table_expire removes it when that time is over; table_remove at once.
 *
 * Locking. The table is cut into stripes by the tuple's hash. A stripe's lock guards its hash chains, its part of the
 * timer wheel and every byte of the connections in it; whoever holds a pointer to a connection holds its stripe's lock.
 * Nobody waits for a second stripe: where a full table looks for a connection to evict in other stripes, it only tries their
 * locks. The order is: stripe, then the pool of free entries (inside table.c).
 *
 * Nothing here allocates after table_new: entries live in one mapping whose pages are touched only when used.
 */
#ifndef STATE_TABLE_H
#define STATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "state/connection.h"
#include "state/departed.h"
#include "state/tally.h"

/* A power of two; enough that a handful of workers seldom meet. */
#define TABLE_STRIPES 64

/* Timers are this coarse: an entry is removed at most TABLE_TICK_MS + the caller's pause after its time (tracking.md: 1 s). */
#define TABLE_TICK_MS 256

struct estate;
struct families;
struct table;

/* In which order a full table gives connections up for a new one (tracking.md); inside a class the one that is due first goes first. */
enum eviction {
    EVICT_UNANSWERED, /* UDP, ICMP and others of which no answer has come */
    EVICT_HALF_OPEN,  /* TCP and SCTP whose handshake is not done */
    EVICT_CLOSING,    /* TCP and SCTP that have begun to end */
    EVICT_NEVER,      /* all others: nothing new is worth an established connection */
    EVICTION_COUNT
};

struct table_config {
    uint32_t capacity;      /* most entries that there will ever be, at least 1 */
    struct siphash_key key; /* random and secret */
    struct estate *estate;  /* connections and families live there (borrowed, new, for this table alone), and outlast the process; NULL:
                             * they do not */
};

/* Returns an empty table that allows as many connections as it has room for, or NULL when memory is refused. */
struct table *table_new(const struct table_config *config);
void table_free(struct table *table);

struct table_limits {
    uint32_t connections;    /* at most so many, never more than the capacity; those above it stay, new ones are refused */
    uint32_t reserved;       /* of these, so many only for connections with priority */
    uint32_t half_open;      /* at most so many whose handshake is not done: a further one takes the place of the oldest */
    uint32_t adaptive_start; /* from so many connections on, timeouts shrink ... */
    uint32_t adaptive_end;   /* ... to nothing at so many; 0: they never do */
};

/* Sets what may be in the table from now on. Not for the packet path: the tally may grow. */
void table_limit(struct table *table, const struct table_limits *limits);

/*
 * What is counted a rule and a source about the connections of this table (state/limit.h). Whoever counts a connection notes
 * it in `counted`; whatever ends the connection takes it back.
 */
struct tally *table_tally(struct table *table);

/* Parents and children among the connections of this table, and what parents have announced (state/family.h). */
struct families *table_families(struct table *table);

uint32_t table_hash(const struct table *table, const struct tuple *tuple);

/* Ask the processor for the memory that table_find will read: first the bucket, a while later the first entry in it. Any hash will do. */
void table_fetch_bucket(const struct table *table, uint32_t hash);
void table_fetch_entry(const struct table *table, uint32_t hash);

void table_lock(struct table *table, uint32_t hash);
void table_unlock(struct table *table, uint32_t hash);

/* table_lock, where that means no waiting; false: somebody holds it. */
bool table_try_lock(struct table *table, uint32_t hash);

/* The connection's number in the table, from 1 to the capacity: its own for as long as it lives. */
uint32_t table_index(const struct table *table, const struct connection *connection);

/*
 * Somebody beside the engine who passes packets of some connections, the `offloaded` ones: its windows, counters and times of
 * these are ahead of the table's. It is asked with the connection's stripe locked, sets and clears `offloaded`, and may look
 * at no other connection.
 */
struct table_offload {
    /* Brings the connection up to date. Where it has been idle for too long, or is not passed any more, it is not offloaded afterwards. */
    void (*catch_up)(void *context, struct connection *connection);
    /* The same, and no further packet is passed: it is not offloaded afterwards. */
    void (*recall)(void *context, struct connection *connection);
    /* The TCP connection's windows have moved on beside him: he goes on from there, or the connection is not offloaded afterwards. */
    void (*tell)(void *context, struct connection *connection);
    void *context;
};

/* OFFLOAD (borrowed) is asked from now on. Before anything is offloaded. */
void table_set_offload(struct table *table, const struct table_offload *offload);

/* Asks it about CONNECTION where that is offloaded, else nobody. */
void table_catch_up(struct table *table, struct connection *connection);
void table_recall(struct table *table, struct connection *connection);
void table_tell(struct table *table, struct connection *connection);

/* The connection with this tuple (of this hash, whose stripe is locked), borrowed until the lock is given up; or NULL. */
struct connection *table_find(struct table *table, uint32_t hash, const struct tuple *tuple);

/* How a connection stands in the table: what its timer and its place among the others depend on. */
struct standing {
    uint32_t timeout_ms;    /* it may idle for so long */
    enum eviction eviction;
    bool priority;          /* table_insert: it may use the reserve */
};

/*
 * Makes the connection of TUPLE, which is not in the table: zeroed but for hash, tuple, id, created and seen; its timer
 * runs from NOW_MS. The stripe is locked. Where the table is full an older connection of a class that may be evicted
 * gives way. Returns NULL when none does.
 */
struct connection *table_insert(struct table *table, uint32_t hash, const struct tuple *tuple, uint64_t now_ms,
                                const struct standing *standing);

/* The connection was heard of at NOW_MS and stands so from then on. Constant time. */
void table_refresh(struct table *table, struct connection *connection, uint64_t now_ms,
                   const struct standing *standing);

/* A new connection begins in place of CONNECTION, with its tuple: as table_insert, but there is always room. */
void table_replace(struct table *table, struct connection *connection, uint64_t now_ms,
                   const struct standing *standing);

/*
 * Makes a connection that is like PAST, which another table held: its tuple, id, times, counters, transport and what opened it.
 * No decision about it is made, it counts for nothing, is nobody's kin and not offloaded. The tuple, of HASH, is not in the table. Only
 * before others use the table. Returns NULL where there is no room.
 */
struct connection *table_restore(struct table *table, uint32_t hash, const struct connection *past, enum eviction eviction);

/* Has memory for so many connections at hand, where it is an estate's; before others use the table. */
void table_prepare(struct table *table, uint32_t connections);

/* The main thread's, many times a second: has memory for new connections at hand, where it is an estate's. */
void table_tend(struct table *table);

/* Forgets the connection, which ENDED so, recalled before where it is offloaded; the pointer is dead afterwards. */
void table_remove(struct table *table, struct connection *connection, enum ending ended);

/* The connection is over, though its entry stays for now. */
void table_tell_end(struct table *table, struct connection *connection, enum ending ended);

/*
 * One reader: takes the oldest connection of STRIPE (0..TABLE_STRIPES-1) that is over and was to be told of. Takes no lock. False:
 * there is none.
 */
bool table_take_departure(struct table *table, unsigned stripe, struct departure *departure);

/*
 * Has it idled for longer than it may at this filling of the table? An expired entry that has not been removed yet must be
 * treated as absent. One that is offloaded has not: when it was last heard of is not known here.
 */
bool table_expired(const struct table *table, const struct connection *connection, uint64_t now_ms);

/*
 * pf's adaptive timeouts (pf.conf(5)): with N connections between START and END, a timeout counts (END - N) / (END - START)
 * of its length; above END nothing of it.
 */
uint32_t timeout_adapted(uint32_t timeout_ms, uint32_t n, uint32_t start, uint32_t end);

/*
 * Removes what has expired by NOW_MS in STRIPE (0..TABLE_STRIPES-1), looking at no more than BUDGET entries. Takes and
 * gives up the stripe's lock. Returns true when it came to the end, false when the budget ended first: call again soon.
 */
bool table_expire(struct table *table, unsigned stripe, uint64_t now_ms, unsigned budget);

struct table_use {
    uint32_t now, capacity;
    struct table_limits limits;
    uint32_t in_class[EVICTION_COUNT];
    uint64_t opened, expired, removed, evicted; /* since table_new */
    uint64_t untold; /* that ended faster than table_take_departure took them */
};
struct table_use table_use(struct table *table);

/*
 * Calls SEE with each connection, the expired ones left out, from the place AT on, 0 at first, and looks at about BUDGET
 * entries. Returns the place to go on from, 0 at the end. A stripe is locked while SEE is called, and never for more than
 * BUDGET entries; SEE may ask about an offloaded connection, change the cached decision and forget windows, and nothing else. A connection that lives
 * all the while is seen exactly once.
 */
uint32_t table_walk(struct table *table, uint32_t at, unsigned budget, uint64_t now_ms,
                    void (*see)(void *context, struct connection *connection), void *context);

#endif
