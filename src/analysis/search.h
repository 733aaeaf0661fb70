/*
 * Is there a packet in a box that ...? A list of steps is gone through in order: a box that is CUT takes its packets out of the
 * search, one that is a HIT ends it with what both hold. What comes to the end of the list is handed to AT_END.
 */
#ifndef ANALYSIS_SEARCH_H
#define ANALYSIS_SEARCH_H

#include "analysis/region.h"

struct search_step {
    const struct box *box;
    uint32_t rule; /* that it comes from, for `touched` */
    bool hit;
};

enum search_result { SEARCH_NOTHING, SEARCH_FOUND, SEARCH_GIVEN_UP };

struct search {
    struct arena *arena;        /* scratch; the caller frees it */
    const struct search_step *steps;
    size_t count;
    /* Called with what is left at the end; SEARCH_FOUND ends the search. */
    enum search_result (*at_end)(void *context, struct search *search, const struct box *left);
    void *context;
    uint64_t work, work_max;    /* boxes looked at; beyond, the search is given up and nothing is said */
    struct box found;           /* FOUND: packets of these */
    bool *touched;              /* by rule: did it take anything out? NULL: not asked */
};

enum search_result search_run(struct search *search, const struct box *box);

/* An at_end that is always found. */
enum search_result search_end_is_hit(void *context, struct search *search, const struct box *left);
enum search_result search_end_is_nothing(void *context, struct search *search, const struct box *left);

#endif
