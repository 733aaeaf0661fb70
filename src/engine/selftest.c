#include "engine/selftest.h"

#include <string.h>

#include "base/text.h"
#include "packet/packet.h"
#include "rules/mismatch.h"
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

static void add_answer(struct text *text, const struct ruleset *ruleset, const struct answer *answer)
{
    const struct decision *decision = &answer->decision;
    const struct rule *rule = decision->rule == RULE_DEFAULT ? NULL : &ruleset->rules[decision->rule];
    bool screened = answer->screening != SCREENING_NONE;
    add_outcome(text, decision->action, rule ? rule->name : NULL, rule == NULL && !screened);
    if (screened)
        text_add(text, " by %s", screening_name(answer->screening));
    else if (rule != NULL && rule->name == NULL)
        text_add(text, " by %s:%u", rule->file, rule->line);
}

static bool answer_fits(const struct ruleset *ruleset, const struct answer *answer, enum action expected, const char *by,
                        bool by_default)
{
    const struct decision *decision = &answer->decision;
    bool defaulted = decision->rule == RULE_DEFAULT && answer->screening == SCREENING_NONE;
    if (decision->action != expected || (by_default && !defaulted))
        return false;
    if (by == NULL)
        return true;
    const char *name = decision->rule == RULE_DEFAULT ? NULL : ruleset->rules[decision->rule].name;
    return name != NULL && strcmp(name, by) == 0;
}

void selftest_ask(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query,
                  const struct trace *trace, struct answer *answer)
{
    *answer = (struct answer){.screening = screen_query(ruleset, surroundings, query)};
    if (answer->screening == SCREENING_NONE) {
        classify_traced(ruleset, surroundings, query, &answer->decision, trace);
        return;
    }
    answer->decision.rule = RULE_DEFAULT;
    answer->decision.action = answer->screening == SCREENING_SPOOFED ? ACTION_DENY : ACTION_ALLOW;
}

/* The packet of QUERY's other side, as if it stood alone. */
static struct query turned(const struct query *query)
{
    struct query other = query_turned(query);
    other.tcp_flags = query->tcp_flags != 0 ? TCP_SYN | TCP_ACK : 0;
    return other;
}

/*
 * Where the first packet passed there is a connection, and the answer belongs to it; where it did not, the answer stands alone: it
 * could open a UDP session of its own, and is invalid in protocols that know who asks.
 */
void selftest_ask_reply(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query,
                        const struct answer *first, const struct trace *trace, struct query *reply, struct answer *answer)
{
    struct query alone = turned(query);
    bool asks = query->protocol == PROTOCOL_TCP || query->protocol == PROTOCOL_SCTP || query->protocol == PROTOCOL_ICMP ||
                query->protocol == PROTOCOL_ICMP6;
    alone.state = asks ? STATE_INVALID : STATE_NEW;
    if (first->decision.action != ACTION_ALLOW) {
        *reply = alone;
    } else {
        *reply = *query;
        if (query->state == STATE_NEW)
            reply->state = STATE_ESTABLISHED;
    }
    /* An implicit rule lets both sides speak. */
    if (first->screening == SCREENING_ND || first->screening == SCREENING_DHCP) {
        *answer = *first;
        return;
    }
    selftest_ask(ruleset, surroundings, reply, trace, answer);
    /* Where a packet comes from is its own, whatever it belongs to. */
    if (screen_query(ruleset, surroundings, &alone) == SCREENING_SPOOFED)
        *answer = (struct answer){SCREENING_SPOOFED, {.rule = RULE_DEFAULT, .action = ACTION_DENY}};
}

/* What an asking told, for the case that its answer is not the expected one. */
struct telling {
    const struct ruleset *ruleset;
    const struct surroundings *surroundings;
    struct query query;
    enum action expected;
    const char *by;
    const struct moving_set *set; /* NULL: no rule failed for a dns set; offline nobody is in one */
    uint32_t set_rule;            /* that names it */
    uint32_t nearest;             /* the rule called so, or else the one that gives the expected verdict and failed last; or RULE_DEFAULT */
    enum condition failed;        /* of its conditions */
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

static void note_query(void *context, const struct query *query)
{
    struct telling *telling = context;
    telling->query = *query;
    telling->set = NULL;
    telling->nearest = RULE_DEFAULT;
    telling->failed = CONDITION_NONE;
}

static void note_rule(void *context, uint32_t index, enum condition failed)
{
    struct telling *telling = context;
    const struct rule *rule = &telling->ruleset->rules[index];
    const struct moving_set *set = NULL;
    if (failed == CONDITION_SRC)
        set = dns_set_in(telling->ruleset, &rule->src);
    else if (failed == CONDITION_DST)
        set = dns_set_in(telling->ruleset, &rule->dst);
    if (telling->set == NULL && set != NULL) {
        telling->set = set;
        telling->set_rule = index;
    }
    bool asked = telling->by != NULL ? rule->name != NULL && strcmp(rule->name, telling->by) == 0 : rule->action == telling->expected;
    if (asked && failed > telling->failed) {
        telling->nearest = index;
        telling->failed = failed;
    }
}

/* Why it may be that another answer came, in parentheses. */
static void add_hint(struct text *text, const struct telling *telling, const struct answer *answer)
{
    const struct rule *rules = telling->ruleset->rules;
    uint32_t named = telling->by != NULL ? ruleset_find(telling->ruleset, telling->by) : RULE_DEFAULT;
    struct mismatch mismatch;
    if (answer->screening != SCREENING_NONE)
        return;
    if (telling->set != NULL) {
        text_add(text, " (%s:%u names the dns set '%s', in which nobody is in a test)", rules[telling->set_rule].file,
                 rules[telling->set_rule].line, telling->set->name);
    } else if (telling->nearest != RULE_DEFAULT && mismatch_of(&mismatch, telling->ruleset, telling->surroundings, &telling->query,
                                                               telling->nearest, telling->failed)) {
        const struct rule *rule = &rules[telling->nearest];
        if (rule->name != NULL)
            text_add(text, " (\"%s\": %s)", rule->name, mismatch.words);
        else
            text_add(text, " (%s:%u: %s)", rule->file, rule->line, mismatch.words);
    } else if (named != RULE_DEFAULT && answer->decision.rule != RULE_DEFAULT && named > answer->decision.rule) {
        text_add(text, " (\"%s\" stands below it)", telling->by);
    }
}

static void tell_of(struct telling *telling, enum action expected, const char *by)
{
    telling->expected = expected;
    telling->by = by;
}

static bool hold(const struct telling *telling, const struct answer *answer, bool by_default, const char *which,
                 struct text *explanation)
{
    const struct ruleset *ruleset = telling->ruleset;
    if (answer_fits(ruleset, answer, telling->expected, telling->by, by_default))
        return true;
    text_add(explanation, "%sexpected ", which);
    add_outcome(explanation, telling->expected, telling->by, by_default);
    text_add(explanation, ", got ");
    add_answer(explanation, ruleset, answer);
    if (!by_default)
        add_hint(explanation, telling, answer);
    return false;
}

/* Did the time matter that a test does not name? SCHEDULES would have let rules match, or did. */
static bool lacks_moment(const struct ruleset *ruleset, const struct ruleset_test *test, uint64_t schedules, struct text *explanation)
{
    bool day = false;
    for (size_t i = 0; i < ruleset->schedule_count; i++)
        day |= schedules & UINT64_C(1) << i && ruleset->schedules[i].last_day != INT32_MAX;
    if (day && (!test->at_given || test->at.day == 0))
        text_add(explanation, "the answer depends on the day, by 'expires': say which, such as at \"2026-12-24 12:30\"");
    else if (schedules != 0 && !test->at_given)
        text_add(explanation, "the answer depends on the time: say when, such as at \"mon 12:30\"");
    else
        return false;
    return true;
}

bool selftest_run(const struct ruleset *ruleset, const struct surroundings *given,
                  const struct ruleset_test *test, struct text *explanation)
{
    struct answer answer, reply_answer;
    struct surroundings then = *given;
    const struct surroundings *surroundings = &then;
    then.schedules = ruleset_schedules_at(ruleset, test->at);
    struct telling telling = {.ruleset = ruleset, .surroundings = surroundings};
    const struct trace trace = {.ask = note_query, .rule = note_rule, .context = &telling};
    tell_of(&telling, test->expected, test->by);
    selftest_ask(ruleset, surroundings, &test->query, &trace, &answer);
    if (lacks_moment(ruleset, test, answer.decision.schedules, explanation))
        return false;
    if (!hold(&telling, &answer, test->by_default, "", explanation))
        return false;
    if (!test->reply)
        return true;
    struct query reply;
    tell_of(&telling, test->reply_expected, test->reply_by);
    selftest_ask_reply(ruleset, surroundings, &test->query, &answer, &trace, &reply, &reply_answer);
    return !lacks_moment(ruleset, test, reply_answer.decision.schedules, explanation) &&
           hold(&telling, &reply_answer, test->reply_by_default, "for the reply: ", explanation);
}
