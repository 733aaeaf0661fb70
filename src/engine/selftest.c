#include "engine/selftest.h"

#include <string.h>

#include "base/text.h"
#include "packet/packet.h"
#include "rules/surroundings.h"

/* What decided, in the words of an `expect`. */
static void add_outcome(struct text *text, enum action action, const char *by, bool by_default)
{
    text_add(text, "%s", action_name(action));
    if (by_default)
        text_add(text, " by default");
    else if (by != NULL)
        text_add(text, " by \"%s\"", by);
}

static void add_decision(struct text *text, const struct ruleset *ruleset, const struct decision *decision)
{
    const struct rule *rule = decision->rule == RULE_DEFAULT ? NULL : &ruleset->rules[decision->rule];
    add_outcome(text, decision->action, rule ? rule->name : NULL, rule == NULL);
    if (rule != NULL && rule->name == NULL)
        text_add(text, " by %s:%u", rule->file, rule->line);
}

static bool decision_fits(const struct ruleset *ruleset, const struct decision *decision, enum action expected,
                          const char *by, bool by_default)
{
    if (decision->action != expected || (by_default && decision->rule != RULE_DEFAULT))
        return false;
    if (by == NULL)
        return true;
    const char *name = decision->rule == RULE_DEFAULT ? NULL : ruleset->rules[decision->rule].name;
    return name != NULL && strcmp(name, by) == 0;
}

/*
 * The query for the answer to FIRST. Where the first packet passed there is a connection, and the answer belongs to it;
 * where it did not, the answer stands alone: it could open a UDP session of its own, and is invalid in protocols that
 * know who asks.
 */
struct query selftest_reply(const struct query *first, bool passed)
{
    struct query reply = *first;
    if (passed) {
        if (first->state == STATE_NEW)
            reply.state = STATE_ESTABLISHED;
        return reply;
    }
    reply.src = first->dst;
    reply.dst = first->src;
    reply.src_zone = first->dst_zone;
    reply.dst_zone = first->src_zone;
    bool asks = first->protocol == PROTOCOL_TCP || first->protocol == PROTOCOL_SCTP ||
                first->protocol == PROTOCOL_ICMP || first->protocol == PROTOCOL_ICMP6;
    reply.state = asks ? STATE_INVALID : STATE_NEW;
    if (first->protocol != PROTOCOL_ICMP && first->protocol != PROTOCOL_ICMP6) {
        reply.src_port = first->service;
        reply.service = first->src_port;
    }
    return reply;
}

/* Rules that would have matched, maybe, but for a dns set: offline nobody is in one. */
struct unknown {
    const struct ruleset *ruleset;
    const struct moving_set *set; /* NULL: none was met */
    uint32_t rule;                /* that names it */
};

static const struct moving_set *dns_set_in(const struct ruleset *ruleset, const struct endpoint *endpoint)
{
    for (size_t t = 0; t < endpoint->term_count; t++) {
        const struct set *set = endpoint->terms[t].kind == TERM_SET ? endpoint->terms[t].set : NULL;
        for (size_t i = 0; set != NULL && i < set->moving_count; i++)
            if (ruleset->moving[set->moving[i]].kind == MOVING_DNS)
                return &ruleset->moving[set->moving[i]];
    }
    return NULL;
}

static void note_unknown(void *context, uint32_t index, enum condition failed)
{
    struct unknown *unknown = context;
    const struct rule *rule = &unknown->ruleset->rules[index];
    const struct moving_set *set = NULL;
    if (failed == CONDITION_SRC)
        set = dns_set_in(unknown->ruleset, &rule->src);
    else if (failed == CONDITION_DST)
        set = dns_set_in(unknown->ruleset, &rule->dst);
    if (unknown->set == NULL && set != NULL) {
        unknown->set = set;
        unknown->rule = index;
    }
}

static bool hold(const struct unknown *unknown, const struct decision *decision, enum action expected, const char *by,
                 bool by_default, const char *which, struct text *explanation)
{
    const struct ruleset *ruleset = unknown->ruleset;
    if (decision_fits(ruleset, decision, expected, by, by_default))
        return true;
    text_add(explanation, "%sexpected ", which);
    add_outcome(explanation, expected, by, by_default);
    text_add(explanation, ", got ");
    add_decision(explanation, ruleset, decision);
    if (unknown->set != NULL)
        text_add(explanation, " (%s:%u names the dns set '%s', in which nobody is in a test)", ruleset->rules[unknown->rule].file,
                 ruleset->rules[unknown->rule].line, unknown->set->name);
    return false;
}

/* The schedules that have a name, and so need a moment; the days behind `expires` are as of today. */
static uint64_t named_schedules(const struct ruleset *ruleset)
{
    uint64_t named = 0;
    for (size_t i = 0; i < ruleset->schedule_count; i++)
        if (ruleset->schedules[i].name != NULL)
            named |= UINT64_C(1) << i;
    return named;
}

bool selftest_run(const struct ruleset *ruleset, const struct surroundings *given,
                  const struct ruleset_test *test, int32_t today, struct text *explanation)
{
    struct decision decision;
    struct civil at = {test->at.day != 0 ? test->at.day : today, test->at.second_of_week};
    struct surroundings then = *given;
    const struct surroundings *surroundings = &then;
    then.schedules = ruleset_schedules_at(ruleset, at);
    struct unknown unknown = {ruleset, NULL, 0};
    const struct trace trace = {.rule = note_unknown, .context = &unknown};
    classify_traced(ruleset, surroundings, &test->query, &decision, &trace);
    if (!test->at_given && decision.schedules & named_schedules(ruleset)) {
        text_add(explanation, "the answer depends on the time: say when, such as at \"mon 12:30\"");
        return false;
    }
    if (!hold(&unknown, &decision, test->expected, test->by, test->by_default, "", explanation))
        return false;
    if (!test->reply)
        return true;
    struct query reply = selftest_reply(&test->query, decision.action == ACTION_ALLOW);
    unknown.set = NULL;
    classify_traced(ruleset, surroundings, &reply, &decision, &trace);
    return hold(&unknown, &decision, test->reply_expected, test->reply_by, test->reply_by_default,
                "for the reply: ", explanation);
}
