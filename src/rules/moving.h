/*
 * Where the members of sets that move come from: the prefixes of zones, the answers to names; and how a member is told back to
 * them.
 */
#ifndef RULES_MOVING_H
#define RULES_MOVING_H

#include "rules/ruleset.h"

/* IPv6 prefixes of one zone that are followed; further ones are left out, and match nothing. */
#define MOVING_PREFIXES_MAX 64u

/* A prefix that a zone has, from an address on one of its interfaces or from its `net`. */
struct zone_prefix {
    uint16_t zone;
    struct prefix prefix;
};

/* PREFIX with the last bits of SUFFIX; false: they do not fit behind it. */
bool moving_join(struct prefix prefix, struct address suffix, struct address *address);

/*
 * Lets every `prefix(zone)::suffix` of RULESET be what the COUNT prefixes say at NOW_MS; one whose zone has none is empty and
 * not filled. Several prefixes of a zone: all of them. True: something changed. Workers may be reading.
 */
bool moving_follow(struct ruleset *ruleset, const struct zone_prefix *prefixes, size_t count, uint64_t now_ms);

/* The same from the `net` of the zones, where there is no kernel to ask: tests, replays. */
void moving_assume(struct ruleset *ruleset);

/* Why ADDRESS is a member. */
struct origin {
    uint64_t since_ms; /* DNS: when the name was last answered so; else when it was entered */
    uint64_t until_ms; /* kept until then; UINT64_MAX: as long as the name answers so, the zone has the prefix, nobody removes it */
    const char *name;  /* DNS: the name that was answered so */
    uint16_t zone;     /* PREFIX: whose prefix ... */
    struct address address; /* ... this is, with its suffix */
    uint32_t rule;     /* DYNAMIC: identity of the rule that entered it; 0: somebody did by hand */
};

/* Why ADDRESS is a member of MOVING at NOW_MS; false: it is none. What the kind does not have is 0. */
bool moving_origin(const struct moving_set *moving, struct address address, uint64_t now_ms, struct origin *origin);

#endif
