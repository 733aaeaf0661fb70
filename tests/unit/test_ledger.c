/*
 * What was counted about rules: it goes on through reloads and the way back, by who the rules are, each count once.
 */
#include <check.h>
#include <stdlib.h>

#include "daemon/ledger.h"
#include "daemon/worker.h"
#include "tests/unit/random_rules.h"

#define WORKERS 3u

static struct ledger ledger;

static struct policy *policy_of(const char *rules)
{
    struct surroundings *surroundings = surroundings_new(NULL, 0, NULL, 0);
    struct policy *policy = policy_new(random_rules_read(rules), surroundings, WORKERS);
    ck_assert_ptr_nonnull(policy);
    return policy;
}

/* A worker counts so many packets of the rule at INDEX, at NOW_MS. */
static void hit(struct policy *policy, unsigned worker, size_t index, uint64_t packets, uint64_t now_ms)
{
    struct rule_counter *counter = &policy->counters[worker][index];
    counter->packets += packets;
    counter->bytes += packets * 100;
    counter->connections++;
    counter->first_ms = counter->first_ms == 0 ? now_ms : counter->first_ms;
    counter->last_ms = now_ms;
}

/* Workers judge by NEW in place of OLD; BEFORE is kept for a rollback, or NULL. */
static void follow(const struct policy *old, const struct policy *new, const struct policy *before)
{
    const struct policy *const kept[] = {new, old, before};
    ck_assert(ledger_close(&ledger, old, kept, 3));
}

static void ck_packets(const struct policy *policy, size_t index, uint64_t packets)
{
    struct rule_counter *sums = ledger_sums(&ledger, policy);
    ck_assert_ptr_nonnull(sums);
    ck_assert_uint_eq(sums[index].packets, packets);
    ck_assert_uint_eq(sums[index].bytes, packets * 100);
    free(sums);
}

static void teardown(void)
{
    ledger_free(&ledger);
}

START_TEST(a_rule_goes_on_where_it_stands_and_what_it_is_called)
{
    struct policy *one = policy_of("allow 10.0.0.1 to any tcp 22\nallow any to any tcp 80 as \"web\"\n");
    struct policy *two = policy_of("deny any to any udp\nallow any to any tcp 80, 443 as \"web\"\nallow 10.0.0.1 to any tcp 22\n");
    hit(one, 0, 0, 1, 1000);
    hit(one, WORKERS - 1, 0, 2, 500);
    hit(one, 1, 1, 10, 700);
    hit(one, 1, 2, 5, 700);
    follow(one, two, NULL);
    ck_packets(two, 0, 0);
    ck_packets(two, 1, 10);
    ck_packets(two, 2, 3);
    ck_packets(two, 3, 5); /* the default */
    hit(two, 1, 2, 4, 2000);
    ck_packets(two, 2, 7);
    struct rule_counter *sums = ledger_sums(&ledger, two);
    ck_assert_uint_eq(sums[2].first_ms, 500);
    ck_assert_uint_eq(sums[2].last_ms, 2000);
    ck_assert_uint_eq(sums[2].connections, 3);
    free(sums);
    policy_free(one, NULL);
    policy_free(two, NULL);
}
END_TEST

START_TEST(two_of_the_same_words_share_in_their_order)
{
    const char *rules = "allow any to any tcp 22\nallow any to any tcp 22\n";
    struct policy *one = policy_of(rules), *two = policy_of(rules), *three = policy_of("allow any to any tcp 22\n");
    hit(one, 0, 0, 1, 1);
    hit(one, 0, 1, 20, 1);
    follow(one, two, NULL);
    ck_packets(two, 0, 1);
    ck_packets(two, 1, 20);
    follow(two, three, NULL);
    ck_packets(three, 0, 1);
    policy_free(one, NULL);
    policy_free(two, NULL);
    policy_free(three, NULL);
}
END_TEST

/* Two trials in a row, in one of which the rule does not stand, and back: each packet is counted once, and none is lost. */
START_TEST(the_way_back)
{
    struct policy *before = policy_of("allow any to any tcp 22\nallow any to any tcp 25\n");
    struct policy *first = policy_of("allow any to any tcp 25\n"), *second = policy_of("allow any to any tcp 22\n");
    hit(before, 0, 0, 1, 1);
    hit(before, 1, 1, 10, 1);
    follow(before, first, NULL);
    hit(first, 0, 0, 20, 2);
    follow(first, second, before);
    ck_packets(second, 0, 1);
    hit(second, 0, 0, 2, 3);
    follow(second, before, NULL);
    ck_packets(before, 0, 3);
    ck_packets(before, 1, 30);
    hit(before, 1, 1, 300, 4);
    ck_packets(before, 1, 330);
    policy_free(before, NULL);
    policy_free(first, NULL);
    policy_free(second, NULL);
}
END_TEST

START_TEST(who_is_gone_is_forgotten)
{
    struct policy *one = policy_of("allow any to any tcp 22\n"), *two = policy_of("allow any to any tcp 25\n");
    struct policy *three = policy_of("allow any to any tcp 22\n");
    hit(one, 0, 0, 1, 1);
    follow(one, two, NULL);
    ck_assert_uint_eq(ledger.count, 2);
    struct policy *again = policy_of("allow any to any tcp 25\n");
    follow(two, again, NULL);
    ck_assert_uint_eq(ledger.count, 1);
    follow(again, three, NULL);
    ck_packets(three, 0, 0);
    policy_free(one, NULL);
    policy_free(two, NULL);
    policy_free(again, NULL);
    policy_free(three, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ledger");
    TCase *tests = tcase_create("ledger");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, a_rule_goes_on_where_it_stands_and_what_it_is_called);
    tcase_add_test(tests, two_of_the_same_words_share_in_their_order);
    tcase_add_test(tests, the_way_back);
    tcase_add_test(tests, who_is_gone_is_forgotten);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
