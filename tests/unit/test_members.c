/*
 * Members of sets that move outlast the daemon: all of them, with their times; and whatever is half written or broken
 * is left out.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/members.h"
#include "rules/dns_set.h"
#include "rules/dynamic_set.h"

#define NOW_MS 100000u

static const struct estate_boot boot = {{1}};
static const struct siphash_key key = {3, 4};
static const char *const names[] = {"one.example", "two.example"};

/* A ruleset with a dynamic set, another one, and a dns set. */
struct home {
    struct moving_set moving[3];
    struct ruleset ruleset;
};

static struct home old, new;
static struct members members;
static struct estate *estate;
static int fd;

static void home_init(struct home *home)
{
    *home = (struct home){.moving = {
        {.kind = MOVING_DYNAMIC, .name = "bad", .members = dynamic_set_new(5000, &key)},
        {.kind = MOVING_DYNAMIC, .name = "good", .members = dynamic_set_new(5000, &key)},
        {.kind = MOVING_DNS, .name = "names", .members = dynamic_set_new(5000, &key), .dns = dns_set_new(names, 2)},
    }};
    dynamic_set_fill(home->moving[2].members, false);
    home->ruleset.moving = home->moving;
    home->ruleset.moving_count = 3;
}

static void home_fini(struct home *home)
{
    for (unsigned i = 0; i < 3; i++)
        dynamic_set_release(home->moving[i].members);
    dns_set_free(home->moving[2].dns);
}

static void setup(void)
{
    home_init(&old);
    home_init(&new);
    fd = memfd_create("estate", MFD_CLOEXEC);
    estate = estate_new(fd, &boot);
    ck_assert_ptr_nonnull(estate);
    ck_assert(members_open(&members, estate));
}

static void teardown(void)
{
    home_fini(&old);
    home_fini(&new);
    estate_close(estate);
    close(fd);
}

static void add(unsigned set, uint32_t address, uint64_t until_ms)
{
    struct dynamic_member member = {address_v4(address), NOW_MS - 5, until_ms, 77};
    ck_assert(dynamic_set_add(old.moving[set].members, &member, NOW_MS));
}

static void keep(uint64_t now_ms)
{
    members_keep(&members, &old.ruleset, now_ms, true);
}

static uint32_t restore(uint64_t now_ms)
{
    enum estate_flaw flaw;
    struct estate *former = estate_open(fd, &boot, &flaw);
    ck_assert_ptr_nonnull(former);
    uint32_t restored = members_restore(&new.ruleset, former, now_ms);
    estate_close(former);
    return restored;
}

static bool holds(unsigned set, uint32_t address, uint64_t now_ms)
{
    return dynamic_set_holds(new.moving[set].members, address_v4(address), now_ms);
}

START_TEST(each_goes_back_to_its_set_with_its_time)
{
    add(0, 1, NOW_MS + 1000);
    add(0, 2, UINT64_MAX);
    add(1, 3, NOW_MS + 1000);
    add(1, 4, NOW_MS + 10);
    keep(NOW_MS);
    ck_assert_uint_eq(members.kept, 4);
    ck_assert_uint_eq(restore(NOW_MS + 10), 3);
    struct dynamic_member member;
    ck_assert(dynamic_set_find(new.moving[0].members, address_v4(1), NOW_MS + 10, &member));
    ck_assert_uint_eq(member.added_ms, NOW_MS - 5);
    ck_assert_uint_eq(member.until_ms, NOW_MS + 1000);
    ck_assert_uint_eq(member.by, 77);
    ck_assert(holds(0, 2, UINT64_MAX - 1));
    ck_assert(holds(1, 3, NOW_MS + 999) && !holds(1, 3, NOW_MS + 1000) && !holds(1, 4, NOW_MS + 9));
    ck_assert(!holds(0, 3, NOW_MS) && !holds(1, 1, NOW_MS));
}
END_TEST

START_TEST(many_go_back)
{
    for (uint32_t i = 1; i <= 4000; i++)
        add(i % 2, i, UINT64_MAX);
    keep(NOW_MS);
    ck_assert_uint_eq(restore(NOW_MS), 4000);
    for (uint32_t i = 1; i <= 4000; i++)
        ck_assert(holds(i % 2, i, NOW_MS));
}
END_TEST

START_TEST(who_has_left_stays_away)
{
    add(0, 1, UINT64_MAX);
    add(0, 2, UINT64_MAX);
    keep(NOW_MS);
    ck_assert(dynamic_set_delete(old.moving[0].members, address_v4(1), NOW_MS));
    keep(NOW_MS);
    ck_assert_uint_eq(restore(NOW_MS), 1);
    ck_assert(!holds(0, 1, NOW_MS) && holds(0, 2, NOW_MS));
}
END_TEST

START_TEST(a_copy_is_made_of_changes_and_not_too_often)
{
    keep(NOW_MS);
    uint64_t serial = members.serial;
    keep(NOW_MS + 5000);
    ck_assert_uint_eq(members.serial, serial);
    add(0, 1, UINT64_MAX);
    members_keep(&members, &old.ruleset, NOW_MS + 1, false);
    ck_assert_uint_eq(members.serial, serial);
    members_keep(&members, &old.ruleset, UINT64_MAX, false);
    ck_assert_uint_eq(members.serial, serial + 1);
}
END_TEST

START_TEST(answers_are_known_again)
{
    struct dns_set *dns = old.moving[2].dns;
    const struct address addresses[] = {address_v4(5), address_v4(6)};
    for (size_t i = 0; i < dns->count; i++)
        dns_set_answer(dns, old.moving[2].members, &dns->questions[i], addresses, i % 2 == 0 ? 2 : 0, 300, NOW_MS);
    ck_assert(dynamic_set_filled(old.moving[2].members));
    keep(NOW_MS);
    ck_assert_uint_eq(restore(NOW_MS + 100), 4);
    ck_assert(dynamic_set_filled(new.moving[2].members));
    ck_assert(holds(2, 5, NOW_MS + 100) && holds(2, 6, NOW_MS + 100));
    ck_assert_uint_eq(new.moving[2].dns->questions[0].count, 2);
    /* And are asked for at once. */
    for (size_t i = 0; i < dns->count; i++)
        ck_assert_uint_le(new.moving[2].dns->questions[i].next_ms, NOW_MS + 100);
}
END_TEST

START_TEST(what_was_never_answered_is_not)
{
    struct dns_set *dns = old.moving[2].dns;
    const struct address address = address_v4(5);
    dns_set_answer(dns, old.moving[2].members, &dns->questions[0], &address, 1, 300, NOW_MS);
    keep(NOW_MS);
    ck_assert_uint_eq(restore(NOW_MS), 1);
    ck_assert(!dynamic_set_filled(new.moving[2].members));
    ck_assert(!new.moving[2].dns->questions[1].answered);
}
END_TEST

/* Where the region of members begins: alone in its estate, it follows the header. */
#define REGION ((off_t)2 << 20)
#define ITEM 64

static void spoil(uint32_t item, unsigned at)
{
    uint8_t byte;
    ck_assert_int_eq(pread(fd, &byte, 1, REGION + item * ITEM + at), 1);
    byte ^= 0x10;
    ck_assert_int_eq(pwrite(fd, &byte, 1, REGION + item * ITEM + at), 1);
}

START_TEST(a_broken_member_is_left_out)
{
    add(0, 1, UINT64_MAX);
    add(0, 2, UINT64_MAX);
    keep(NOW_MS);
    spoil(2, (unsigned)_i);
    ck_assert_uint_eq(restore(NOW_MS), 1);
    ck_assert(!holds(0, 1, NOW_MS) && holds(0, 2, NOW_MS));
}
END_TEST

START_TEST(who_dies_while_he_writes_leaves_the_copy_before)
{
    add(0, 1, UINT64_MAX);
    keep(NOW_MS);
    add(0, 2, UINT64_MAX);
    keep(NOW_MS);
    /* The mark of the second copy was not written, or half. */
    spoil(1, (unsigned)_i);
    ck_assert_uint_eq(restore(NOW_MS), 1);
    ck_assert(holds(0, 1, NOW_MS) && !holds(0, 2, NOW_MS));
    spoil(0, (unsigned)_i);
    ck_assert_uint_eq(restore(NOW_MS), 0);
}
END_TEST

START_TEST(without_an_estate_nothing_is_kept)
{
    struct members none;
    ck_assert(members_open(&none, NULL));
    members_keep(&none, &old.ruleset, NOW_MS, true);
    ck_assert_uint_eq(none.kept, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("members");
    TCase *test = tcase_create("members");
    tcase_add_checked_fixture(test, setup, teardown);
    tcase_add_test(test, each_goes_back_to_its_set_with_its_time);
    tcase_add_test(test, many_go_back);
    tcase_add_test(test, who_has_left_stays_away);
    tcase_add_test(test, a_copy_is_made_of_changes_and_not_too_often);
    tcase_add_test(test, answers_are_known_again);
    tcase_add_test(test, what_was_never_answered_is_not);
    tcase_add_loop_test(test, a_broken_member_is_left_out, 0, ITEM);
    tcase_add_loop_test(test, who_dies_while_he_writes_leaves_the_copy_before, 0, ITEM);
    tcase_add_test(test, without_an_estate_nothing_is_kept);
    suite_add_tcase(suite, test);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
