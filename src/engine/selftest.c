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

static bool hold(const struct ruleset *ruleset, const struct decision *decision, enum action expected, const char *by,
                 bool by_default, const char *which, struct text *explanation)
{
    if (decision_fits(ruleset, decision, expected, by, by_default))
        return true;
    text_add(explanation, "%sexpected ", which);
    add_outcome(explanation, expected, by, by_default);
    text_add(explanation, ", got ");
    add_decision(explanation, ruleset, decision);
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
    classify(ruleset, surroundings, &test->query, &decision);
    if (!test->at_given && decision.schedules & named_schedules(ruleset)) {
        text_add(explanation, "the answer depends on the time: say when, such as at \"mon 12:30\"");
        return false;
    }
    if (!hold(ruleset, &decision, test->expected, test->by, test->by_default, "", explanation))
        return false;
    if (!test->reply)
        return true;
    struct query reply = selftest_reply(&test->query, decision.action == ACTION_ALLOW);
    classify(ruleset, surroundings, &reply, &decision);
    return hold(ruleset, &decision, test->reply_expected, test->reply_by, test->reply_by_default,
                "for the reply: ", explanation);
}
