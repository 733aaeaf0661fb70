/*
 * What the findings ask of: the rules of a ruleset as boxes, and searches through them within bounds. Private to findings.c.
 */
#ifndef ANALYSIS_ANALYSIS_H
#define ANALYSIS_ANALYSIS_H

#include "analysis/findings.h"
#include "analysis/region.h"
#include "analysis/search.h"

/*
 * Boxes compared in all of an analysis: enough for ten thousand rules that somebody wrote, and over in seconds where a file is
 * made to be hard.
 */
#define WORK_ALL_MAX 300000000u

struct analysis {
    const struct ruleset *ruleset;
    int32_t today;
    struct space space;
    struct arena *arena;      /* what lives as long as the analysis */
    struct boxes *regions;    /* a rule */
    bool states_written;      /* some rule writes its states down */
    size_t box_count;
    struct search_box *boxes; /* of all rules, in their order */
    size_t *box_from;         /* by rule: its first one */
    uint8_t *cuts;            /* roles: every rule is cut out */
    uint8_t *roles;           /* of the search at hand */
    uint8_t *verdicts;        /* roles: what is allowed is cut out, what is not is a hit */
    bool *used;
    uint64_t work;
    bool undecided;           /* about the rule at hand */
    finding_take take;        /* is told of what is found */
    void *context;
};

#define ALL_STATES 0x1eu

/* An analysis of RULESET (borrowed) as of TODAY (days since 1970-01-01), told to TAKE; analysis_fini is owed. */
void analysis_init(struct analysis *analysis, const struct ruleset *ruleset, int32_t today, finding_take take, void *context);
void analysis_fini(struct analysis *analysis);

/* An arena for one search or a few, which the caller frees. */
struct arena *analysis_scratch(void);

/* Does a rule hit, when ASKED is asked about? Else it is cut out. */
typedef bool (*analysis_hit)(const struct analysis *analysis, uint32_t rule, uint32_t asked);
bool analysis_allows(const struct analysis *analysis, uint32_t rule, uint32_t asked);

/* Sets the roles of all rules, but of those that decide nothing and those that are not known whole. */
void analysis_set_roles(struct analysis *analysis, uint8_t *roles, analysis_hit hit, uint32_t asked);

/* A search through the rules before END, all of which are cut out; AT_END: what is left then (NULL: nothing is a hit). */
struct search analysis_search(struct analysis *analysis, struct arena *arena, uint32_t end,
                              enum search_result (*at_end)(void *context, struct search *search, const struct box *left));

/*
 * Searches each of BOXES in turn; FOUND: what was found stands in the search. Where the bounds end it the rule at hand is
 * undecided.
 */
enum search_result analysis_run(struct analysis *analysis, struct search *search, const struct boxes *boxes);

/* What of BOXES lies in these states, from today on. */
struct boxes analysis_in_states(struct analysis *analysis, struct arena *arena, const struct boxes *boxes, unsigned states);

/* The box where no address is in a set that moves, except where the box asks for a member. */
struct box analysis_without_members(const struct analysis *analysis, struct arena *arena, struct box box);

#endif
