/*
 * Content that moves, by a made-up clock: answers, TTLs and graces of names; prefixes with suffixes; what a reload keeps; who is
 * let in while nobody knows who belongs in a set.
 */
#include <check.h>
#include <string.h>

#include "packet/packet.h"
#include "rules/classify.h"
#include "rules/dns_set.h"
#include "rules/dynamic_set.h"
#include "rules/moving.h"
#include "rules/surroundings.h"

#define HOST(n) {0, ADDRESS_V4_BASE | (0xcb007100u + (n))} /* 203.0.113.n */
#define START_MS 1000000u

static const struct siphash_key key = {1, 2};
static const char *const names[] = {"deb.example.org", "ntp.example.org"};
static struct dns_set *set;
static struct dynamic_set *members;
static struct dns_question *deb4, *deb6, *ntp4, *ntp6;

static struct dynamic_set *members_new(void)
{
    struct dynamic_set *made = dynamic_set_new(4 * DNS_ADDRESSES_MAX, &key);
    dynamic_set_fill(made, false);
    return made;
}

static void setup(void)
{
    set = dns_set_new(names, 2);
    members = members_new();
    deb4 = dns_set_question(set, "DEB.example.org", false);
    deb6 = dns_set_question(set, "deb.example.org", true);
    ntp4 = dns_set_question(set, "ntp.example.org", false);
    ntp6 = dns_set_question(set, "ntp.example.org", true);
}

static void teardown(void)
{
    dns_set_free(set);
    dynamic_set_release(members);
}

static bool is_member(unsigned n, uint64_t now_ms)
{
    struct address address = HOST(n);
    return dynamic_set_holds(members, address, now_ms);
}

static bool answer(struct dns_question *question, unsigned first, size_t count, uint32_t ttl_s, uint64_t now_ms)
{
    struct address addresses[DNS_ADDRESSES_MAX + 8];
    for (size_t i = 0; i < count; i++)
        addresses[i] = (struct address)HOST(first + (unsigned)i);
    return dns_set_answer(set, members, question, addresses, count, ttl_s, now_ms);
}

START_TEST(an_answer_makes_members_and_is_asked_again_after_its_ttl)
{
    ck_assert_uint_eq(deb4->next_ms, 0);
    ck_assert(!answer(deb4, 1, 2, 300, START_MS));
    ck_assert(is_member(1, START_MS) && is_member(2, START_MS) && !is_member(3, START_MS));
    ck_assert_uint_eq(deb4->next_ms, START_MS + 300000);
    answer(deb4, 1, 2, 1, START_MS);
    ck_assert_uint_eq(deb4->next_ms, START_MS + DNS_TTL_LEAST_S * 1000);
    answer(deb4, 1, 2, 1000000, START_MS);
    ck_assert_uint_eq(deb4->next_ms, START_MS + DNS_TTL_MOST_S * UINT64_C(1000));
    answer(deb6, 1, 0, 0, START_MS);
    ck_assert_uint_eq(deb6->next_ms, START_MS + DNS_TTL_EMPTY_S * 1000);
    /* They stay for as long as the name answers so, however late the next answer is. */
    ck_assert(is_member(1, UINT64_MAX - 1));
}
END_TEST

START_TEST(an_address_that_left_stays_for_the_grace)
{
    answer(deb4, 1, 2, 60, START_MS);
    answer(deb4, 2, 2, 60, START_MS + 60000);
    ck_assert(is_member(1, START_MS + 60000 + DNS_GRACE_MS - 1));
    ck_assert(!is_member(1, START_MS + 60000 + DNS_GRACE_MS));
    ck_assert(is_member(2, UINT64_MAX - 1) && is_member(3, UINT64_MAX - 1));
    /* It comes back within the grace, and stays. */
    answer(deb4, 1, 1, 60, START_MS + 120000);
    ck_assert(is_member(1, UINT64_MAX - 1));
    ck_assert_uint_eq(deb4->count, 3);
    answer(deb4, 1, 1, 60, START_MS + 120000 + DNS_GRACE_MS);
    ck_assert_uint_eq(deb4->count, 1);
}
END_TEST

START_TEST(the_grace_is_never_shorter_than_the_ttl)
{
    answer(deb4, 1, 1, DNS_TTL_MOST_S, START_MS);
    answer(deb4, 2, 1, 60, START_MS);
    ck_assert(is_member(1, START_MS + DNS_TTL_MOST_S * UINT64_C(1000) - 1));
    ck_assert(!is_member(1, START_MS + DNS_TTL_MOST_S * UINT64_C(1000)));
}
END_TEST

START_TEST(a_failure_changes_no_member_and_is_told_once)
{
    answer(deb4, 1, 2, 60, START_MS);
    ck_assert(dns_question_fail(deb4, "why", START_MS + 60000));
    ck_assert(!dns_question_fail(deb4, "why else", START_MS + 70000));
    ck_assert_str_eq(deb4->failure, "why else");
    ck_assert_uint_eq(deb4->next_ms, START_MS + 70000 + DNS_RETRY_MS);
    ck_assert(is_member(1, UINT64_MAX - 1));
    ck_assert(answer(deb4, 1, 2, 60, START_MS + 80000));
    ck_assert_ptr_null(deb4->failure);
}
END_TEST

START_TEST(an_address_of_two_names_stays_while_one_says_so)
{
    answer(deb4, 1, 1, 60, START_MS);
    answer(ntp4, 1, 1, 60, START_MS);
    answer(deb4, 2, 1, 60, START_MS + 60000);
    ck_assert(is_member(1, UINT64_MAX - 1));
    answer(ntp4, 2, 1, 60, START_MS + 90000);
    ck_assert(is_member(1, START_MS + 90000 + DNS_GRACE_MS - 1));
    ck_assert(!is_member(1, START_MS + 90000 + DNS_GRACE_MS));
    /* Whichever of the names it is. */
    answer(ntp4, 1, 1, 60, START_MS + 100000);
    answer(deb4, 1, 1, 60, START_MS + 100000);
    answer(ntp4, 2, 1, 60, START_MS + 160000);
    ck_assert(is_member(1, UINT64_MAX - 1));
}
END_TEST

START_TEST(more_than_there_is_room_for_is_left_out_and_said)
{
    answer(deb4, 1, 8, 60, START_MS);
    answer(deb4, 1000, DNS_ADDRESSES_MAX, 60, START_MS + 1000);
    /* Those in their grace make room for those in the answer. */
    ck_assert(!deb4->left_out);
    ck_assert_uint_eq(deb4->count, DNS_ADDRESSES_MAX);
    ck_assert(!is_member(1, START_MS + 1000) && is_member(1000 + DNS_ADDRESSES_MAX - 1, START_MS + 1000));
    answer(deb4, 1000, DNS_ADDRESSES_MAX + 1, 60, START_MS + 2000);
    ck_assert(deb4->left_out);
    ck_assert(!is_member(1000 + DNS_ADDRESSES_MAX, START_MS + 2000));
}
END_TEST

START_TEST(filled_is_each_name_in_both_families_once)
{
    struct dns_question *const questions[] = {deb4, deb6, ntp4};
    for (unsigned i = 0; i < 3; i++) {
        answer(questions[i], 1, i == 1 ? 0 : 1, 60, START_MS);
        ck_assert(!dynamic_set_filled(members));
    }
    dns_question_fail(ntp6, "why", START_MS);
    ck_assert(!dynamic_set_filled(members));
    answer(ntp6, 1, 0, 0, START_MS);
    ck_assert(dynamic_set_filled(members));
    /* And stays so. */
    answer(ntp4, 1, 0, 0, START_MS);
    ck_assert(dynamic_set_filled(members));
}
END_TEST

START_TEST(a_name_without_any_address_fills_nothing)
{
    struct dns_question *const questions[] = {deb4, deb6, ntp4, ntp6};
    for (unsigned i = 0; i < 4; i++)
        answer(questions[i], 1, i == 0 ? 1 : 0, 60, START_MS);
    ck_assert(!dynamic_set_filled(members));
}
END_TEST

START_TEST(a_reload_keeps_what_is_known_of_the_names_that_stay)
{
    static const char *const others[] = {"new.example.org", "Ntp.Example.Org"};
    struct dns_set *fresh = dns_set_new(others, 2);
    struct dynamic_set *fresh_members = members_new();
    answer(deb4, 1, 1, 60, START_MS);
    answer(ntp4, 2, 1, 60, START_MS);
    answer(ntp4, 3, 1, 60, START_MS + 60000);
    dns_question_fail(ntp6, "why", START_MS);
    dns_set_adopt(fresh, fresh_members, set, START_MS + 60000);
    dns_set_free(set);
    dynamic_set_release(members);
    set = fresh;
    members = fresh_members;
    ck_assert(!is_member(1, START_MS + 60000));
    ck_assert(is_member(2, START_MS + 60000) && !is_member(2, START_MS + 60000 + DNS_GRACE_MS));
    ck_assert(is_member(3, UINT64_MAX - 1));
    const struct dns_question *ntp = dns_set_question(set, "ntp.example.org", false);
    ck_assert_str_eq(ntp->name, "Ntp.Example.Org");
    ck_assert_uint_eq(ntp->next_ms, START_MS + 120000);
    ck_assert_str_eq(dns_set_question(set, "ntp.example.org", true)->failure, "why");
    ck_assert_uint_eq(dns_set_question(set, "new.example.org", false)->next_ms, 0);
    ck_assert(!dynamic_set_filled(members));
}
END_TEST

START_TEST(who_comes_back_into_use_knows_what_is_known_by_then)
{
    static const char *const others[] = {"Ntp.Example.Org"};
    struct dns_set *other = dns_set_new(others, 1);
    struct dynamic_set *other_members = members_new();
    answer(deb4, 1, 1, 60, START_MS);
    answer(ntp4, 2, 1, 60, START_MS);
    deb4->asked = ntp6->asked = true;
    /* The other one is in use for a while: what is answered then about a name of the first alone is lost. */
    dns_set_adopt(other, other_members, set, START_MS + 1000);
    const struct address three = HOST(3);
    dns_set_answer(other, other_members, dns_set_question(other, "ntp.example.org", false), &three, 1, 60, START_MS + 60000);
    dns_set_answer(other, other_members, dns_set_question(other, "ntp.example.org", false), &three, 1, 60,
                   START_MS + 120000 + DNS_GRACE_MS);
    dns_set_revive(set, members);
    dns_set_adopt(set, members, other, START_MS + 120000 + DNS_GRACE_MS);
    ck_assert(is_member(1, START_MS + 120000 + DNS_GRACE_MS));
    ck_assert(!is_member(2, START_MS + 120000 + DNS_GRACE_MS));
    ck_assert(is_member(3, START_MS + 120000 + DNS_GRACE_MS));
    /* An answer that was lost is asked for again, one that is under way is not. */
    ck_assert(!deb4->asked && ntp6->asked);
    dns_set_free(other);
    dynamic_set_release(other_members);
}
END_TEST

START_TEST(a_dynamic_set_is_emptied_and_filled_again)
{
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 4 * DNS_ADDRESSES_MAX; i++) {
            const struct dynamic_member member = {.address = HOST(i), .until_ms = UINT64_MAX};
            ck_assert(dynamic_set_add(members, &member, START_MS));
        }
        dynamic_set_clear(members);
        ck_assert_uint_eq(dynamic_set_list(members, START_MS, NULL, 0), 0);
        ck_assert(!is_member(7, START_MS));
    }
}
END_TEST

START_TEST(a_member_tells_where_it_comes_from)
{
    const struct moving_set moving = {.kind = MOVING_DNS, .name = "updates", .members = members, .dns = set};
    struct origin origin;
    answer(deb4, 1, 1, 60, START_MS);
    answer(ntp4, 2, 1, 60, START_MS + 5000);
    ck_assert(moving_origin(&moving, (struct address)HOST(2), START_MS + 6000, &origin));
    ck_assert_str_eq(origin.name, "ntp.example.org");
    ck_assert_uint_eq(origin.since_ms, START_MS + 5000);
    ck_assert(origin.until_ms == UINT64_MAX);
    answer(ntp4, 3, 1, 60, START_MS + 65000);
    ck_assert(moving_origin(&moving, (struct address)HOST(2), START_MS + 65000, &origin));
    ck_assert_uint_eq(origin.until_ms, START_MS + 65000 + DNS_GRACE_MS);
    ck_assert(!moving_origin(&moving, (struct address)HOST(9), START_MS, &origin));
}
END_TEST

/* ---- prefixes, and the rules ---- */

enum { LAN = 1, WAN };

static const struct prefix nets[] = {{{0xfd00001000000000, 0}, 64}, {{0x20010db800010000, 0}, 64}};
static const struct zone zones[] = {{.name = ""}, {.name = "lan", .prefix_count = 2, .prefixes = nets}, {.name = "wan"}};
static const struct set nas = {.moving_count = 1, .moving = (const uint16_t[]){0}};
static const struct endpoint_term any_term = {.kind = TERM_ANY}, nas_term = {.kind = TERM_SET, .set = &nas};
static const struct rule rules[] = {
    {.action = ACTION_ALLOW, .states = STATES_BY_DEFAULT, .src = {false, 1, &any_term}, .dst = {true, 1, &nas_term}},
    {.action = ACTION_REJECT, .states = STATES_BY_DEFAULT, .src = {false, 1, &any_term}, .dst = {true, 1, &nas_term}},
};
static struct moving_set moving_nas;
static struct ruleset ruleset = {.rule_count = 2, .rules = rules, .zone_count = 3, .zones = zones, .moving_count = 1,
                                 .moving = &moving_nas};

static void setup_prefix(void)
{
    moving_nas = (struct moving_set){.kind = MOVING_PREFIX, .name = "prefix(lan)::9", .zone = LAN, .suffix = {0, 9},
                                     .members = dynamic_set_new(MOVING_PREFIXES_MAX, &key)};
    dynamic_set_fill(moving_nas.members, false);
}

static void teardown_prefix(void)
{
    dynamic_set_release(moving_nas.members);
}

static bool is_nas(uint64_t high)
{
    return ruleset_set_holds(&ruleset, &nas, (struct address){high, 9}, START_MS);
}

START_TEST(a_prefix_is_followed)
{
    const struct zone_prefix one[] = {{LAN, {{0x20010db8000a0000, 0}, 64}}, {WAN, {{0x20010db8000b0000, 0}, 64}},
                                      {LAN, {{0xfd00001000000000, 0}, 64}}};
    const struct zone_prefix other[] = {{LAN, {{0x20010db8000c0000, 0}, 56}}};
    struct origin origin;
    ck_assert(!is_nas(0x20010db8000a0000));
    ck_assert(moving_follow(&ruleset, one, 3, START_MS));
    ck_assert(!moving_follow(&ruleset, one, 3, START_MS + 5));
    ck_assert(is_nas(0x20010db8000a0000) && is_nas(0xfd00001000000000) && !is_nas(0x20010db8000b0000));
    ck_assert(moving_origin(&moving_nas, (struct address){0xfd00001000000000, 9}, START_MS + 9, &origin));
    ck_assert_uint_eq(origin.zone, LAN);
    ck_assert_uint_eq(origin.since_ms, START_MS);
    ck_assert(moving_follow(&ruleset, other, 1, START_MS));
    ck_assert(!is_nas(0x20010db8000a0000) && !is_nas(0xfd00001000000000) && is_nas(0x20010db8000c0000));
    ck_assert(moving_follow(&ruleset, other, 0, START_MS));
    ck_assert(!is_nas(0x20010db8000c0000));
    moving_assume(&ruleset);
    ck_assert(is_nas(0xfd00001000000000) && is_nas(0x20010db800010000));
}
END_TEST

START_TEST(a_suffix_must_fit_behind_its_prefix)
{
    struct address joined;
    ck_assert(moving_join((struct prefix){{0x20010db800010000, 7}, 64}, (struct address){0, 9}, &joined));
    ck_assert(joined.high == 0x20010db800010000 && joined.low == 9);
    ck_assert(moving_join((struct prefix){{1, 0x500000000}, 96}, (struct address){0, 0xffffffff}, &joined));
    ck_assert(joined.high == 1 && joined.low == 0x5ffffffff);
    ck_assert(!moving_join((struct prefix){{1, 0}, 96}, (struct address){0, 0x100000000}, &joined));
    ck_assert(!moving_join((struct prefix){{1, 5}, 128}, (struct address){0, 9}, &joined));
}
END_TEST

START_TEST(nobody_is_let_in_as_a_stranger_to_what_is_not_known)
{
    const struct zone_prefix lan = {LAN, {{0x20010db8000a0000, 0}, 64}};
    const struct query stranger = {.state = STATE_NEW, .src = {1, 1}, .dst = {1, 2}, .protocol = PROTOCOL_UDP};
    struct surroundings *surroundings = surroundings_new(NULL, 0, NULL, 0);
    struct decision decision;
    classify(&ruleset, surroundings, &stranger, &decision);
    ck_assert_int_eq(decision.action, ACTION_REJECT); /* who is refused for being none is refused all the more */
    moving_follow(&ruleset, &lan, 1, START_MS);
    classify(&ruleset, surroundings, &stranger, &decision);
    ck_assert_int_eq(decision.action, ACTION_ALLOW);
    moving_follow(&ruleset, NULL, 0, START_MS);
    classify(&ruleset, surroundings, &stranger, &decision);
    ck_assert_int_eq(decision.action, ACTION_REJECT);
    surroundings_free(surroundings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("moving");
    TCase *dns = tcase_create("dns"), *prefix = tcase_create("prefix");
    tcase_add_checked_fixture(dns, setup, teardown);
    tcase_add_test(dns, an_answer_makes_members_and_is_asked_again_after_its_ttl);
    tcase_add_test(dns, an_address_that_left_stays_for_the_grace);
    tcase_add_test(dns, the_grace_is_never_shorter_than_the_ttl);
    tcase_add_test(dns, a_failure_changes_no_member_and_is_told_once);
    tcase_add_test(dns, an_address_of_two_names_stays_while_one_says_so);
    tcase_add_test(dns, more_than_there_is_room_for_is_left_out_and_said);
    tcase_add_test(dns, filled_is_each_name_in_both_families_once);
    tcase_add_test(dns, a_name_without_any_address_fills_nothing);
    tcase_add_test(dns, a_reload_keeps_what_is_known_of_the_names_that_stay);
    tcase_add_test(dns, who_comes_back_into_use_knows_what_is_known_by_then);
    tcase_add_test(dns, a_dynamic_set_is_emptied_and_filled_again);
    tcase_add_test(dns, a_member_tells_where_it_comes_from);
    suite_add_tcase(suite, dns);
    tcase_add_checked_fixture(prefix, setup_prefix, teardown_prefix);
    tcase_add_test(prefix, a_prefix_is_followed);
    tcase_add_test(prefix, a_suffix_must_fit_behind_its_prefix);
    tcase_add_test(prefix, nobody_is_let_in_as_a_stranger_to_what_is_not_known);
    suite_add_tcase(suite, prefix);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
