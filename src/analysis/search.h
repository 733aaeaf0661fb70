/*
 * Is there a packet in a box that ...? A list of boxes is gone through in order: one whose rule CUTs takes its packets out of
 * the search, one whose rule HITs ends it with what both hold. What comes to the end of the list is handed to AT_END.
 *
 * In the worst case this takes a time that grows without measure with the number of boxes that overlap, so the work is
 * counted, and a search that reaches its bound is given up: then nothing is said.
 */
#ifndef ANALYSIS_SEARCH_H
#define ANALYSIS_SEARCH_H

#include "analysis/region.h"

/* A box of a rule, and the bounds of what boxes differ in most: they are looked at before the sets. */
struct search_box {
    struct box box;
    uint32_t rule;
    struct address_range service, src, dst;
};

enum search_role {
    SEARCH_PASS, /* the rule plays no part */
    SEARCH_CUT,
    SEARCH_HIT,
    SEARCH_UNKNOWN, /* which packets the rule takes is not known: who comes to it ends the search without an answer */
};

enum search_result { SEARCH_NOTHING, SEARCH_FOUND, SEARCH_GIVEN_UP };

struct search {
    struct arena *arena;           /* scratch; the caller frees it */
    const struct search_box *boxes;
    size_t count;
    const uint8_t *roles;          /* by rule */
    /* Called with what is left at the end; SEARCH_FOUND ends the search. NULL: nothing is found there. */
    enum search_result (*at_end)(void *context, struct search *search, const struct box *left);
    void *context;
    uint64_t *work, work_max;      /* boxes compared, added to by each search */
    struct box found;              /* FOUND: packets of these */
    bool *used;                    /* by rule: did its cuts make the answer? NULL: not asked */
};

struct search_box search_box_of(const struct box *box, uint32_t rule);

/* As box_intersects, and quicker where the bounds lie apart. */
bool search_meets(const struct search_box *a, const struct search_box *b);

enum search_result search_run(struct search *search, const struct box *box);

/* An at_end that is always found. */
enum search_result search_end_is_hit(void *context, struct search *search, const struct box *left);

#endif
