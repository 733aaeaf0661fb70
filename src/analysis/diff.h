/*
 * The packets about which the rules of two rulesets decide differently: all of them, grouped by who decided before and who
 * decides now.
 *
 * A packet comes through an interface: where the same interface is in another zone, that is seen. Sets that move are the same
 * when they are called the same, whatever they hold.
 */
#ifndef ANALYSIS_DIFF_H
#define ANALYSIS_DIFF_H

#include "analysis/region.h"

struct change {
    uint32_t old_rule, new_rule; /* indices, or RULE_DEFAULT */
    enum action old_action, new_action;
    struct witness witness;      /* its zones and sets are places in the lists below; a set's plus one */
};

/* Interfaces that are in these zones of the old and of the new ruleset. */
struct zone_pair {
    uint16_t old_zone, new_zone;
    const char *name;            /* of the zone, where it has the same in both; else of one of the interfaces */
};

/* A set that moves, as each ruleset numbers it: index plus one, 0: it has none of this name. */
struct moving_pair {
    uint32_t old_set, new_set;
    const char *name;
};

struct differences {
    size_t count;
    struct change *changes; /* on the heap, as all here */
    bool given_up;          /* too many boxes: there may be more */
    size_t zone_count;      /* the first is "no zone" */
    struct zone_pair *zones;
    size_t moving_count;
    struct moving_pair *moving;
};

/* Groups told of at most. */
#define DIFF_CHANGES_MAX 1000

/* Compares from TODAY (days since 1970-01-01) on. differences_fini is owed. */
void differences_of(const struct ruleset *old, const struct ruleset *fresh, int32_t today, struct differences *differences);
void differences_fini(struct differences *differences);

#endif
