/*
 * The plain reading of the rules, from top to bottom. It is the meaning of the language: whatever may decide faster one
 * day is held against it.
 */
#include "rules/classify.h"

#include <stdbool.h>

#include "packet/packet.h"
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

static enum condition rule_failed(const struct rule *rule, const struct asked *asked, struct decision *decision)
{
    enum condition failed = first_failed(rule, asked);
    if (failed != CONDITION_NONE)
        return failed;
    uint64_t schedules = rule_schedules(rule);
    decision->schedules |= schedules;
    return (asked->surroundings->schedules & schedules) == schedules ? CONDITION_NONE : CONDITION_TIME;
}

void classify(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query,
              struct decision *decision)
{
    classify_traced(ruleset, surroundings, query, decision, NULL);
}

void classify_traced(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query,
                     struct decision *decision, const struct trace *trace)
{
    const struct asked asked = {ruleset, surroundings, query};
    decision->audit_count = 0;
    decision->schedules = 0;
    for (uint32_t i = 0; i < ruleset->rule_count; i++) {
        const struct rule *rule = &ruleset->rules[i];
        enum condition failed = rule_failed(rule, &asked, decision);
        if (trace != NULL)
            trace->rule(trace->context, i, failed);
        if (failed != CONDITION_NONE)
            continue;
        if (rule->action != ACTION_AUDIT) {
            decision->rule = i;
            decision->action = rule->action;
            return;
        }
        if (decision->audit_count < AUDITS_MAX)
            decision->audits[decision->audit_count++] = i;
    }
    decision->rule = RULE_DEFAULT;
    /* Fail closed: what breaks its protocol passes only where a rule says so in words. */
    decision->action = query->state == STATE_INVALID ? ACTION_DENY : ruleset->default_action;
}
