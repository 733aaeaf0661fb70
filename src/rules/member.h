/*
 * Through what an address is a member of a set: for people who ask why a rule matched. Never on a packet's way.
 */
#ifndef RULES_MEMBER_H
#define RULES_MEMBER_H

#include "rules/moving.h"

struct member {
    const struct set *set;           /* the innermost one, of sets in sets */
    const struct written *written;   /* the line that holds the address; NULL: ... */
    const struct moving_set *moving; /* ... it is a member of this, and ... */
    struct origin origin;            /* ... that is why */
};

/* False: ADDRESS is not in SET, a set of RULESET, at NOW_MS. */
bool member_find(const struct ruleset *ruleset, const struct set *set, struct address address, uint64_t now_ms,
                 struct member *member);

#endif
