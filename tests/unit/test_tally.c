/*
 * Counts a rule and a source: connections at once, and rates of new ones.
 */
#include <check.h>
#include <pthread.h>

#include "state/tally.h"

static struct tally *tally;

static void setup(void)
{
    tally = tally_new(1000, &(struct siphash_key){3, 4});
    ck_assert_ptr_nonnull(tally);
}

static void teardown(void)
{
    tally_free(tally);
}

static struct tally_key key_of(uint32_t rule, uint32_t source)
{
    return (struct tally_key){.source = address_v4(source), .rule = rule, .kind = TALLY_CONNECTIONS};
}

START_TEST(so_many_connections_and_no_more)
{
    struct tally_key key = key_of(1, 10), other_source = key_of(1, 11), other_rule = key_of(2, 10);
    for (unsigned i = 0; i < 3; i++)
        ck_assert(tally_take(tally, &key, 3));
    ck_assert(!tally_take(tally, &key, 3));
    ck_assert_uint_eq(tally_count(tally, &key), 3);
    ck_assert(tally_take(tally, &other_source, 3));
    ck_assert(tally_take(tally, &other_rule, 3));
    tally_give(tally, &key);
    ck_assert(tally_take(tally, &key, 3));
    ck_assert(!tally_take(tally, &key, 3));
    ck_assert(tally_take(tally, &key, UINT32_MAX));
    ck_assert_uint_eq(tally_count(tally, &key), 4);
}
END_TEST

START_TEST(nothing_is_left_of_what_ended)
{
    for (uint32_t i = 0; i < 500; i++) {
        struct tally_key key = key_of(1, i);
        ck_assert(tally_take(tally, &key, 1));
    }
    ck_assert_uint_eq(tally_keys(tally), 500);
    for (uint32_t i = 0; i < 500; i++) {
        struct tally_key key = key_of(1, i);
        tally_give(tally, &key);
    }
    ck_assert_uint_eq(tally_keys(tally), 0);
    struct tally_key key = key_of(1, 1);
    ck_assert(!tally_take(tally, &key, 0));
    ck_assert_uint_eq(tally_keys(tally), 0);
}
END_TEST

START_TEST(what_cannot_be_counted_is_refused)
{
    unsigned taken = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        struct tally_key key = key_of(1, i);
        taken += tally_take(tally, &key, 1);
    }
    ck_assert_uint_ge(taken, 1000);
    ck_assert_uint_lt(taken, 100000);
    ck_assert_uint_eq(tally_keys(tally), taken);
}
END_TEST

/* Events at these milliseconds under 3/3s: three at once, then one a second. */
static const struct {
    uint64_t now_ms;
    bool within;
} events[] = {
    {10000, true},  {10000, true},  {10000, true},  {10000, false}, {10999, false}, {11000, true},  {11000, false},
    {12000, true},  {12001, false}, {14000, true},  {14000, true},  {14000, false}, {20000, true},  {20000, true},
    {20000, true},  {20000, false}, {19000, false}, {21000, true},
};

START_TEST(a_rate_lets_a_burst_pass_and_recovers)
{
    struct tally_key key = {.source = address_v4(7), .rule = 1, .kind = TALLY_NEW};
    for (unsigned i = 0; i < sizeof events / sizeof events[0]; i++)
        ck_assert_msg(tally_event(tally, &key, 3, 3000, events[i].now_ms) == events[i].within, "event %u at %llu", i,
                      (unsigned long long)events[i].now_ms);
}
END_TEST

START_TEST(an_event_that_is_taken_back_does_not_count)
{
    struct tally_key key = {.source = address_v4(7), .rule = 1, .kind = TALLY_NEW};
    for (unsigned i = 0; i < 10; i++) {
        ck_assert(tally_event(tally, &key, 1, 60000, 5000));
        tally_event_undo(tally, &key, 1, 60000);
    }
    ck_assert(tally_event(tally, &key, 1, 60000, 5000));
    ck_assert(!tally_event(tally, &key, 1, 60000, 5000));
}
END_TEST

START_TEST(a_rate_that_has_recovered_gives_way)
{
    unsigned within = 0;
    for (uint32_t i = 0; i < 200000; i++) {
        struct tally_key key = {.source = address_v4(i), .rule = 1, .kind = TALLY_NEW};
        within += tally_event(tally, &key, 10, 1000, 1000 + i * 10);
    }
    ck_assert_uint_eq(within, 200000);
}
END_TEST

START_TEST(of_many_rates_the_one_that_recovers_first_gives_way)
{
    struct tally_key rate = {.source = address_v4(7), .rule = 1, .kind = TALLY_NEW};
    ck_assert(tally_event(tally, &rate, 1, 3600000, 1000));
    for (uint32_t i = 0; i < 100000; i++) {
        struct tally_key key = {.source = address_v4(1000 + i), .rule = 1, .kind = TALLY_NEW};
        ck_assert(tally_event(tally, &key, 1, 60000, 1000));
    }
    ck_assert(!tally_event(tally, &rate, 1, 3600000, 2000));
}
END_TEST

START_TEST(growing_loses_no_count)
{
    struct tally_key rate = {.source = address_v4(7), .rule = 1, .kind = TALLY_NEW};
    ck_assert(tally_event(tally, &rate, 1, 3600000, 1000));
    for (uint32_t i = 0; i < 900; i++) {
        struct tally_key key = key_of(1, i);
        ck_assert(tally_take(tally, &key, 1));
    }
    tally_grow(tally, 100000);
    tally_grow(tally, 10);
    ck_assert_uint_eq(tally_keys(tally), 901);
    for (uint32_t i = 0; i < 900; i++) {
        struct tally_key key = key_of(1, i);
        ck_assert_uint_eq(tally_count(tally, &key), 1);
    }
    ck_assert(!tally_event(tally, &rate, 1, 3600000, 2000));
    for (uint32_t i = 1000; i < 90000; i++) {
        struct tally_key key = key_of(1, i);
        ck_assert(tally_take(tally, &key, 1));
    }
}
END_TEST

static void *work(void *argument)
{
    uintptr_t refused = 0;
    (void)argument;
    for (unsigned round = 0; round < 2000; round++)
        for (uint32_t source = 0; source < 20; source++) {
            struct tally_key key = key_of(9, source);
            refused += !tally_take(tally, &key, UINT32_MAX);
        }
    return (void *)refused;
}

START_TEST(several_threads_count_together)
{
    pthread_t threads[3];
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, NULL), 0);
    for (unsigned i = 0; i < 3; i++) {
        void *refused;
        pthread_join(threads[i], &refused);
        ck_assert_ptr_null(refused);
    }
    for (uint32_t source = 0; source < 20; source++) {
        struct tally_key key = key_of(9, source);
        ck_assert_uint_eq(tally_count(tally, &key), 6000);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tally");
    TCase *tests = tcase_create("tally");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, so_many_connections_and_no_more);
    tcase_add_test(tests, nothing_is_left_of_what_ended);
    tcase_add_test(tests, what_cannot_be_counted_is_refused);
    tcase_add_test(tests, a_rate_lets_a_burst_pass_and_recovers);
    tcase_add_test(tests, an_event_that_is_taken_back_does_not_count);
    tcase_add_test(tests, a_rate_that_has_recovered_gives_way);
    tcase_add_test(tests, of_many_rates_the_one_that_recovers_first_gives_way);
    tcase_add_test(tests, growing_loses_no_count);
    tcase_add_test(tests, several_threads_count_together);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
