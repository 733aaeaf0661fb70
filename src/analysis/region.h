/*
 * Rules as boxes. The space is what packets can be: both addresses of one family, ICMP in IPv4 and ICMPv6 in IPv6, ports where
 * there are ports, TCP flags in packets that open or belong to nothing.
 *
 * Sets that move, and the gateway's own addresses, are dimensions of their own: any address may be a member or not, and a set
 * may not be filled yet. So what is found holds for every content that they can have.
 */
#ifndef ANALYSIS_REGION_H
#define ANALYSIS_REGION_H

#include "analysis/box.h"
#include "rules/ruleset.h"

struct boxes {
    size_t count;
    const struct box *list;
    bool incomplete; /* of a rule with more than REGION_BOXES_MAX: they hold all that it matches, and more */
};

#define REGION_BOXES_MAX 65536

/* How a ruleset's numbers are written in the space; two rulesets that are compared share one space. */
struct space {
    bool flags;                   /* some rule asks for TCP flags */
    const struct rangeset *zones; /* by the ruleset's zone: the space's numbers of it; NULL: its own number */
    const uint16_t *moving;       /* the ruleset's set that moves to the space's; NULL: the same */
};

/* Everything that RULE, of RULESET, matches; no box: it can never match. States, times and days are dimensions too. */
struct boxes region_of_rule(struct arena *arena, const struct ruleset *ruleset, const struct rule *rule,
                            const struct space *space);

/* The states of some STATE_BITs. */
struct rangeset region_states(struct arena *arena, uint8_t states);

/* Everything that can be asked of a packet. */
struct boxes region_of_all(struct arena *arena, const struct space *space);

/* A packet of BOX, as a query; MEMBERS_* say which of its addresses must be of the gateway or in a set that moves. */
struct witness {
    struct query query;
    struct civil at;
    bool timed;    /* the box says when: the clock matters ... */
    bool dated;    /* ... and the day too, not only the time of the week */
    bool src_self, dst_self;
    uint32_t src_moving, dst_moving; /* index of the set plus one, 0: none needs to */
    uint32_t unfilled; /* likewise the set of which nobody knows yet who belongs in it */
};

/*
 * As of TODAY. False: there is none, because no day of the box is a day of the week that it wants, or because one address would
 * have to be a member as the source and none as the destination.
 */
bool region_witness(const struct box *box, int32_t today, struct witness *witness);

/* As region_witness; with addresses that people know: of the networks of the zones of RULESET that it comes and goes through. */
bool region_witness_known(const struct box *box, const struct ruleset *ruleset, int32_t today, struct witness *witness);

#endif
