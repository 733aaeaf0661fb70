/*
 * A worker: one thread with its own libev loop, one queue, one engine. Workers share the state table and read the policy;
 * everything else is their own.
 */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/clock.h"
#include "daemon/denied.h"
#include "daemon/drops.h"
#include "daemon/events.h"
#include "engine/engine.h"
#include "io/inject.h"
#include "io/nfqueue.h"

/*
 * What workers judge by, made by the main thread and never changed after it was published. A reload makes a new one; a change
 * of interfaces makes one that shares the ruleset and what is counted about it.
 */
struct policy {
    struct ruleset *ruleset;
    struct surroundings *surroundings;
    unsigned workers;               /* one more than there are, or than there may be */
    struct rule_counter **counters; /* an array a worker, rule_count + 1 each; the last of them is the fast path's */
    struct log_meter *meters;       /* of what workers tell: a rule each, and the default */
    struct log_meter *end_meters;   /* likewise, of connections that are over: the main thread's */
    uint64_t **left_out;            /* what either left out: an array a worker as above, and the last of them is the main thread's */
};

/* Makes a policy, which takes RULESET and SURROUNDINGS over; NULL when there is no memory (both stay the caller's). */
struct policy *policy_new(struct ruleset *ruleset, struct surroundings *surroundings, unsigned workers);

/* The same policy in other surroundings, which it takes over. */
struct policy *policy_with(const struct policy *policy, struct surroundings *surroundings);

/* Frees OLD, and what it does not share with NEWER (which may be NULL). */
void policy_free(struct policy *old, const struct policy *newer);

struct fast;
struct worker;

struct worker_config {
    unsigned number, workers; /* which one of how many */
    struct table *table;
    struct nfqueue *queue;    /* taken over */
    struct inject *inject;    /* taken over; NULL: rejected packets are only dropped */
    const struct policy *policy;
    struct fast *fast;        /* borrowed; NULL: there is no fast path */
    uint64_t pickup_until_ms; /* see struct engine */
    int cpu;                  /* runs on this processor; -1: on any */
    bool verbose;             /* tell of every verdict */
};

/* Makes a worker and starts its thread. NULL when that is refused: errno says why, EINVAL where there is no such processor for us. */
struct worker *worker_start(const struct worker_config *config);

/* Ends the thread, waits for it, frees everything. */
void worker_stop(struct worker *worker);

/*
 * Lets the worker judge by POLICY from its next batch on, and returns when it does: then the old one is free to go. Where POLICY
 * wants denied packets for the first time and there is no memory for them, it goes without.
 */
void worker_publish(struct worker *worker, const struct policy *policy);

/*
 * Lets the worker act out FAILURE from now on, and returns when it does: its queue is left, or full, or its ALGs are at their
 * end. FAILURE_SETTINGS: none any more; a queue that was left is taken again as soon as the kernel gives it.
 */
void worker_rehearse(struct worker *worker, enum failure_setting failure);

/* Why the worker has not taken its queue again, as -errno; 0: it has. */
int worker_missing(const struct worker *worker);

/*
 * While rejects are HELD, who is rejected in a connection that stands is told nothing: his packet is only dropped, and he keeps the
 * connection for when it is allowed again.
 */
void worker_hold_rejects(struct worker *worker, bool held);

/*
 * Lets the worker tell of every verdict, or of none, beside worker_events. Returns the ring, for the main thread to take
 * from; it is made at the first call and stays until the worker's end. NULL: there is no memory, nothing is told.
 */
struct events *worker_trace(struct worker *worker, bool tells);

/* Goes up several times a second as long as the worker lives. */
uint32_t worker_beat(const struct worker *worker);

/* For the main thread to read. */
struct events *worker_events(struct worker *worker);
struct denials *worker_denials(struct worker *worker); /* NULL: no packets have been asked for yet */
const struct drops *worker_drops(const struct worker *worker);
const struct engine_counters *worker_counters(const struct worker *worker);
const struct nfqueue_counters *worker_queue_counters(const struct worker *worker);
const struct inject_counters *worker_inject_counters(const struct worker *worker);

#endif
