/*
 * Old and new in one run: what deciding costs at 10, 100, 1,000 and 10,000 rules when all are read from the top (linear), and when
 * the classifier has chosen (compiled). Rules and queries are random (tests/unit/random_rules.h), the queries meant for rules
 * spread evenly over the file.
 *
 *   read      ms from text to a ruleset; in it the classifier's part, and its size; a ruleset too small for one has none
 *   linear    ns for one query
 *   compiled  ns for one query, the same ones
 *   place     how far down the file the deciding rule stands on the average, of those that are not decided by default
 *
 * Medians of ROUNDS, all sizes taking turns. Then both answer AGREE_QUERIES queries at the borders of what wild rules say; any
 * difference ends it with status 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rules/classifier.h"
#include "tests/unit/random_rules.h"

#define ROUNDS 7
#define QUERIES 16384
#define LINEAR_QUERIES 2048 /* it is slow */
#define AGREE_RULESETS 400
#define AGREE_QUERIES 10000000u

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The figures of one number of rules. */
struct bench {
    unsigned rules;
    char *text;
    struct ruleset *ruleset;
    struct surroundings *surroundings;
    struct query *queries;
    double place;
    double read_ms[ROUNDS], compile_ms[ROUNDS], linear_ns[ROUNDS], compiled_ns[ROUNDS];
};

static uint64_t sink; /* so that no decision is left out */

static void prepare(struct bench *bench)
{
    struct random random = {88172645463325252u + bench->rules};
    bench->text = random_rules(&random, RANDOM_OFFICE, bench->rules);
    bench->ruleset = random_rules_read(bench->text);
    bench->queries = malloc(QUERIES * sizeof *bench->queries);
    if (bench->ruleset == NULL || bench->queries == NULL)
        exit(1);
    bench->surroundings = random_surroundings(&random, bench->ruleset);
    double places = 0;
    unsigned decided = 0;
    for (unsigned i = 0; i < QUERIES; i++) {
        struct decision decision;
        bench->queries[i] = random_query_in(&random, bench->ruleset, random_below(&random, bench->rules));
        classify(bench->ruleset, bench->surroundings, &bench->queries[i], &decision);
        decided += decision.rule != RULE_DEFAULT;
        places += decision.rule != RULE_DEFAULT ? decision.rule : 0;
    }
    bench->place = places / decided / bench->rules;
}

static double time_queries(const struct bench *bench, bool linear)
{
    unsigned count = linear ? LINEAR_QUERIES : QUERIES;
    double start = seconds();
    for (unsigned i = 0; i < count; i++) {
        struct decision decision;
        if (linear)
            classify_traced(bench->ruleset, bench->surroundings, &bench->queries[i], &decision, NULL);
        else
            classify(bench->ruleset, bench->surroundings, &bench->queries[i], &decision);
        sink += decision.rule;
    }
    return (seconds() - start) / count * 1e9;
}

static void measure(struct bench *bench, unsigned round)
{
    double start = seconds();
    ruleset_free(random_rules_read(bench->text));
    bench->read_ms[round] = (seconds() - start) * 1e3;
    start = seconds();
    classifier_free(classifier_new(bench->ruleset));
    bench->compile_ms[round] = (seconds() - start) * 1e3;
    bench->linear_ns[round] = time_queries(bench, true);
    bench->compiled_ns[round] = time_queries(bench, false);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof *values, by_value);
    return values[ROUNDS / 2];
}

static void report(struct bench *bench)
{
    const struct classifier *classifier = bench->ruleset->classifier;
    printf("%6u rules: read %6.1f ms, of it the classifier %5.1f ms, %5.2f MB; linear %8.0f ns, compiled %5.0f ns; place %2.0f%%\n",
           bench->rules, median(bench->read_ms), median(bench->compile_ms),
           classifier != NULL ? (double)classifier_bytes(classifier) / 1e6 : 0, median(bench->linear_ns),
           median(bench->compiled_ns), bench->place * 100);
    surroundings_free(bench->surroundings);
    ruleset_free(bench->ruleset);
    free(bench->queries);
    free(bench->text);
}

static bool same(const struct decision *a, const struct decision *b)
{
    return a->action == b->action && a->rule == b->rule && a->schedules == b->schedules && a->audit_count == b->audit_count &&
           memcmp(a->audits, b->audits, a->audit_count * sizeof a->audits[0]) == 0;
}

static void agree(unsigned seed)
{
    struct random random = {4242424242u + seed};
    char *text = random_rules(&random, RANDOM_WILD, 16 + random_below(&random, 300));
    struct ruleset *ruleset = random_rules_read(text);
    if (ruleset == NULL)
        exit(1);
    struct surroundings *surroundings = random_surroundings(&random, ruleset);
    for (unsigned i = 0; i < AGREE_QUERIES / AGREE_RULESETS; i++) {
        struct query query = random_query_near(&random, ruleset, random_below(&random, (uint32_t)ruleset->rule_count));
        struct decision linear, compiled;
        classify_traced(ruleset, surroundings, &query, &linear, NULL);
        classify(ruleset, surroundings, &query, &compiled);
        if (same(&linear, &compiled))
            continue;
        fprintf(stderr, "they differ: ruleset %u, query %u: linear rule %d, compiled rule %d\n", seed, i, (int)linear.rule,
                (int)compiled.rule);
        exit(1);
    }
    surroundings_free(surroundings);
    ruleset_free(ruleset);
    free(text);
}

int main(void)
{
    static struct bench benches[] = {{.rules = 10}, {.rules = 100}, {.rules = 1000}, {.rules = 10000}};
    const size_t count = sizeof benches / sizeof benches[0];
    for (size_t i = 0; i < count; i++)
        prepare(&benches[i]);
    for (unsigned round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < count; i++)
            measure(&benches[i], round);
    for (size_t i = 0; i < count; i++)
        report(&benches[i]);
    for (unsigned i = 0; i < AGREE_RULESETS; i++)
        agree(i);
    printf("%u queries more, of %u wild rulesets: linear and compiled agree\n", AGREE_QUERIES, AGREE_RULESETS);
    return 0;
}
