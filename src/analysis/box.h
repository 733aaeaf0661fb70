/*
 * Boxes: sets of packets that are a product of ranges, one set of ranges a dimension. All that a rule can ask is a dimension;
 * a rule is a list of boxes. What follows is exact: nothing is sampled.
 *
 * Boxes and their ranges live in an arena; they are never changed once made.
 */
#ifndef ANALYSIS_BOX_H
#define ANALYSIS_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "rules/rangeset.h"

/* What is asked of a packet. Every value is written as an address: {0, value}. */
enum dimension {
    DIMENSION_SERVICE,  /* protocol << 16 | destination port, ICMP type or 0 */
    DIMENSION_SRC, DIMENSION_DST,
    DIMENSION_STATE,
    DIMENSION_SRC_ZONE, DIMENSION_DST_ZONE,
    DIMENSION_SRC_PORT,
    DIMENSION_FLAGS,    /* of TCP packets in state new or invalid */
    DIMENSION_TIME,     /* second of the week */
    DIMENSION_DAY,      /* since 1970-01-01 */
    DIMENSION_SRC_SELF, DIMENSION_DST_SELF, /* 1: an address of the gateway */
    DIMENSION_MOVING,   /* from here on three for each set that moves, see below */
};

/* Of a set that moves: is the source a member, is the destination, is it filled at all? */
enum moving_dimension { MOVING_SRC, MOVING_DST, MOVING_FILLED, MOVING_DIMENSIONS };

struct constraint {
    uint32_t dimension;
    struct rangeset set; /* never empty */
};

struct box {
    size_t count;
    const struct constraint *constraints; /* by dimension; one that is not there is not limited */
};

/* BOX with one dimension narrowed to SET as well. False: nothing is left. */
bool box_narrow(struct arena *arena, const struct box *box, uint32_t dimension, struct rangeset set, struct box *narrowed);

/* BOX with SET in place of what it says about a dimension. */
struct box box_with(struct arena *arena, const struct box *box, uint32_t dimension, struct rangeset set);

bool box_intersects(const struct box *a, const struct box *b);

/* Everything that a dimension can be: what a box that says nothing about it holds. */
struct rangeset box_domain(uint32_t dimension);

/* In how many dimensions does BOX reach out of COVER? 0: COVER holds all of it. Counts no further than MOST. */
unsigned box_reaches_out(const struct box *box, const struct box *cover, unsigned most);

/* What both hold; false when that is nothing. */
bool box_intersection(struct arena *arena, const struct box *a, const struct box *b, struct box *both);

/* What BOX says about a dimension; NULL: anything. */
const struct rangeset *box_set(const struct box *box, uint32_t dimension);

/* Ranges of plain numbers: FIRST..LAST, one value. */
struct rangeset box_numbers(struct arena *arena, uint64_t first, uint64_t last);

/* SET without what REMOVED holds; the intersection of two sets. */
struct rangeset box_without(struct arena *arena, const struct rangeset *set, const struct rangeset *removed);
struct rangeset box_common(struct arena *arena, const struct rangeset *a, const struct rangeset *b);

#endif
