/*
 * The state table: finding, forgetting at the exact time, limits, and several threads at once.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "packet/packet.h"
#include "packet/timeouts.h"
#include "packet/verdict.h"
#include "state/table.h"

#define BIG_BUDGET 1000000u

static struct table *table;

static void table_with(uint32_t capacity)
{
    struct table_config config = {.capacity = capacity, .key = {1, 2}};
    table = table_new(&config);
    ck_assert_ptr_nonnull(table);
}

static void setup(void)
{
    table_with(1000);
}

static void teardown(void)
{
    table_free(table);
}

/* The NUMBERth of many tuples that differ. */
static struct tuple tuple_number(uint32_t number)
{
    return (struct tuple){.low = address_v4(0x0a000000 + number / 60000),
                          .high = address_v4(0xc0a80001),
                          .low_port = (uint16_t)(number % 60000),
                          .high_port = 80,
                          .protocol = PROTOCOL_TCP};
}

/* Inserts the tuple with this standing; returns its id, 0 when the table is full. */
static uint64_t insert_as(uint32_t number, uint64_t now_ms, struct standing standing)
{
    struct tuple tuple = tuple_number(number);
    uint32_t hash = table_hash(table, &tuple);
    table_lock(table, hash);
    struct connection *connection = table_insert(table, hash, &tuple, now_ms, &standing);
    uint64_t id = connection ? connection->id : 0;
    table_unlock(table, hash);
    return id;
}

static uint64_t insert(uint32_t number, uint64_t now_ms, uint32_t timeout_ms)
{
    return insert_as(number, now_ms, (struct standing){timeout_ms, EVICT_NEVER, false});
}

/* Calls table_refresh, or table_remove with a timeout of 0. False when the tuple is not there. */
static bool touch_as(uint32_t number, uint64_t now_ms, struct standing standing)
{
    struct tuple tuple = tuple_number(number);
    uint32_t hash = table_hash(table, &tuple);
    table_lock(table, hash);
    struct connection *connection = table_find(table, hash, &tuple);
    if (connection != NULL && standing.timeout_ms > 0)
        table_refresh(table, connection, now_ms, &standing);
    else if (connection != NULL)
        table_remove(table, connection, ENDING_KILLED);
    table_unlock(table, hash);
    return connection != NULL;
}

static bool touch(uint32_t number, uint64_t now_ms, uint32_t timeout_ms)
{
    return touch_as(number, now_ms, (struct standing){timeout_ms, EVICT_NEVER, false});
}

static void limit(struct table_limits limits)
{
    if (limits.half_open == 0)
        limits.half_open = UINT32_MAX;
    table_limit(table, &limits);
}

static bool there(uint32_t number)
{
    struct tuple tuple = tuple_number(number);
    uint32_t hash = table_hash(table, &tuple);
    table_lock(table, hash);
    bool found = table_find(table, hash, &tuple) != NULL;
    table_unlock(table, hash);
    return found;
}

static void expire(uint64_t now_ms)
{
    for (unsigned stripe = 0; stripe < TABLE_STRIPES; stripe++)
        ck_assert(table_expire(table, stripe, now_ms, BIG_BUDGET));
}

START_TEST(what_is_inserted_is_found_and_what_is_removed_is_not)
{
    ck_assert(!there(1));
    ck_assert_uint_eq(insert(1, 1000, 5000), 1);
    ck_assert_uint_eq(insert(2, 1000, 5000), 2);
    ck_assert(there(1) && there(2) && !there(3));
    ck_assert(touch(1, 1000, 0));
    ck_assert(!there(1) && there(2));
    struct table_use use = table_use(table);
    ck_assert_uint_eq(use.now, 1);
    ck_assert_uint_eq(use.opened, 2);
    ck_assert_uint_eq(use.removed, 1);
}
END_TEST

/* Each timeout, idle since `start`: there at its last millisecond, gone at most one tick after its end. */
static const struct {
    uint64_t start_ms;
    uint32_t timeout_ms;
} idles[] = {
    {1000, 1},          {1000, 255},      {1000, 256},     {1000, 257},         {1023, 1000},
    {1024, 1000},       {5000, 30000},    {5000, 262143},  {5000, 262144},      {5000, 262145},
    {5000, 3600000},    {5001, 43200000}, {0, 10000},      {4000000000u, 30000}, {1u << 31, TIMEOUT_LARGEST_MS},
};

START_TEST(an_idle_connection_goes_in_time_and_not_before)
{
    uint64_t end = idles[_i].start_ms + idles[_i].timeout_ms;
    expire(idles[_i].start_ms);
    insert(1, idles[_i].start_ms, idles[_i].timeout_ms);
    /* Time passes in uneven steps, as the daemon's turns do. */
    for (uint64_t now = idles[_i].start_ms; now + 1 < end; now += (end - now) / 3 + 1) {
        expire(now);
        ck_assert_msg(there(1), "gone at %llu, which is before %llu", (unsigned long long)now, (unsigned long long)end);
    }
    expire(end - 1);
    ck_assert(there(1));
    expire(end + TABLE_TICK_MS);
    ck_assert(!there(1));
    ck_assert_uint_eq(table_use(table).expired, 1);
}
END_TEST

START_TEST(a_refreshed_connection_lives_on)
{
    insert(1, 1000, 10000);
    for (uint64_t now = 1000; now < 200000; now += 9000) {
        expire(now);
        ck_assert(touch(1, now, 10000));
    }
    expire(199000 + 10000 + TABLE_TICK_MS);
    ck_assert(!there(1));
}
END_TEST

START_TEST(a_timeout_that_becomes_shorter_counts_at_once)
{
    expire(1000);
    insert(1, 1000, 3600000);
    touch(1, 2000, 10000);
    expire(2000 + 10000 - 1);
    ck_assert(there(1));
    expire(2000 + 10000 + TABLE_TICK_MS);
    ck_assert(!there(1));
}
END_TEST

START_TEST(a_long_pause_loses_no_timer)
{
    for (uint32_t i = 0; i < 500; i++)
        insert(i, 1000 + i * 700, 20000 + i * 1000);
    expire(1000000000);
    ck_assert_uint_eq(table_use(table).now, 0);
    ck_assert_uint_eq(table_use(table).expired, 500);
}
END_TEST

START_TEST(a_budget_bounds_the_work_of_a_turn)
{
    for (uint32_t i = 0; i < 1000; i++)
        insert(i, 1000, 1000);
    unsigned turns = 0;
    for (unsigned stripe = 0; stripe < TABLE_STRIPES; stripe++) {
        uint32_t before = table_use(table).now;
        while (!table_expire(table, stripe, 1000000, 3)) {
            uint32_t after = table_use(table).now;
            ck_assert_uint_le(before - after, 3);
            before = after;
            turns++;
        }
    }
    ck_assert_uint_eq(table_use(table).now, 0);
    ck_assert_uint_gt(turns, 300);
}
END_TEST

START_TEST(the_limit_refuses_new_connections_and_keeps_the_old)
{
    limit((struct table_limits){.connections = 10});
    for (uint32_t i = 0; i < 10; i++)
        ck_assert_uint_ne(insert(i, 1000, 60000), 0);
    ck_assert_uint_eq(insert(10, 1000, 60000), 0);
    limit((struct table_limits){.connections = 5});
    ck_assert_uint_eq(table_use(table).now, 10);
    for (uint32_t i = 0; i < 6; i++)
        ck_assert(touch(i, 1000, 0));
    ck_assert_uint_ne(insert(11, 1000, 60000), 0);
    ck_assert_uint_eq(insert(12, 1000, 60000), 0);
    limit((struct table_limits){.connections = 5000});
    ck_assert_uint_eq(table_use(table).limits.connections, 1000);
}
END_TEST

START_TEST(entries_are_used_again)
{
    for (unsigned round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < 1000; i++)
            ck_assert_uint_ne(insert(i + round * 1000, 1000, 60000), 0);
        ck_assert_uint_eq(insert(999999, 1000, 60000), 0);
        for (uint32_t i = 0; i < 1000; i++)
            ck_assert(touch(i + round * 1000, 1000, 0));
    }
    ck_assert_uint_eq(table_use(table).now, 0);
}
END_TEST

static void see(void *context, struct connection *connection)
{
    uint64_t *sum = context;
    *sum += connection->id;
}

START_TEST(a_listing_shows_each_living_connection_once)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 100; i++)
        insert(i, 1000, i < 50 ? 10000 : 90000);
    uint32_t place = 0;
    unsigned parts = 0;
    do {
        place = table_walk(table, place, 7, 1000 + 10000, see, &sum);
        parts++;
    } while (place != 0);
    ck_assert_uint_eq(sum, (51 + 100) * 50 / 2);
    ck_assert_uint_ge(parts, TABLE_STRIPES);
}
END_TEST

START_TEST(who_opened_speaks_in_the_original_direction)
{
    struct connection connection = {.flags = 0};
    ck_assert_int_eq(connection_direction(&connection, SIDE_LOW), ORIGINAL);
    ck_assert_int_eq(connection_direction(&connection, SIDE_HIGH), REPLY);
    connection.flags = CONNECTION_OPENER_HIGH;
    ck_assert_int_eq(connection_direction(&connection, SIDE_LOW), REPLY);
    ck_assert_int_eq(connection_direction(&connection, SIDE_HIGH), ORIGINAL);
}
END_TEST

START_TEST(a_full_table_gives_up_the_least_worth_first_and_of_these_the_oldest)
{
    const struct standing unanswered = {30000, EVICT_UNANSWERED, false}, half_open = {30000, EVICT_HALF_OPEN, false},
                          closing = {120000, EVICT_CLOSING, false}, worth = {3600000, EVICT_NEVER, false};
    limit((struct table_limits){.connections = 8});
    expire(1000);
    insert_as(1, 1000, closing);
    insert_as(2, 2000, half_open);
    insert_as(3, 3000, half_open);
    insert_as(4, 4000, unanswered);
    insert_as(5, 5000, worth);
    insert_as(6, 5000, unanswered);
    insert_as(7, 6000, unanswered);
    insert_as(8, 6000, closing);
    touch_as(4, 6500, unanswered); /* the oldest was heard of again, so it is the youngest now */
    static const uint32_t victims[] = {6, 7, 4, 2, 3, 1, 8};
    for (unsigned i = 0; i < 7; i++) {
        ck_assert(there(victims[i]));
        ck_assert_uint_ne(insert_as(100 + i, 7000, worth), 0);
        ck_assert_msg(!there(victims[i]), "%u was not given up", victims[i]);
        ck_assert_uint_eq(table_use(table).evicted, i + 1);
        ck_assert_uint_eq(table_use(table).now, 8);
    }
    ck_assert_uint_eq(insert_as(200, 7000, worth), 0);
    ck_assert(there(5));
}
END_TEST

START_TEST(a_connection_that_is_worth_more_now_is_not_given_up)
{
    limit((struct table_limits){.connections = 1});
    insert_as(1, 1000, (struct standing){30000, EVICT_HALF_OPEN, false});
    touch_as(1, 1001, (struct standing){3600000, EVICT_NEVER, false});
    ck_assert_uint_eq(insert(2, 1002, 30000), 0);
    touch_as(1, 1003, (struct standing){120000, EVICT_CLOSING, false});
    ck_assert_uint_ne(insert(2, 1004, 30000), 0);
    ck_assert(!there(1));
}
END_TEST

START_TEST(a_further_half_open_connection_takes_the_place_of_the_oldest)
{
    const struct standing half_open = {30000, EVICT_HALF_OPEN, false};
    limit((struct table_limits){.connections = 1000, .half_open = 3});
    for (uint32_t i = 0; i < 10; i++) {
        ck_assert_uint_ne(insert_as(i, 1000 + 300 * i, half_open), 0);
        ck_assert_uint_eq(table_use(table).in_class[EVICT_HALF_OPEN], i < 3 ? i + 1 : 3);
    }
    ck_assert(there(9) && there(8) && there(7) && !there(6));
    touch_as(9, 5000, (struct standing){3600000, EVICT_NEVER, false});
    ck_assert_uint_ne(insert_as(10, 5000, half_open), 0);
    ck_assert(there(9) && there(8) && there(7));
}
END_TEST

START_TEST(the_reserve_is_for_those_with_priority)
{
    limit((struct table_limits){.connections = 10, .reserved = 2});
    for (uint32_t i = 0; i < 8; i++)
        ck_assert_uint_ne(insert(i, 1000, 60000), 0);
    ck_assert_uint_eq(insert(8, 1000, 60000), 0);
    for (uint32_t i = 10; i < 12; i++)
        ck_assert_uint_ne(insert_as(i, 1000, (struct standing){60000, EVICT_NEVER, true}), 0);
    ck_assert_uint_eq(insert_as(12, 1000, (struct standing){60000, EVICT_NEVER, true}), 0);
}
END_TEST

/* pf's formula, by hand: timeout * (end - n) / (end - start). */
static const struct {
    uint32_t timeout_ms, n, start, end, expected_ms;
} adapted[] = {
    {60000, 0, 60, 120, 60000},      {60000, 60, 60, 120, 60000},       {60000, 61, 60, 120, 59000},
    {60000, 90, 60, 120, 30000},     {60000, 119, 60, 120, 1000},       {60000, 120, 60, 120, 0},
    {60000, 4000000, 60, 120, 0},    {60000, 4000000, 0, 0, 60000},     {1, 61, 60, 120, 0},
    {2592000000u, 1000001, 1000000, 4000000, 2591999136u},
};

START_TEST(adaptive_timeouts_follow_the_formula)
{
    ck_assert_uint_eq(timeout_adapted(adapted[_i].timeout_ms, adapted[_i].n, adapted[_i].start, adapted[_i].end),
                      adapted[_i].expected_ms);
}
END_TEST

START_TEST(a_filling_table_forgets_sooner)
{
    limit((struct table_limits){.connections = 100, .adaptive_start = 10, .adaptive_end = 30});
    expire(1000);
    for (uint32_t i = 0; i < 20; i++)
        insert(i, 1000, 60000);
    /* 20 of 10 to 30: half of the time. */
    expire(1000 + 30000 - 1);
    ck_assert_uint_eq(table_use(table).now, 20);
    struct tuple tuple = tuple_number(3);
    uint32_t hash = table_hash(table, &tuple);
    struct connection *connection = table_find(table, hash, &tuple);
    ck_assert(!table_expired(table, connection, 1000 + 30000 - 1));
    ck_assert(table_expired(table, connection, 1000 + 30000));
}
END_TEST

START_TEST(a_replaced_connection_is_a_new_one_in_a_full_table)
{
    limit((struct table_limits){.connections = 2});
    uint64_t old = insert(1, 1000, 60000), other = insert(2, 1000, 60000);
    struct tuple tuple = tuple_number(1);
    uint32_t hash = table_hash(table, &tuple);
    struct connection *connection = table_find(table, hash, &tuple);
    connection->packets[REPLY] = 7;
    struct standing standing = {10000, EVICT_HALF_OPEN, false};
    table_replace(table, connection, 5000, &standing);
    ck_assert_ptr_eq(table_find(table, hash, &tuple), connection);
    ck_assert(connection->id > old && connection->id > other);
    ck_assert_uint_eq(connection->packets[REPLY], 0);
    ck_assert(there(2));
    expire(5000 + 10000 + TABLE_TICK_MS);
    ck_assert(!there(1) && there(2));
}
END_TEST

/* ---- who is over is told of ---- */

/* The connection of this number is to be told of; what its state and its packets were. */
static void note(uint32_t number, uint8_t state, uint64_t packets)
{
    struct tuple tuple = tuple_number(number);
    struct connection *connection = table_find(table, table_hash(table, &tuple), &tuple);
    connection->told = true;
    connection->state = state;
    connection->packets[ORIGINAL] = packets;
}

/* The one connection that is told of, and how it ended; "nobody" when none is, "several" when more than one is. */
static const char *told(struct departure *departure)
{
    unsigned count = 0;
    for (unsigned i = 0; i < TABLE_STRIPES; i++)
        while (table_take_departure(table, i, departure))
            count++;
    return count == 0 ? "nobody" : count > 1 ? "several" : ending_name(departure->ending);
}

START_TEST(who_is_over_is_told_of_with_his_end)
{
    struct departure departure;
    uint64_t id = insert(1, 1000, 5000);
    note(1, 0, 17);
    expire(5999);
    ck_assert_str_eq(told(&departure), "nobody");
    expire(6000 + TABLE_TICK_MS);
    ck_assert_str_eq(told(&departure), "timeout");
    ck_assert_uint_eq(departure.connection.id, id);
    ck_assert_uint_eq(departure.connection.packets[ORIGINAL], 17);
    ck_assert_uint_eq(departure.parent, 0);
    ck_assert_str_eq(told(&departure), "nobody");
    insert(2, 7000, 5000);
    note(2, 0, 1);
    ck_assert(touch(2, 7000, 0));
    ck_assert_str_eq(told(&departure), "killed");
}
END_TEST

START_TEST(who_was_not_to_be_told_of_is_not)
{
    struct departure departure;
    insert(1, 1000, 5000);
    expire(6000 + TABLE_TICK_MS);
    ck_assert(!there(1));
    ck_assert_str_eq(told(&departure), "nobody");
}
END_TEST

START_TEST(what_never_stood_is_not_told_of)
{
    struct departure departure;
    struct tuple tuple = tuple_number(1);
    insert(1, 1000, 5000);
    note(1, 0, 1);
    table_remove(table, table_find(table, table_hash(table, &tuple), &tuple), ENDING_NONE);
    ck_assert_str_eq(told(&departure), "nobody");
}
END_TEST

START_TEST(who_gives_way_is_told_of)
{
    struct departure departure;
    limit((struct table_limits){.connections = 1});
    insert_as(1, 1000, (struct standing){60000, EVICT_UNANSWERED, false});
    note(1, 0, 1);
    insert(2, 1000, 60000);
    ck_assert_str_eq(told(&departure), "evicted");
    note(2, 0, 3);
    struct tuple tuple = tuple_number(2);
    struct standing standing = {10000, EVICT_HALF_OPEN, false};
    table_replace(table, table_find(table, table_hash(table, &tuple), &tuple), 5000, &standing);
    ck_assert_str_eq(told(&departure), "closed");
    ck_assert_uint_eq(departure.connection.packets[ORIGINAL], 3);
}
END_TEST

START_TEST(who_was_told_of_once_is_not_again)
{
    struct departure departure;
    struct tuple tuple = tuple_number(1);
    insert(1, 1000, 5000);
    note(1, 0, 1);
    table_tell_end(table, table_find(table, table_hash(table, &tuple), &tuple), ENDING_KILLED);
    ck_assert_str_eq(told(&departure), "killed");
    expire(6000 + TABLE_TICK_MS);
    ck_assert_str_eq(told(&departure), "nobody");
}
END_TEST

static const struct {
    const char *story;
    uint8_t protocol, state;
    uint32_t generation;
    enum action action;
    const char *ending;
} endings[] = {
    {"an idle TCP connection", PROTOCOL_TCP, TCP_ESTABLISHED, 1, ACTION_ALLOW, "timeout"},
    {"one side has closed, the other is silent", PROTOCOL_TCP, TCP_CLOSE_WAIT, 1, ACTION_ALLOW, "timeout"},
    {"both have closed", PROTOCOL_TCP, TCP_TIME_WAIT, 1, ACTION_ALLOW, "closed"},
    {"both have closed, the last acknowledgement is missing", PROTOCOL_TCP, TCP_LAST_ACK, 1, ACTION_ALLOW, "closed"},
    {"a RST", PROTOCOL_TCP, TCP_CLOSED, 1, ACTION_ALLOW, "reset"},
    {"an SCTP association that was shut down", PROTOCOL_SCTP, SCTP_CLOSED, 1, ACTION_ALLOW, "closed"},
    {"a datagram's state is no TCP state", PROTOCOL_UDP, TCP_CLOSED, 1, ACTION_ALLOW, "timeout"},
    {"the rules allow it no longer", PROTOCOL_TCP, TCP_ESTABLISHED, 2, ACTION_DENY, "reload"},
    {"the rules reject it now", PROTOCOL_UDP, 0, 2, ACTION_REJECT, "reload"},
    {"no rule was asked about it yet", PROTOCOL_TCP, TCP_SYN_SENT, 0, ACTION_DENY, "timeout"},
};

START_TEST(an_end_has_a_reason)
{
    struct connection connection = {.tuple.protocol = endings[_i].protocol, .state = endings[_i].state,
                                    .generation = endings[_i].generation, .action = (uint8_t)endings[_i].action};
    ck_assert_msg(strcmp(ending_name(ending_of(&connection, ENDING_TIMEOUT)), endings[_i].ending) == 0, "%s: %s", endings[_i].story,
                  ending_name(ending_of(&connection, ENDING_TIMEOUT)));
}
END_TEST

START_TEST(more_ends_than_there_is_room_for_are_counted)
{
    struct departures *departures = calloc(1, sizeof *departures);
    struct connection connection = {0};
    struct departure departure;
    for (unsigned i = 0; i < DEPARTURES_MAX + 5; i++) {
        connection.id = i;
        departures_put(departures, &connection, 0, ENDING_CLOSED);
    }
    ck_assert_uint_eq(ring_left_out(&departures->ring), 5);
    for (unsigned i = 0; i < DEPARTURES_MAX; i++) {
        ck_assert(departures_take(departures, &departure));
        ck_assert_uint_eq(departure.connection.id, i);
    }
    ck_assert(!departures_take(departures, &departure));
    free(departures);
}
END_TEST

/* Each thread opens, refreshes and removes tuples of its own, while another expires: nothing is lost, nothing left. */
static void *work(void *argument)
{
    uint32_t base = (uint32_t)(uintptr_t)argument * 100;
    uintptr_t failures = 0;
    for (unsigned round = 0; round < 200; round++) {
        for (uint32_t i = base; i < base + 100; i++)
            failures += insert(i, 1000, 600000) == 0;
        for (uint32_t i = base; i < base + 100; i++)
            failures += !touch(i, 2000, 500000);
        for (uint32_t i = base; i < base + 100; i++)
            failures += !touch(i, 2000, 0);
    }
    return (void *)failures;
}

START_TEST(several_threads_at_once)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, (void *)i), 0);
    for (uint64_t now = 0; now < 3000; now += 10)
        expire(now);
    for (unsigned i = 0; i < 4; i++) {
        void *failures;
        pthread_join(threads[i], &failures);
        ck_assert_uint_eq((uintptr_t)failures, 0);
    }
    ck_assert_uint_eq(table_use(table).now, 0);
    ck_assert_uint_eq(table_use(table).opened, 4 * 200 * 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("table");
    TCase *tests = tcase_create("table");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_is_inserted_is_found_and_what_is_removed_is_not);
    tcase_add_loop_test(tests, an_idle_connection_goes_in_time_and_not_before, 0, sizeof idles / sizeof idles[0]);
    tcase_add_test(tests, a_refreshed_connection_lives_on);
    tcase_add_test(tests, a_timeout_that_becomes_shorter_counts_at_once);
    tcase_add_test(tests, a_long_pause_loses_no_timer);
    tcase_add_test(tests, a_budget_bounds_the_work_of_a_turn);
    tcase_add_test(tests, the_limit_refuses_new_connections_and_keeps_the_old);
    tcase_add_test(tests, entries_are_used_again);
    tcase_add_test(tests, a_listing_shows_each_living_connection_once);
    tcase_add_test(tests, who_opened_speaks_in_the_original_direction);
    tcase_add_test(tests, a_full_table_gives_up_the_least_worth_first_and_of_these_the_oldest);
    tcase_add_test(tests, a_connection_that_is_worth_more_now_is_not_given_up);
    tcase_add_test(tests, a_further_half_open_connection_takes_the_place_of_the_oldest);
    tcase_add_test(tests, the_reserve_is_for_those_with_priority);
    tcase_add_loop_test(tests, adaptive_timeouts_follow_the_formula, 0, sizeof adapted / sizeof adapted[0]);
    tcase_add_test(tests, a_filling_table_forgets_sooner);
    tcase_add_test(tests, a_replaced_connection_is_a_new_one_in_a_full_table);
    tcase_add_test(tests, several_threads_at_once);
    TCase *ends = tcase_create("ends");
    tcase_add_checked_fixture(ends, setup, teardown);
    tcase_add_test(ends, who_is_over_is_told_of_with_his_end);
    tcase_add_test(ends, who_was_not_to_be_told_of_is_not);
    tcase_add_test(ends, what_never_stood_is_not_told_of);
    tcase_add_test(ends, who_gives_way_is_told_of);
    tcase_add_test(ends, who_was_told_of_once_is_not_again);
    tcase_add_loop_test(ends, an_end_has_a_reason, 0, sizeof endings / sizeof endings[0]);
    tcase_add_test(ends, more_ends_than_there_is_room_for_are_counted);
    suite_add_tcase(suite, ends);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
