/*
 * A set of addresses: sorted ranges that neither touch nor overlap, so that membership is a binary search and set
 * algebra is a merge.
 */
#ifndef RULES_RANGESET_H
#define RULES_RANGESET_H

#include <stdbool.h>
#include <stddef.h>

#include "packet/address.h"

struct rangeset {
    size_t count;
    struct address_range *ranges; /* the owner's (an arena, mostly) */
};

/*
 * Sorts the set's ranges in place and joins those that touch or overlap; COUNT shrinks accordingly.
 */
void rangeset_normalise(struct rangeset *set);

/* Is ADDRESS in the (normalised) set? */
bool rangeset_holds(const struct rangeset *set, struct address address);

/* The addresses of one family as ranges: IPv4 is one, IPv6 is two (all but the mapped ones). */
extern const struct address_range rangeset_v4[1], rangeset_v6[2];

#endif
