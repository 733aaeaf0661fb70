#include "control/explain.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "control/words.h"
#include "engine/selftest.h"
#include "packet/reason.h"
#include "rules/member.h"
#include "rules/mismatch.h"
#include "state/limit.h"

#define WORDS_BYTES 300

/* ---- through which member a set matched ---- */

/* "office.rules:12", "entered by office.rules:30, 12 s ago, for 3588 s more", "answered for deb.example.org 12 s ago" ... */
static void add_member(struct text *text, const struct ruleset *ruleset, const struct member *member, uint64_t now_ms)
{
    const struct origin *origin = &member->origin;
    if (member->written != NULL) {
        text_add(text, "%s:%u", member->written->file, member->written->line);
        return;
    }
    /* Without a clock nothing has been learnt: the prefix is what stands in the file. */
    if (member->moving->kind == MOVING_PREFIX && now_ms == 0) {
        const struct zone *zone = &ruleset->zones[origin->zone];
        text_add(text, "%s by the net of %s", member->moving->name, zone->name);
        if (zone->quotes != NULL)
            text_add(text, ", %s:%u", zone->quotes[0].file, zone->quotes[0].line);
        return;
    }
    uint32_t rule = member->moving->kind == MOVING_DYNAMIC ? ruleset_rule_of(ruleset, origin->rule) : RULE_DEFAULT;
    if (member->moving->kind == MOVING_DNS)
        text_add(text, "answered for %s", origin->name != NULL ? origin->name : "a name that is gone");
    else if (member->moving->kind == MOVING_PREFIX)
        text_add(text, "%s by a prefix of %s", member->moving->name, ruleset->zones[origin->zone].name);
    else if (rule != RULE_DEFAULT)
        text_add(text, "entered by %s:%u", ruleset->rules[rule].file, ruleset->rules[rule].line);
    else
        text_add(text, origin->rule != 0 ? "entered by a rule that is gone" : "entered by hand");
    text_add(text, ", %llu s ago", (unsigned long long)((now_ms - origin->since_ms) / 1000));
    if (origin->until_ms != UINT64_MAX && origin->until_ms > now_ms)
        text_add(text, ", for %llu s more", (unsigned long long)((origin->until_ms - now_ms) / 1000));
}

/* Through which member ENDPOINT holds ADDRESS, as {"set": NAME, "by": WHERE}; NULL: through no set that has a name. */
static json_t *through(const struct ruleset *ruleset, const struct endpoint *endpoint, struct address address,
                       uint64_t now_ms)
{
    struct member member;
    char bytes[WORDS_BYTES];
    struct text text;
    for (size_t i = 0; i < endpoint->term_count; i++) {
        const struct endpoint_term *term = &endpoint->terms[i];
        if (term->kind != TERM_SET || term->set->name == NULL || !member_find(ruleset, term->set, address, now_ms, &member))
            continue;
        text_init(&text, bytes, sizeof bytes);
        add_member(&text, ruleset, &member, now_ms);
        return json_pack("{s:s, s:s}", "set", member.set->name != NULL ? member.set->name : term->set->name, "by", bytes);
    }
    return NULL;
}

/* A rule that matched, or whose endpoint failed because it names what the address is not to be: by whose doing? */
static void add_through(const struct explanation *path, const struct rule *rule, enum condition failed, json_t *step)
{
    const struct query *query = &path->query;
    json_t *src = failed == CONDITION_NONE || failed == CONDITION_SRC
                      ? through(path->ruleset, &rule->src, query->src, query->now_ms)
                      : NULL;
    json_t *dst = failed == CONDITION_NONE || failed == CONDITION_DST
                      ? through(path->ruleset, &rule->dst, query->dst, query->now_ms)
                      : NULL;
    if (src != NULL)
        json_object_set_new(step, "source_member", src);
    if (dst != NULL)
        json_object_set_new(step, "destination_member", dst);
}

static void take_rule(void *context, uint32_t index, enum condition failed)
{
    struct explanation *path = context;
    const struct rule *rule = &path->ruleset->rules[index];
    struct mismatch mismatch;
    bool matched = !mismatch_of(&mismatch, path->ruleset, path->surroundings, &path->query, index, failed);
    json_t *step = json_pack("{s:o, s:o, s:s, s:b}", "rule", words_place(rule), "name", words_name(rule), "action",
                             action_name(rule->action), "matched", matched);
    if (!matched) {
        json_object_set_new(step, "failed", json_string(mismatch.what));
        json_object_set_new(step, "wanted", json_string(mismatch.wanted));
        json_object_set_new(step, "got", json_string(mismatch.got));
        json_object_set_new(step, "words", json_string(mismatch.words));
    }
    add_through(path, rule, failed, step);
    json_array_append_new(path->path, step);
}

static void take_query(void *context, const struct query *query)
{
    struct explanation *explanation = context;
    json_decref(explanation->path);
    explanation->path = json_array();
    explanation->query = *query;
}

void explanation_init(struct explanation *explanation, const struct ruleset *ruleset, const struct surroundings *surroundings)
{
    *explanation = (struct explanation){.ruleset = ruleset, .surroundings = surroundings, .trace = {take_query, take_rule, explanation}};
}

/* Who decides, as "verdict", "state", "reason", "rule" and "name"; before the rules, "before" says what. */
static json_t *outcome(const struct ruleset *ruleset, const struct query *query, const struct answer *answer)
{
    const struct decision *decision = &answer->decision;
    const struct rule *rule = words_rule(ruleset, decision->rule);
    enum reason reason = answer->screening == SCREENING_SPOOFED ? REASON_SPOOFED
                         : answer->screening != SCREENING_NONE  ? REASON_IMPLICIT
                         : rule != NULL                         ? REASON_RULE
                                                                : REASON_DEFAULT;
    json_t *outcome = json_pack("{s:s, s:s, s:s, s:o, s:o}", "verdict", action_name(decision->action), "state",
                                state_name(query->state), "reason", reason_name(reason), "rule",
                                words_place(rule), "name", words_name(rule));
    if (answer->screening != SCREENING_NONE)
        json_object_set_new(outcome, "before", json_string(screening_name(answer->screening)));
    return outcome;
}

/* "100 connections per source", and how many there are now, where somebody knows. */
static void add_limit(json_t *limits, struct table *table, const char *words, uint32_t identity, bool per_source,
                      const struct query *query)
{
    if (table == NULL)
        json_array_append_new(limits, json_string(words));
    else
        json_array_append_new(limits, json_sprintf("%s; now %u", words,
                                                   limit_count_now(table_tally(table), identity, per_source, query->src)));
}

/* What the deciding rule asks for beyond the match. */
static json_t *limits_of(const struct ruleset *ruleset, const struct answer *answer, const struct query *query,
                         struct table *table)
{
    const struct decision *decision = &answer->decision;
    json_t *limits = json_array();
    char words[WORDS_BYTES];
    const struct rule *rule = decision->rule != RULE_DEFAULT ? &ruleset->rules[decision->rule] : NULL;
    const struct rule_limit *limit = rule != NULL ? rule->limit : NULL;
    if (limit != NULL && limit->new_rate.count != LIMIT_NONE)
        json_array_append_new(limits, json_sprintf("%u new in %u ms%s", limit->new_rate.count, limit->new_rate.interval_ms,
                                                   limit->new_per_source ? " per source" : ""));
    if (limit != NULL && limit->connections != LIMIT_NONE) {
        snprintf(words, sizeof words, "%u connections%s", limit->connections,
                 limit->connections_per_source ? " per source" : "");
        add_limit(limits, table, words, rule->identity, limit->connections_per_source, query);
    }
    if (ruleset->per_source_max != 0 && answer->screening == SCREENING_NONE) {
        snprintf(words, sizeof words, "%u connections of one source over all rules", ruleset->per_source_max);
        add_limit(limits, table, words, 0, true, query);
    }
    return limits;
}

json_t *explain_answer(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query,
                       struct table *table)
{
    struct explanation explanation;
    struct answer first, second;
    struct query reply;
    explanation_init(&explanation, ruleset, surroundings);
    selftest_ask(ruleset, surroundings, query, &explanation.trace, &first);
    json_t *answer = outcome(ruleset, query, &first);
    selftest_ask_reply(ruleset, surroundings, query, &first, NULL, &reply, &second);
    json_object_set_new(answer, "path", explanation.path != NULL ? explanation.path : json_array());
    json_object_set_new(answer, "limits", limits_of(ruleset, &first, query, table));
    json_object_set_new(answer, "reply", outcome(ruleset, &reply, &second));
    return answer;
}
