/*
 * The plain reading of the rules, from top to bottom: the meaning of the language. `classify` reads in the same way those rules
 * only that the classifier has found; it is held against the plain reading in tests/unit/test_classifier.c.
 */
#include "rules/classify.h"

#include <stdbool.h>

#include "packet/packet.h"
#include "rules/classifier.h"
#include "rules/surroundings.h"

/* Who asks about what. */
struct asked {
    const struct ruleset *ruleset;
    const struct surroundings *surroundings;
    const struct query *query;
};

static bool term_matches(const struct endpoint_term *term, const struct asked *asked, struct address address,
                         uint16_t zone)
{
    if (term->zone != 0 && term->zone != zone)
        return false;
    switch (term->kind) {
    case TERM_ANY:
        return true;
    case TERM_SELF:
        return rangeset_holds(&asked->surroundings->self, address);
    case TERM_SET:
        return ruleset_set_holds(asked->ruleset, term->set, address, asked->query->now_ms);
    }
    return false;
}

/* Who is not in a set of which nobody knows yet who belongs in it? Nobody is let in for that: fail closed. */
static bool lets_strangers_in(const struct endpoint *endpoint, const struct asked *asked)
{
    for (size_t i = 0; i < endpoint->term_count; i++)
        if (endpoint->terms[i].kind == TERM_SET && !ruleset_set_filled(asked->ruleset, endpoint->terms[i].set))
            return false;
    return true;
}

static bool endpoint_matches(const struct endpoint *endpoint, const struct asked *asked, struct address address,
                             uint16_t zone, enum action action)
{
    for (size_t i = 0; i < endpoint->term_count; i++)
        if (term_matches(&endpoint->terms[i], asked, address, zone))
            return !endpoint->negated;
    return endpoint->negated && (action != ACTION_ALLOW || lets_strangers_in(endpoint, asked));
}

static bool src_port_matches(const struct rule *rule, uint16_t port)
{
    for (size_t i = 0; i < rule->src_port_count; i++)
        if (rule->src_ports[i].first <= port && port <= rule->src_ports[i].last)
            return true;
    return rule->src_port_count == 0;
}

static bool service_matches(const struct rule *rule, uint8_t protocol, uint16_t service)
{
    for (size_t i = 0; i < rule->service_count; i++) {
        const struct service_item *item = &rule->services[i];
        if (item->protocol == protocol && item->first <= service && service <= item->last)
            return true;
    }
    return rule->service_count == 0;
}

static bool flags_match(const struct rule *rule, const struct query *query)
{
    if (!rule->flagged)
        return true;
    bool own = query->state == STATE_NEW || query->state == STATE_INVALID;
    return own && query->protocol == PROTOCOL_TCP && (query->tcp_flags & rule->flags_looked_at) == rule->flags_set;
}

/* The first condition that fails, but for the time. */
static enum condition first_failed(const struct rule *rule, const struct asked *asked)
{
    const struct query *query = asked->query;
    if (!(rule->states & STATE_BIT(query->state)))
        return CONDITION_STATE;
    if (!service_matches(rule, query->protocol, query->service))
        return CONDITION_SERVICE;
    if (!src_port_matches(rule, query->src_port))
        return CONDITION_SRC_PORT;
    if (!endpoint_matches(&rule->src, asked, query->src, query->src_zone, rule->action))
        return CONDITION_SRC;
    if (!endpoint_matches(&rule->dst, asked, query->dst, query->dst_zone, rule->action))
        return CONDITION_DST;
    return flags_match(rule, query) ? CONDITION_NONE : CONDITION_FLAGS;
}

/* Of a rule whose condition FAILED first but for the time: the time too. */
static enum condition in_time(const struct rule *rule, const struct asked *asked, enum condition failed,
                              struct decision *decision)
{
    if (failed != CONDITION_NONE)
        return failed;
    uint64_t schedules = rule_schedules(rule);
    decision->schedules |= schedules;
    return (asked->surroundings->schedules & schedules) == schedules ? CONDITION_NONE : CONDITION_TIME;
}

/* Takes note of the rule with this index, of whose conditions this one FAILED first. True: it decides. */
static bool read_rule(const struct asked *asked, uint32_t index, enum condition failed, struct decision *decision)
{
    const struct rule *rule = &asked->ruleset->rules[index];
    if (failed != CONDITION_NONE)
        return false;
    if (rule->action != ACTION_AUDIT) {
        decision->rule = index;
        decision->action = rule->action;
        return true;
    }
    if (decision->audit_count < AUDITS_MAX)
        decision->audits[decision->audit_count++] = index;
    return false;
}

static void decide_by_default(const struct asked *asked, struct decision *decision)
{
    decision->rule = RULE_DEFAULT;
    /* Fail closed: what breaks its protocol passes only where a rule says so in words. */
    decision->action = asked->query->state == STATE_INVALID ? ACTION_DENY : asked->ruleset->default_action;
}

void classify_traced(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query,
                     struct decision *decision, const struct trace *trace)
{
    const struct asked asked = {ruleset, surroundings, query};
    decision->audit_count = 0;
    decision->schedules = 0;
    if (trace != NULL && trace->ask != NULL)
        trace->ask(trace->context, query);
    for (uint32_t i = 0; i < ruleset->rule_count; i++) {
        const struct rule *rule = &ruleset->rules[i];
        enum condition failed = in_time(rule, &asked, first_failed(rule, &asked), decision);
        if (trace != NULL)
            trace->rule(trace->context, i, failed);
        if (read_rule(&asked, i, failed, decision))
            return;
    }
    decide_by_default(&asked, decision);
}

void classify(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query,
              struct decision *decision)
{
    const struct asked asked = {ruleset, surroundings, query};
    struct classifier_walk walk;
    struct classifier_candidate candidate;
    if (ruleset->classifier == NULL) {
        classify_traced(ruleset, surroundings, query, decision, NULL);
        return;
    }
    decision->audit_count = 0;
    decision->schedules = 0;
    classifier_begin(ruleset->classifier, query, &walk);
    while (classifier_next(&walk, &candidate)) {
        const struct rule *rule = &ruleset->rules[candidate.rule];
        if (candidate.final) {
            /* What is asked of the rule next, its limits and options, comes while the caller goes on. */
            for (size_t byte = 0; byte < sizeof *rule; byte += 64)
                __builtin_prefetch((const char *)rule + byte);
            decision->rule = candidate.rule;
            decision->action = candidate.action;
            return;
        }
        enum condition failed = candidate.exact ? CONDITION_NONE : first_failed(rule, &asked);
        if (read_rule(&asked, candidate.rule, in_time(rule, &asked, failed, decision), decision))
            return;
    }
    decide_by_default(&asked, decision);
}

enum condition classify_rule(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct rule *rule,
                             const struct query *query)
{
    return first_failed(rule, &(struct asked){ruleset, surroundings, query});
}
