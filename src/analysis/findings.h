/*
 * What rules do that their author did not mean. Every finding is proved over all packets that there can be, and comes with one
 * of them as a witness where there is one; where a proof would take too long nothing is said, and that is counted.
 */
#ifndef ANALYSIS_FINDINGS_H
#define ANALYSIS_FINDINGS_H

#include "analysis/region.h"

enum finding_kind {
    FINDING_NEVER,           /* the rule can match no packet */
    FINDING_SHADOWED,        /* earlier rules take every packet */
    FINDING_REDUNDANT,       /* removing it changes no verdict, and where it only keeps packets out of the default's log, `by` takes some */
    FINDING_NO_CONTINUATION, /* it admits connections whose packets nothing allows */
    FINDING_NO_OPENER,       /* it speaks of connections that nothing admits */
    FINDING_WIDE_SELF,       /* it opens the gateway too */
    FINDING_NO_ALG,          /* it opens control connections to which nobody listens */
    FINDING_WIDE_ALG,        /* it opens whatever anybody announces to anybody */
    FINDING_EXPIRED,         /* its last day is over */
    FINDING_PROTECT,         /* some of what is protected is not allowed */
};

#define FINDING_BY_MAX 4

struct finding {
    enum finding_kind kind;
    uint32_t rule;              /* index; for PROTECT of the ruleset's protects */
    enum alg_name alg;          /* of NO_ALG: who should listen */
    bool refused;               /* of PROTECT: by antispoof, not by rules */
    bool has_witness;
    struct witness witness;
    unsigned by_count;          /* rules that have to do with it, the first few */
    uint32_t by[FINDING_BY_MAX];
    bool more;                  /* there are more of them */
};

/* The rules about which something could be neither proved nor disproved within the bounds. */
struct findings_left {
    size_t rules;
    uint32_t first;
};

typedef void (*finding_take)(void *context, const struct finding *finding);

/*
 * Tells of all findings but broken protection, rule by rule, as of TODAY (days since 1970-01-01). Returns what is left out; its
 * bounds count comparisons and not time, so that the same file gets the same answer everywhere.
 */
struct findings_left findings_of(const struct ruleset *ruleset, int32_t today, finding_take take, void *context);

/*
 * Tells of each `protect` that the rules break, while no set that moves has members. One that cannot be proved to hold is
 * broken too, without a witness: fail closed. A source that a protection names with its zone, as in 10.0.0.1@wan, may not be one that
 * antispoof refuses there; of other sources those that it refuses are not asked for.
 */
void findings_of_protection(const struct ruleset *ruleset, int32_t today, finding_take take, void *context);

#endif
