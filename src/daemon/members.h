/*
 * The members of sets that move, so that they outlast the daemon: whoever was banned stays banned, and what a name
 * was answered is known before it is asked again. The main thread copies them into the estate soon after they have
 * changed; what changed in the last moment before a sudden death is lost. Prefixes of zones are not kept: they are
 * read at the start.
 *
 * Two halves are written by turns, and a mark says which one is whole, so there is always one to read. Each item has
 * a checksum of its own.
 */
#ifndef DAEMON_MEMBERS_H
#define DAEMON_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/ruleset.h"
#include "state/estate.h"

/* Of all sets together; those above it are not kept. */
#define MEMBERS_KEPT_MAX 262144u

struct members {
    struct estate *estate; /* NULL: nothing is kept */
    struct member_item *items;
    uint64_t serial;       /* of the last copy */
    uint64_t seen;         /* what it was made of: ruleset and changes */
    uint64_t due_ms;       /* no other copy before */
    uint32_t kept;         /* items of the last copy */
    bool left_out;         /* the last copy could not hold all */
};

/* Makes room in ESTATE (borrowed; NULL: nothing is kept). False: refused. */
bool members_open(struct members *members, struct estate *estate);

/* Copies the members of the moving sets of RULESET where they have changed; at most once a second, unless NOW. */
void members_keep(struct members *members, const struct ruleset *ruleset, uint64_t now_ms, bool now);

/* Enters what FORMER holds into the sets of RULESET that have the same names. Returns how many members it was. */
uint32_t members_restore(struct ruleset *ruleset, const struct estate *former, uint64_t now_ms);

#endif
