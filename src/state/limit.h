/*
 * The limits of the rule language, asked when a connection is opened, in terms of the tally. What a rule asks comes here
 * as numbers: rules and state do not know each other.
 */
#ifndef STATE_LIMIT_H
#define STATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "state/connection.h"
#include "state/tally.h"

#define LIMIT_UNSET UINT32_MAX

/* What is asked of a new connection. */
struct limit {
    uint32_t identity;        /* of the rule that admits it */
    uint32_t every_source;    /* `limit connections N per source M`: at most M of one source, over all rules */
    uint32_t connections;     /* at most so many at once by this rule ... */
    bool connections_per_source;
    uint32_t new_count;       /* at most so many new ones ... */
    uint32_t new_interval_ms; /* ... in so long; unless new_count is LIMIT_UNSET */
    bool new_per_source;
};

/*
 * Asks all limits of LIMIT for a connection from SOURCE at NOW_MS. When all say yes it is counted: *COUNTED holds the flags
 * (enum connection_counted) that its entry must carry, and limit_release takes them back. When one says no, nothing is counted.
 */
bool limit_admit(struct tally *tally, const struct limit *limit, struct address source, uint64_t now_ms,
                 uint8_t *counted);

/* Counts a connection that is there already, whatever the limits say (after a reload). Returns its flags. */
uint8_t limit_count(struct tally *tally, const struct limit *limit, struct address source);

/* What limit_count would count a connection for. */
uint8_t limit_flags(const struct limit *limit);

/* Takes back what SOURCE's connection by the rule OPENER was COUNTED for. */
void limit_release(struct tally *tally, uint8_t counted, uint32_t opener, struct address source);

/* How many connections count now for the rule IDENTITY, of SOURCE alone or of all; identity 0: for the source over all rules. */
uint32_t limit_count_now(struct tally *tally, uint32_t identity, bool per_source, struct address source);

/* Undoes limit_release. */
void limit_restore(struct tally *tally, uint8_t counted, uint32_t opener, struct address source);

#endif
