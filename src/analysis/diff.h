/*
 * The packets about which two rulesets decide differently: all of them, grouped by who decided before and who decides now.
 * Zones and sets that move are the same when they are called the same.
 */
#ifndef ANALYSIS_DIFF_H
#define ANALYSIS_DIFF_H

#include "analysis/region.h"

struct change {
    uint32_t old_rule, new_rule; /* indices, or RULE_DEFAULT */
    enum action old_action, new_action;
    struct witness witness;      /* zones and sets as the old ruleset numbers them; the new one's own come behind */
};

struct differences {
    size_t count;
    struct change *changes; /* on the heap: free */
    bool given_up;          /* too many boxes: there may be more */
    size_t zone_count;
    const char **zones;     /* their names in the space of both, on the heap */
};

void differences_of(const struct ruleset *old, const struct ruleset *fresh, int32_t today, struct differences *differences);
void differences_fini(struct differences *differences);

#endif
