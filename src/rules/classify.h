/*
 * The rules' answer to one query: the first that matches decides. On a packet's way this is asked once a connection and
 * state, not once a packet: connections keep the decision.
 */
#ifndef RULES_CLASSIFY_H
#define RULES_CLASSIFY_H

#include <stdint.h>

#include "rules/ruleset.h"

struct surroundings;

#define AUDITS_MAX 8 /* audit rules reported for one decision; further ones are passed over */

struct decision {
    enum action action;
    uint32_t rule;          /* index, or RULE_DEFAULT */
    uint64_t schedules;     /* of rules that would have matched, or did, but for the time */
    uint8_t audit_count;
    uint32_t audits[AUDITS_MAX]; /* the audit rules that stand above it and match */
};

/* What a rule asks of a packet, in the order in which it is asked. */
enum condition {
    CONDITION_NONE, /* all of it fits */
    CONDITION_STATE,
    CONDITION_SERVICE,
    CONDITION_SRC_PORT,
    CONDITION_SRC,
    CONDITION_DST,
    CONDITION_FLAGS,
    CONDITION_TIME,
};

/* Told that QUERY is asked (unless NULL), and of each rule that is read: the first condition that fails, or that none does. */
struct trace {
    void (*ask)(void *context, const struct query *query);
    void (*rule)(void *context, uint32_t rule, enum condition failed);
    void *context;
};

/* As classify, by reading each rule from the top; tells TRACE (unless it is NULL) of each on the way. */
void classify_traced(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query,
                     struct decision *decision, const struct trace *trace);

/* Decides QUERY. The default decides where no rule does; an invalid packet that no rule names is denied (fail closed). */
void classify(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query,
              struct decision *decision);

/* The first condition of RULE, which speaks of RULESET's zones and sets, that QUERY does not fit, but for the time. */
enum condition classify_rule(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct rule *rule,
                             const struct query *query);

#endif
