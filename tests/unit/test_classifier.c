/*
 * What the classifier finds is what the plain reading finds, whatever the rules: rule, action, audits and schedules.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/packet.h"
#include "rules/classifier.h"
#include "rules/dynamic_set.h"
#include "tests/unit/random_rules.h"

#define RULESETS 120
#define QUERIES 9000 /* 1,080,000 in all */

static bool same(const struct decision *a, const struct decision *b)
{
    return a->action == b->action && a->rule == b->rule && a->schedules == b->schedules && a->audit_count == b->audit_count &&
           memcmp(a->audits, b->audits, a->audit_count * sizeof a->audits[0]) == 0;
}

#define TENTHS 10

/* What a run has met, so that its agreement means something. */
struct met {
    uint64_t queries, by_default, invalid_by_default, audited, full_audits, timed, moved, by_self, negated, flagged, v6;
    uint64_t tenths[TENTHS]; /* where in their file the rules stand that decide */
};

static bool has_term(const struct rule *rule, bool (*is)(const struct endpoint_term *))
{
    const struct endpoint *ends[] = {&rule->src, &rule->dst};
    for (unsigned end = 0; end < 2; end++)
        for (size_t i = 0; i < ends[end]->term_count; i++)
            if (is(&ends[end]->terms[i]))
                return true;
    return false;
}

static bool is_self(const struct endpoint_term *term)
{
    return term->kind == TERM_SELF;
}

static bool is_moving(const struct endpoint_term *term)
{
    return term->kind == TERM_SET && term->set->moving_count > 0;
}

static void note(struct met *met, const struct ruleset *ruleset, const struct query *query, const struct decision *decision)
{
    bool by_default = decision->rule == RULE_DEFAULT;
    met->queries++;
    met->by_default += by_default;
    met->invalid_by_default += by_default && query->state == STATE_INVALID;
    met->audited += decision->audit_count > 0;
    met->full_audits += decision->audit_count == AUDITS_MAX;
    met->timed += decision->schedules != 0;
    met->v6 += !by_default && !address_is_v4(query->src);
    if (by_default)
        return;
    const struct rule *rule = &ruleset->rules[decision->rule];
    met->tenths[(uint64_t)decision->rule * TENTHS / ruleset->rule_count]++;
    met->moved += has_term(rule, is_moving);
    met->by_self += has_term(rule, is_self);
    met->negated += rule->src.negated || rule->dst.negated;
    met->flagged += rule->flagged;
}

/* Members come and go without the rules being compiled anew. */
static void move(struct random *random, const struct ruleset *ruleset, const struct query *query)
{
    struct dynamic_set *members = ruleset->moving[random_below(random, (uint32_t)ruleset->moving_count)].members;
    struct dynamic_member member = {.address = random_below(random, 2) ? query->src : query->dst, .until_ms = 2000};
    if (random_below(random, 3) == 0)
        dynamic_set_delete(members, member.address, query->now_ms);
    else
        dynamic_set_add(members, &member, query->now_ms);
}

/* Both readings of one query. */
static void ask(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query,
                struct met *met)
{
    struct decision plain, compiled;
    classify_traced(ruleset, surroundings, query, &plain, NULL);
    classify(ruleset, surroundings, query, &compiled);
    ck_assert_msg(same(&plain, &compiled), "query %llu: rule %d and %u audits, compiled rule %d and %u audits",
                  (unsigned long long)met->queries, (int)plain.rule, plain.audit_count, (int)compiled.rule,
                  compiled.audit_count);
    note(met, ruleset, query, &plain);
}

static void hold(struct random *random, enum random_kind kind, unsigned rules, struct met *met)
{
    char *text = random_rules(random, kind, rules);
    struct ruleset *ruleset = random_rules_read(text);
    ck_assert_ptr_nonnull(ruleset);
    ck_assert_int_eq(ruleset->classifier != NULL, rules >= CLASSIFIER_RULES_MIN);
    struct surroundings *surroundings = random_surroundings(random, ruleset);
    for (unsigned i = 0; i < QUERIES; i++) {
        uint32_t rule = random_below(random, (uint32_t)ruleset->rule_count);
        struct query query = random_query_near(random, ruleset, rule);
        if (random_below(random, 16) == 0)
            query.dst = surroundings->self.ranges[random_below(random, (uint32_t)surroundings->self.count)].first;
        if (random_below(random, 16) == 0)
            move(random, ruleset, &query);
        ask(ruleset, surroundings, &query, met);
        if (i == QUERIES / 2) {
            /* The kernel says that addresses have changed; the clock that the hour has. */
            surroundings_free(surroundings);
            surroundings = random_surroundings(random, ruleset);
        }
    }
    surroundings_free(surroundings);
    ruleset_free(ruleset);
    free(text);
}

START_TEST(both_readings_agree)
{
    static const unsigned sizes[] = {3, 16, 17, 40, 100, 300};
    struct random random = {88172645463325252u};
    struct met met = {0};
    for (unsigned i = 0; i < RULESETS; i++)
        hold(&random, i % 4 == 3 ? RANDOM_OFFICE : RANDOM_WILD, sizes[i % (sizeof sizes / sizeof sizes[0])], &met);
    uint64_t few = met.queries / 500;
    ck_assert_uint_ge(met.queries, 1000000);
    ck_assert_uint_gt(met.by_default, few);
    ck_assert_uint_lt(met.by_default, met.queries / 2);
    ck_assert_uint_gt(met.invalid_by_default, few);
    ck_assert_uint_gt(met.audited, few);
    ck_assert_uint_gt(met.full_audits, 100);
    ck_assert_uint_gt(met.timed, few);
    ck_assert_uint_gt(met.moved, few);
    ck_assert_uint_gt(met.by_self, few);
    ck_assert_uint_gt(met.negated, few);
    ck_assert_uint_gt(met.flagged, few);
    ck_assert_uint_gt(met.v6, few);
    for (unsigned i = 0; i < TENTHS; i++)
        ck_assert_uint_gt(met.tenths[i], few);
}
END_TEST

/* Every border of every field: each query stands on it or beside it, all else being the rule's. */
START_TEST(both_readings_agree_where_every_port_is_a_border)
{
    size_t rules = 65536, length = 0;
    char *text = malloc(rules * 48);
    struct met met = {0};
    struct random random = {7};
    ck_assert_ptr_nonnull(text);
    for (unsigned i = 0; i < rules; i++)
        length += (size_t)sprintf(text + length, "%s any port %u to any udp %u\n", i % 2 ? "allow" : "deny", i, 65535 - i);
    struct ruleset *ruleset = random_rules_read(text);
    ck_assert_ptr_nonnull(ruleset);
    struct surroundings *surroundings = random_surroundings(&random, ruleset);
    for (unsigned i = 0; i < rules; i += i < 300 || i > 65200 ? 1 : 251) {
        struct query query = random_query_in(&random, ruleset, i);
        ask(ruleset, surroundings, &query, &met);
        query.service++;
        ask(ruleset, surroundings, &query, &met);
    }
    ck_assert_uint_ge(met.queries - met.by_default, met.queries / 2);
    surroundings_free(surroundings);
    ruleset_free(ruleset);
    free(text);
}
END_TEST

/* Rules of a broad source beside rules of a broad destination and rules of neither: the worst for cuts, which copy them. */
START_TEST(memory_is_bounded)
{
    size_t rules = 6000, length = 0;
    char *text = malloc(rules * 64);
    ck_assert_ptr_nonnull(text);
    for (unsigned i = 0; i < rules; i++)
        length += (size_t)sprintf(text + length, i % 3 == 0   ? "deny 10.%u.0.%u-10.200.0.0 to any\n"
                                                 : i % 3 == 1 ? "allow any to 10.%u.%u.0/24\n"
                                                              : "allow 10.%u.0.%u-10.150.0.0 to 10.0.0.0-10.80.0.0 tcp 80\n",
                                  i / 250 % 100, i % 250);
    struct ruleset *ruleset = random_rules_read(text);
    ck_assert_ptr_nonnull(ruleset);
    ck_assert_ptr_nonnull(ruleset->classifier);
    /* Entries of 44 bytes, and arrays that have grown to twice of what is in them; four borders of 16 bytes. */
    ck_assert_uint_lt(classifier_bytes(ruleset->classifier), rules * (CLASSIFIER_COPIES_MAX * 44 + 4 * 16) * 2);
    ruleset_free(ruleset);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("classifier");
    TCase *cases = tcase_create("classifier");
    tcase_set_timeout(cases, 300);
    tcase_add_test(cases, both_readings_agree);
    tcase_add_test(cases, both_readings_agree_where_every_port_is_a_border);
    tcase_add_test(cases, memory_is_bounded);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
