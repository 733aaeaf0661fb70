/*
 * The state table: every connection, found by its tuple from either side, forgotten when it has been idle for too long.
 *
 * Life of an entry: table_insert makes it when its first packet passes; table_refresh at each packet that passes sets
 * how long it may idle from then on; table_expire removes it when that time is over; table_remove at once.
 *
 * Locking. The table is cut into stripes by the tuple's hash. A stripe's lock guards its hash chains, its part of the
 * timer wheel and every byte of the connections in it; whoever holds a pointer to a connection holds its stripe's lock.
 * Nobody ever holds two stripes. The order is: stripe, then the pool of free entries (inside table.c).
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

/* A power of two; enough that a handful of workers seldom meet. */
#define TABLE_STRIPES 64

/* Timers are this coarse: an entry is removed at most TABLE_TICK_MS + the caller's pause after its time (tracking.md: 1 s). */
#define TABLE_TICK_MS 256

struct table;

struct table_config {
    uint32_t capacity;      /* most entries that there will ever be, at least 1 */
    struct siphash_key key; /* random and secret */
};

/* Returns an empty table that allows as many connections as it has room for, or NULL when memory is refused. */
struct table *table_new(const struct table_config *config);
void table_free(struct table *table);

/* Allows MOST connections from now on, at most the capacity. Those above it stay; new ones are refused until they are fewer. */
void table_limit(struct table *table, uint32_t most);

uint32_t table_hash(const struct table *table, const struct tuple *tuple);

void table_lock(struct table *table, uint32_t hash);
void table_unlock(struct table *table, uint32_t hash);

/* The connection with this tuple (of this hash, whose stripe is locked), borrowed until the lock is given up; or NULL. */
struct connection *table_find(struct table *table, uint32_t hash, const struct tuple *tuple);

/*
 * Makes the connection of TUPLE, which is not in the table: zeroed but for hash, tuple, id, created and seen; its timer
 * runs for TIMEOUT_MS from NOW_MS. The stripe is locked. Returns NULL when the table is full.
 */
struct connection *table_insert(struct table *table, uint32_t hash, const struct tuple *tuple, uint64_t now_ms,
                                uint32_t timeout_ms);

/* The connection was heard of at NOW_MS and may idle for TIMEOUT_MS from then on. Constant time. */
void table_refresh(struct table *table, struct connection *connection, uint64_t now_ms, uint32_t timeout_ms);

/* Forgets the connection; the pointer is dead afterwards. */
void table_remove(struct table *table, struct connection *connection);

/* Has it idled for longer than it may? An expired entry that has not been removed yet must be treated as absent. */
static inline bool connection_expired(const struct connection *connection, uint64_t now_ms)
{
    return now_ms >= connection->seen_ms + connection->timeout_ms;
}

/*
 * Removes what has expired by NOW_MS in STRIPE (0..TABLE_STRIPES-1), looking at no more than BUDGET entries. Takes and
 * gives up the stripe's lock. Returns true when it came to the end, false when the budget ended first: call again soon.
 */
bool table_expire(struct table *table, unsigned stripe, uint64_t now_ms, unsigned budget);

struct table_use {
    uint32_t now, limit, capacity;
    uint64_t opened, expired, removed; /* since table_new */
};
struct table_use table_use(struct table *table);

/*
 * Calls SEE with each connection of one STRIPE, locked; SEE may copy what it wants and must not call the table. Entries
 * that have expired by NOW_MS are passed over. For listings: one stripe at a time keeps the packet path's wait short.
 */
void table_each(struct table *table, unsigned stripe, uint64_t now_ms,
                void (*see)(void *context, const struct connection *connection), void *context);

#endif
