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
};

/* How a ruleset's numbers are written in the space; two rulesets that are compared share one space. */
struct space {
    bool flags;              /* some rule asks for TCP flags */
    const uint16_t *zones;   /* the ruleset's zone to the space's; NULL: the same */
    const uint16_t *moving;  /* likewise the sets that move */
};

/* Everything that RULE, of RULESET, matches; no box: it can never match. States, times and days are dimensions too. */
struct boxes region_of_rule(struct arena *arena, const struct ruleset *ruleset, const struct rule *rule,
                            const struct space *space);

/* Everything that can be asked of a packet. */
struct boxes region_of_all(struct arena *arena, const struct space *space);

/* A packet of BOX, as a query; MEMBERS_* say which of its addresses must be of the gateway or in a set that moves. */
struct witness {
    struct query query;
    struct civil at;
    bool src_self, dst_self;
    uint32_t src_moving, dst_moving; /* index of the set plus one, 0: none needs to */
    uint32_t unfilled; /* likewise the set of which nobody knows yet who belongs in it */
};
struct witness region_witness(const struct box *box);

#endif
