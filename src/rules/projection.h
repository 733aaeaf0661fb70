/*
 * The least box around a rule: for each field of a query the values that the rule can match, never fewer. What is not known when
 * rules are compiled (the gateway's own addresses, what sets hold that move, schedules) counts as every value.
 */
#ifndef RULES_PROJECTION_H
#define RULES_PROJECTION_H

#include <stdbool.h>

#include "rules/rangeset.h"
#include "rules/ruleset.h"

struct arena;

/* The fields of a query that rules name as ranges. Every value is written as an address: {0, value}. */
enum field {
    FIELD_SRC,
    FIELD_DST,
    FIELD_SERVICE, /* protocol << 16 | destination port, ICMP type or 0 */
    FIELD_SRC_PORT,
    FIELD_SRC_ZONE,
    FIELD_DST_ZONE,
    FIELD_STATE,
    FIELD_COUNT
};

/* A field has at most so many ranges; where a rule has more, neighbours are joined with what lies between them. */
#define PROJECTION_RANGES_MAX 16

struct projection {
    struct rangeset fields[FIELD_COUNT]; /* normalised, never empty */
    bool exact; /* the rule matches everything in the box, but for the time */
};

/* Projects RULE; the ranges lie in ARENA or belong to the ruleset. False: the rule can never match. */
bool projection_of(struct projection *projection, const struct rule *rule, struct arena *arena);

/* The value of QUERY in each field. */
void projection_of_query(const struct query *query, struct address values[FIELD_COUNT]);

#endif
