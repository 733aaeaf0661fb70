/*
 * Counts a rule and a source: how many connections there are now, and how fast new ones come. The limits of the rule
 * language are asked here, when a connection is opened.
 *
 * A tally is a hash table of fixed size. An entry exists as long as it counts a connection or its rate has not recovered;
 * others give way when room is needed. Locks of its own come last: whoever calls holds at most a stripe of the state
 * table. Nothing is allocated after tally_new.
 */
#ifndef STATE_TALLY_H
#define STATE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/siphash.h"
#include "packet/address.h"

struct tally;

/* What is counted: the connections of one rule, of one source, or of one source through one rule. */
struct tally_key {
    struct address source; /* all zero: every source */
    uint32_t rule;         /* a rule's identity; 0: every rule */
    uint32_t kind;         /* keeps apart what is counted for different purposes: enum tally_kind */
};

enum tally_kind {
    TALLY_CONNECTIONS, /* connections at once */
    TALLY_NEW,         /* new connections, for their rate */
    TALLY_EXPECTED,    /* expectations (state/family.h) */
};

/* Returns an empty tally for so many keys at once, or NULL when memory is refused. */
struct tally *tally_new(uint32_t capacity, const struct siphash_key *key);
void tally_free(struct tally *tally);

/* Makes room for so many keys, if there is less; waits for nobody long. Without memory it stays as it is. */
void tally_grow(struct tally *tally, uint32_t capacity);

/*
 * Counts one more connection unless there are MOST already (UINT32_MAX: count in any case). Returns false when there are, or
 * when no entry is free: what cannot be counted must not pass (fail closed).
 */
bool tally_take(struct tally *tally, const struct tally_key *key, uint32_t most);

/* Counts one connection less; it was counted by tally_take. */
void tally_give(struct tally *tally, const struct tally_key *key);

/*
 * One more event at NOW_MS: does it keep within COUNT events in INTERVAL_MS? A token bucket: COUNT at once, then one each
 * INTERVAL_MS / COUNT. Events beyond the rate are not counted. COUNT and INTERVAL_MS are at least 1.
 */
bool tally_event(struct tally *tally, const struct tally_key *key, uint32_t count, uint32_t interval_ms,
                 uint64_t now_ms);

/* Takes back an event that tally_event has just let pass: what it was asked for was refused for another reason. */
void tally_event_undo(struct tally *tally, const struct tally_key *key, uint32_t count, uint32_t interval_ms);

/* How many connections KEY counts now. */
uint32_t tally_count(struct tally *tally, const struct tally_key *key);

/* How many keys are in use. */
uint32_t tally_keys(struct tally *tally);

#endif
