/*
 * The fast path as the daemon keeps it: which connections are entered, and what comes of those that are.
 *
 * Workers offer connections after each batch; the main thread sweeps the kernel's entries and takes back what passed; whoever
 * gets a packet of an entered connection asks for it first (state/table.h: table_offload).
 *
 * Locking. The lock inside comes after a stripe of the state table. Who enters connections holds it over the whole batch and
 * therefore only tries stripes; so what is on its way into the kernel is there when somebody asks for it.
 */
#ifndef DAEMON_FAST_H
#define DAEMON_FAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/worker.h"

struct fast;
struct fastpath;

/* What the packets of connections that were allowed meet when no daemon serves the queue. */
enum fast_death {
    FAST_DEATH_DROPS, /* nothing passes after FAST_WATCHDOG_MS */
    FAST_DEATH_PASSES /* they go on */
};

/* So long after the last sign of life nothing passes any more. */
#define FAST_WATCHDOG_MS 5000u

struct fast_config {
    struct table *table;
    const struct policy *policy; /* its last counters are the fast path's */
    uint32_t most;               /* entries */
    enum fast_death death;
    bool passed_unseen;          /* the daemon before had packets pass without one: its entries are out of date */
    const char *folder;          /* where it is pinned (fastpath_folder); NULL: nowhere, for tests */
};

/* Loads the program and begins. Returns NULL and writes why, with the mend, to the ERROR_SIZE bytes at ERROR. */
struct fast *fast_start(const struct fast_config *config, char *error, size_t error_size);

/* The end, with no worker left. REMOVE: nothing passes any more, and what is pinned is removed by somebody who may (fastpath_unpin); else what was entered passes on as DEATH says. NULL is allowed. */
void fast_stop(struct fast *fast, bool remove);

/* FAST is a struct fast: can this process look into its maps? */
bool fast_is_readable(const void *fast);

/* The maps and the program, for tests. */
struct fastpath *fast_kernel(const struct fast *fast);

/* Where the program is pinned, for the hook. */
const char *fast_program(const struct fast *fast);

/*
 * POLICY counts from now on: called before any worker judges by it. STALE: what was decided by the one before does not pass
 * any more, each connection is judged anew at its next packet.
 */
void fast_publish(struct fast *fast, const struct policy *policy, bool stale);

/* While DEAD it is as if the daemon had been stopped: what was entered passes on as DEATH says. A rehearsal. */
void fast_play_dead(struct fast *fast, bool dead);

/* Does what was entered pass on without a daemon? */
bool fast_outlives(const struct fast *fast);

/* A worker's: enters those of the engine's offers that still fit, and empties them. */
void fast_enter(struct fast *fast, const struct policy *policy, struct engine *engine);

/* The main thread's, many times a second: a sign of life, and a piece of the sweep where one is due. */
void fast_turn(struct fast *fast, uint64_t now_ms);

struct fast_use {
    uint32_t entries, most;
    uint32_t adopted;        /* that an earlier daemon had entered */
    uint64_t sweeps;         /* that have come to their end */
    uint64_t packets, bytes; /* that passed, as far as the last sweep has seen */
    uint64_t entered;        /* connections, since the start */
    uint64_t full;           /* offers for which there was no room */
};
struct fast_use fast_use(struct fast *fast);

/* The verdicts on what passed. Read by anybody. */
const struct engine_counters *fast_counters(const struct fast *fast);

#endif
