/*
 * What other rules would do to the connections that there are: each fate, who decides where no rule is asked, and that every
 * connection is counted once, however many and by however many rules.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/preview.h"
#include "daemon/private.h"
#include "state/family.h"
#include "tests/unit/random_rules.h"

#define ZONES "hook forward, input\nzone lan = eth1\nzone wan = eth0\n"
#define LAN 1u
#define WAN 2u
#define CONNECTIONS_MANY 5000u

static struct daemon daemon_now;
static struct policy now, next;
static struct preview preview;

static void policy_init(struct policy *policy, const char *rules, uint32_t generation)
{
    static const struct interface_zone interfaces[] = {{LAN, 1}, {WAN, 2}};
    static const struct address_range self = {{0, ADDRESS_V4_BASE | 0xc0a80a01u}, {0, ADDRESS_V4_BASE | 0xc0a80a01u}};
    *policy = (struct policy){.ruleset = random_rules_read(rules), .surroundings = surroundings_new(interfaces, 2, &self, 1), .workers = 0};
    ck_assert_ptr_nonnull(policy->ruleset);
    policy->ruleset->generation = generation;
}

static void policy_fini(struct policy *policy)
{
    ruleset_free(policy->ruleset);
    surroundings_free(policy->surroundings);
}

static void setup(void)
{
    const struct table_config config = {.capacity = 2 * CONNECTIONS_MANY, .key = {3, 4}};
    daemon_now = (struct daemon){.table = table_new(&config), .policy = &now};
    ck_assert_ptr_nonnull(daemon_now.table);
}

static void teardown(void)
{
    policy_fini(&now);
    policy_fini(&next);
    table_free(daemon_now.table);
}

/* By these rules, and then by those. */
static void rules(const char *present, const char *other)
{
    policy_init(&now, present, 7);
    policy_init(&next, other, 8);
}

/* A connection from 192.168.10.20 to 203.0.113.5, PORT, of the lan to the wan; what is in it is CONNECTION's. */
static struct connection *open_to(uint16_t port, enum chain chain)
{
    const struct standing standing = {.timeout_ms = 1000000, .eviction = EVICT_NEVER};
    struct tuple tuple = {.low = address_v4(0xc0a80a14), .high = address_v4(0xcb007105), .low_port = 40000, .high_port = port,
                          .protocol = PROTOCOL_TCP};
    uint32_t hash = table_hash(daemon_now.table, &tuple);
    table_lock(daemon_now.table, hash);
    struct connection *connection = table_insert(daemon_now.table, hash, &tuple, clock_now_ms(), &standing);
    ck_assert_ptr_nonnull(connection);
    connection->in_interface = LAN;
    connection->out_interface = WAN;
    connection->chain = (uint8_t)chain;
    table_unlock(daemon_now.table, hash);
    return connection;
}

static void ask(void)
{
    preview_make(&preview, &daemon_now, &next);
}

/* One connection: its fate, and who decides then and now, "-" for a rule. */
static void ck_fate(enum fate fate, const char *old, const char *new)
{
    ask();
    ck_assert_uint_eq(preview.group_count, 1);
    ck_assert_uint_eq(preview.fates[fate], 1);
    const struct preview_group *group = &preview.groups[0];
    const struct decider *deciders[] = {&group->old, &group->new};
    const char *const wanted[] = {old, new};
    for (unsigned i = 0; i < 2; i++)
        ck_assert_str_eq(deciders[i]->before != NULL            ? deciders[i]->before
                         : deciders[i]->rule == RULE_DEFAULT ? "default"
                                                             : "-", wanted[i]);
}

static const struct {
    const char *old, *new;
    enum fate fate;
    const char *by_old, *by_new;
} fates[] = {
    {"allow lan to any tcp 22\n", "deny any to any udp\nallow lan to any tcp 22\n", FATE_KEEP, "-", "-"},
    {"allow lan to any tcp 22\n", "allow lan to any tcp 21, 22\n", FATE_CHANGE, "-", "-"},
    {"allow lan to any tcp 22\n", "default allow\n", FATE_CHANGE, "-", "default"},
    {"allow lan to any tcp 22\n", "deny lan to any\n", FATE_LOSE, "-", "-"},
    {"allow lan to any tcp 22\n", "default reject\n", FATE_LOSE, "-", "default"},
    {"allow lan to any tcp 22\n", "allow lan to any tcp 22 new\n", FATE_LOSE, "-", "default"},
    {"deny lan to any\n", "default allow\n", FATE_RETURN, "-", "default"},
    {"deny lan to any\n", "default reject\n", FATE_DENIED, "-", "default"},
    {"default allow\n", "default allow\n", FATE_KEEP, "default", "default"},
};

START_TEST(each_fate)
{
    char present[300], other[300];
    snprintf(present, sizeof present, ZONES "%s", fates[_i].old);
    snprintf(other, sizeof other, ZONES "%s", fates[_i].new);
    rules(present, other);
    open_to(22, CHAIN_FORWARD);
    ck_fate(fates[_i].fate, fates[_i].by_old, fates[_i].by_new);
}
END_TEST

START_TEST(what_was_decided_holds_until_it_is_matched_anew)
{
    rules(ZONES "allow lan to any tcp 22\n", ZONES "allow lan to any tcp 22\n");
    struct connection *connection = open_to(22, CHAIN_FORWARD);
    connection->generation = now.ruleset->generation;
    connection->action = ACTION_DENY;
    connection->rule = RULE_DEFAULT;
    ck_fate(FATE_RETURN, "default", "-");
    /* By rules before these: it will be matched anew either way. */
    connection->generation--;
    ck_fate(FATE_KEEP, "-", "-");
}
END_TEST

START_TEST(antispoof_stands_before_the_rules)
{
    rules(ZONES "allow any to any\n",
          "hook forward, input\nzone lan = eth1\nzone wan = eth0 net 192.168.10.0/24\nantispoof wan\nallow any to any\n");
    open_to(22, CHAIN_FORWARD);
    ck_fate(FATE_LOSE, "-", "antispoof");
}
END_TEST

START_TEST(the_answers_may_be_spoofed_too)
{
    rules(ZONES "allow any to any\n",
          "hook forward, input\nzone lan = eth1 net 203.0.113.0/24\nzone wan = eth0\nantispoof lan\nallow any to any\n");
    open_to(22, CHAIN_FORWARD);
    ck_fate(FATE_LOSE, "-", "antispoof");
}
END_TEST

START_TEST(a_chain_that_is_not_hooked_passes_without_rules)
{
    rules(ZONES "allow lan to any tcp 22\n", ZONES "default reject\n");
    open_to(22, CHAIN_OUTPUT);
    ck_fate(FATE_KEEP, "chain not hooked", "chain not hooked");
    policy_fini(&next);
    policy_init(&next, "hook forward, output\ndefault allow\n", 8);
    ck_fate(FATE_CHANGE, "chain not hooked", "default");
}
END_TEST

START_TEST(a_child_is_matched_as_its_parent)
{
    struct expected expected;
    struct basis basis;
    uint64_t parent_id;
    rules(ZONES "allow lan to any tcp 21\n", ZONES "allow lan to any tcp 21 established\n");
    struct families *families = table_families(daemon_now.table);
    struct connection *parent = open_to(21, CHAIN_FORWARD), *child = open_to(5000, CHAIN_FORWARD);
    struct packet packet = {.src = child->tuple.low, .dst = child->tuple.high, .src_port = child->tuple.low_port,
                            .dst_port = child->tuple.high_port, .protocol = PROTOCOL_TCP};
    const struct family_order order = {
        .kind = ORDER_EXPECT,
        .expected = {.src = packet.src, .dst = packet.dst, .dst_port = packet.dst_port, .protocol = PROTOCOL_TCP, .wait_ms = 1000},
    };
    ck_assert(family_found(families, parent, 1, 1000));
    ck_assert(family_obey(families, family_of(families, parent), &order, 1, 10, clock_now_ms()));
    uint32_t index = family_find(families, &packet, clock_now_ms(), &expected, &basis, &parent_id);
    ck_assert(family_join(families, index, child, &packet, clock_now_ms()));
    ask();
    /* The parent is established, the child related. */
    ck_assert_uint_eq(preview.fates[FATE_CHANGE], 1);
    ck_assert_uint_eq(preview.fates[FATE_LOSE], 1);
    ck_assert_uint_eq(preview.groups[0].old.rule, 0);
}
END_TEST

START_TEST(every_connection_is_counted_once_and_the_greatest_groups_come_first)
{
    rules(ZONES "allow lan to any\n", ZONES "allow lan to any tcp 1-10\nallow lan to any tcp 11-1000\nallow lan to any tcp 1001-3010\n");
    for (uint16_t port = 1; port <= CONNECTIONS_MANY; port++)
        open_to(port, CHAIN_FORWARD);
    ask();
    ck_assert_uint_eq(preview.fates[FATE_LOSE], CONNECTIONS_MANY - 3010);
    ck_assert_uint_eq(preview.fates[FATE_CHANGE], 3010);
    ck_assert_uint_eq(preview.group_count, 4);
    ck_assert_uint_eq(preview.left_out, 0);
    ck_assert_uint_eq(preview.groups[0].connections, CONNECTIONS_MANY - 3010);
    ck_assert_uint_eq(preview.groups[1].connections, 2010);
    ck_assert_uint_eq(preview.groups[2].connections, 990);
    ck_assert_uint_eq(preview.groups[3].connections, 10);
}
END_TEST

START_TEST(further_groups_are_in_the_sums)
{
    enum { LINE = 40, RULES = PREVIEW_GROUPS_MAX + 50 };
    char *text = malloc(sizeof ZONES + RULES * LINE);
    size_t used = (size_t)sprintf(text, "%s", ZONES);
    for (unsigned port = 1; port <= RULES; port++)
        used += (size_t)sprintf(text + used, "allow lan to any tcp %u\n", port);
    rules(ZONES "allow lan to any\n", text);
    free(text);
    for (uint16_t port = 1; port <= RULES; port++)
        open_to(port, CHAIN_FORWARD);
    ask();
    ck_assert_uint_eq(preview.fates[FATE_CHANGE], RULES);
    ck_assert_uint_eq(preview.group_count, PREVIEW_GROUPS_MAX);
    ck_assert_uint_eq(preview.left_out, 50);
    json_t *answer = json_object();
    preview_answer(&preview, answer);
    ck_assert_uint_eq(json_array_size(json_object_get(answer, "groups")), PREVIEW_GROUPS_MAX);
    ck_assert_int_eq(json_integer_value(json_object_get(answer, "left_out")), 50);
    json_decref(answer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("preview");
    TCase *tcase = tcase_create("preview");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, each_fate, 0, sizeof fates / sizeof fates[0]);
    tcase_add_test(tcase, what_was_decided_holds_until_it_is_matched_anew);
    tcase_add_test(tcase, antispoof_stands_before_the_rules);
    tcase_add_test(tcase, the_answers_may_be_spoofed_too);
    tcase_add_test(tcase, a_chain_that_is_not_hooked_passes_without_rules);
    tcase_add_test(tcase, a_child_is_matched_as_its_parent);
    tcase_add_test(tcase, every_connection_is_counted_once_and_the_greatest_groups_come_first);
    tcase_add_test(tcase, further_groups_are_in_the_sums);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
