/*
 * Random rules files that use everything that a rule can ask of a packet, and random queries at the edges of what they ask.
 * Seeded: the same numbers give the same files and queries.
 */
#ifndef TESTS_RANDOM_RULES_H
#define TESTS_RANDOM_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/classify.h"
#include "rules/surroundings.h"

struct random {
    uint64_t state; /* not 0 */
};

/* A number below LIMIT, which is not 0. */
uint32_t random_below(struct random *random, uint32_t limit);

/*
 * What the rules are like. WILD: as odd as the language allows, so that every feature meets every other. OFFICE: what people
 * write, servers and networks and services by name; most queries that a rule is meant for come down to it.
 */
enum random_kind { RANDOM_WILD, RANDOM_OFFICE };

/* A rules file of COUNT rules, on the heap. */
char *random_rules(struct random *random, enum random_kind kind, unsigned count);

/* The ruleset that TEXT makes; NULL, with its errors printed, when it makes none. */
struct ruleset *random_rules_read(const char *text);

/* Some addresses of the gateway's own, and some schedules that hold; each zone has an interface of its number. */
struct surroundings *random_surroundings(struct random *random, const struct ruleset *ruleset);

/* What the rule with this index matches, unless it is negated or moves. */
struct query random_query_in(struct random *random, const struct ruleset *ruleset, uint32_t rule);

/* Near that: in most fields within it or at a border, in some elsewhere. */
struct query random_query_near(struct random *random, const struct ruleset *ruleset, uint32_t rule);

#endif
