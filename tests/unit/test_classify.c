/*
 * The plain reading of the rules: which rule decides which query; and the `test` statements that stand on it.
 */
#include <check.h>
#include <string.h>

#include "base/text.h"
#include "engine/selftest.h"
#include "packet/packet.h"
#include "rules/classify.h"
#include "rules/surroundings.h"

enum { NO_ZONE, LAN, WAN };

static struct address_range office_ranges[] = {
    {{0, ADDRESS_V4_BASE | 0xc0a80a00}, {0, ADDRESS_V4_BASE | 0xc0a80aff}}, /* 192.168.10.0/24 */
    {{0xfd00001000000000, 0}, {0xfd00001000000000, UINT64_MAX}},            /* fd00:10::/64 */
};
static const struct set office = {.name = "office", .members = {2, office_ranges}};

#define ANY {.term_count = 1, .terms = (const struct endpoint_term[]){{.kind = TERM_ANY}}}
#define ZONE(z) {.term_count = 1, .terms = (const struct endpoint_term[]){{.kind = TERM_ANY, .zone = z}}}
#define IN_SET(s, z) {.term_count = 1, .terms = (const struct endpoint_term[]){{.kind = TERM_SET, .set = &s, .zone = z}}}
#define NOT_SET(s, z) \
    {.negated = true, .term_count = 1, .terms = (const struct endpoint_term[]){{.kind = TERM_SET, .set = &s, .zone = z}}}
#define SELF {.term_count = 1, .terms = (const struct endpoint_term[]){{.kind = TERM_SELF}}}
#define SERVICES(n, ...) .service_count = n, .services = (const struct service_item[]){__VA_ARGS__}

static const struct rule rules[] = {
    {.file = "t", .line = 1, .action = ACTION_AUDIT, .states = STATES_BY_DEFAULT, .src = ZONE(LAN), .dst = ANY},
    {.file = "t", .line = 2, .name = "web", .action = ACTION_ALLOW, .states = STATES_BY_DEFAULT,
     .src = IN_SET(office, LAN), .dst = ZONE(WAN),
     SERVICES(2, {PROTOCOL_TCP, 80, 80}, {PROTOCOL_TCP, 8000, 8100})},
    {.file = "t", .line = 3, .name = "dhcp", .action = ACTION_ALLOW, .states = STATE_BIT(STATE_NEW), .src = ANY,
     .dst = SELF, SERVICES(1, {PROTOCOL_UDP, 67, 67}), .src_port_count = 1,
     .src_ports = (const struct port_range[]){{68, 68}}},
    {.file = "t", .line = 4, .name = "strangers", .action = ACTION_REJECT, .states = STATES_BY_DEFAULT,
     .src = NOT_SET(office, LAN), .dst = ANY, SERVICES(1, {PROTOCOL_ICMP, 8, 8})},
    {.file = "t", .line = 5, .name = "odd", .action = ACTION_ALLOW, .states = STATE_BIT(STATE_INVALID), .src = ANY,
     .dst = ANY, SERVICES(1, {PROTOCOL_TCP, 9, 9})},
    {.file = "t", .line = 6, .name = "nobody", .action = ACTION_ALLOW, .states = STATES_BY_DEFAULT,
     .src = {.term_count = 0}, .dst = ANY},
};

static const struct zone zones[] = {[LAN] = {.name = "lan"}, [WAN] = {.name = "wan"}};
static const struct ruleset ruleset = {.rule_count = sizeof rules / sizeof rules[0], .rules = rules,
                                       .zone_count = sizeof zones / sizeof zones[0], .zones = zones};
static struct surroundings *surroundings;

static void setup(void)
{
    struct interface_zone interfaces[] = {{9, WAN}, {2, LAN}, {5, LAN}};
    struct address_range self[] = {{address_v4(0xc0a80a01), address_v4(0xc0a80a01)}};
    surroundings = surroundings_new(interfaces, 3, self, 1);
    ck_assert_ptr_nonnull(surroundings);
}

static void teardown(void)
{
    surroundings_free(surroundings);
}

#define V4(host) {0, ADDRESS_V4_BASE | (host)}
#define STAFF V4(0xc0a80a14)   /* 192.168.10.20 */
#define GATEWAY V4(0xc0a80a01) /* 192.168.10.1 */
#define WORLD V4(0xcb007105)   /* 203.0.113.5 */

static const struct {
    const char *story;
    struct query query;
    enum action action;
    uint32_t rule;
    unsigned audits;
} cases[] = {
    {"an address of the set through its zone reaches the web",
     {STATE_NEW, STAFF, WORLD, LAN, WAN, 40000, 80, PROTOCOL_TCP, 0, 0}, ACTION_ALLOW, 1, 1},
    {"the rule without states goes for established packets too",
     {STATE_ESTABLISHED, STAFF, WORLD, LAN, WAN, 40000, 80, PROTOCOL_TCP, 0, 0}, ACTION_ALLOW, 1, 1},
    {"and for related ones",
     {STATE_RELATED, STAFF, WORLD, LAN, WAN, 40000, 80, PROTOCOL_TCP, 0, 0}, ACTION_ALLOW, 1, 1},
    {"but not for invalid ones, which are denied whatever the default",
     {STATE_INVALID, STAFF, WORLD, LAN, WAN, 40000, 80, PROTOCOL_TCP, 0, 0}, ACTION_DENY, RULE_DEFAULT, 0},
    {"the last port of a range", {STATE_NEW, STAFF, WORLD, LAN, WAN, 1, 8100, PROTOCOL_TCP, 0, 0}, ACTION_ALLOW, 1, 1},
    {"one above the range", {STATE_NEW, STAFF, WORLD, LAN, WAN, 1, 8101, PROTOCOL_TCP, 0, 0}, ACTION_DENY, RULE_DEFAULT, 1},
    {"another protocol on the same port",
     {STATE_NEW, STAFF, WORLD, LAN, WAN, 1, 80, PROTOCOL_UDP, 0, 0}, ACTION_DENY, RULE_DEFAULT, 1},
    {"IPv6 is in the same set",
     {STATE_NEW, {0xfd00001000000000, 7}, {0x20010db800000000, 1}, LAN, WAN, 1, 80, PROTOCOL_TCP, 0, 0}, ACTION_ALLOW, 1, 1},
    {"the set's address through another zone",
     {STATE_NEW, STAFF, WORLD, WAN, WAN, 1, 80, PROTOCOL_TCP, 0, 0}, ACTION_DENY, RULE_DEFAULT, 0},
    {"an interface without a zone", {STATE_NEW, STAFF, WORLD, LAN, NO_ZONE, 1, 80, PROTOCOL_TCP, 0, 0}, ACTION_DENY,
     RULE_DEFAULT, 1},
    {"the gateway itself, from the right source port",
     {STATE_NEW, WORLD, GATEWAY, NO_ZONE, NO_ZONE, 68, 67, PROTOCOL_UDP, 0, 0}, ACTION_ALLOW, 2, 0},
    {"the gateway itself, from another source port",
     {STATE_NEW, WORLD, GATEWAY, NO_ZONE, NO_ZONE, 69, 67, PROTOCOL_UDP, 0, 0}, ACTION_DENY, RULE_DEFAULT, 0},
    {"a rule with `new` alone does not go for established",
     {STATE_ESTABLISHED, WORLD, GATEWAY, NO_ZONE, NO_ZONE, 68, 67, PROTOCOL_UDP, 0, 0}, ACTION_DENY, RULE_DEFAULT, 0},
    {"negation binds last: not (the set through lan), so the set through wan is a stranger",
     {STATE_NEW, STAFF, WORLD, WAN, WAN, 0, 8, PROTOCOL_ICMP, 0, 0}, ACTION_REJECT, 3, 0},
    {"and a stranger through lan is one", {STATE_NEW, WORLD, STAFF, LAN, WAN, 0, 8, PROTOCOL_ICMP, 0, 0}, ACTION_REJECT, 3,
     1},
    {"but the set through lan is none", {STATE_NEW, STAFF, WORLD, LAN, WAN, 0, 8, PROTOCOL_ICMP, 0, 0}, ACTION_DENY,
     RULE_DEFAULT, 1},
    {"invalid passes where it is written", {STATE_INVALID, STAFF, WORLD, LAN, WAN, 1, 9, PROTOCOL_TCP, 0, 0}, ACTION_ALLOW,
     4, 0},
    {"and that rule says nothing of new", {STATE_NEW, STAFF, WORLD, LAN, WAN, 1, 9, PROTOCOL_TCP, 0, 0}, ACTION_DENY,
     RULE_DEFAULT, 1},
};

START_TEST(the_first_rule_that_matches_decides)
{
    struct decision decision;
    classify(&ruleset, surroundings, &cases[_i].query, &decision);
    ck_assert_msg(decision.action == cases[_i].action && decision.rule == cases[_i].rule, "%s: %s by rule %d",
                  cases[_i].story, action_name(decision.action), (int)decision.rule);
    ck_assert_msg(decision.audit_count == cases[_i].audits, "%s: %u audits", cases[_i].story, decision.audit_count);
}
END_TEST

START_TEST(the_default_goes_for_what_no_rule_names_and_never_for_invalid)
{
    struct ruleset open = {.default_action = ACTION_ALLOW};
    struct query query = cases[0].query;
    struct decision decision;
    classify(&open, surroundings, &query, &decision);
    ck_assert_int_eq(decision.action, ACTION_ALLOW);
    query.state = STATE_INVALID;
    classify(&open, surroundings, &query, &decision);
    ck_assert_int_eq(decision.action, ACTION_DENY);
}
END_TEST

START_TEST(interfaces_have_zones)
{
    ck_assert_uint_eq(surroundings_zone(surroundings, 2), LAN);
    ck_assert_uint_eq(surroundings_zone(surroundings, 5), LAN);
    ck_assert_uint_eq(surroundings_zone(surroundings, 9), WAN);
    ck_assert_uint_eq(surroundings_zone(surroundings, 0), NO_ZONE);
    ck_assert_uint_eq(surroundings_zone(surroundings, 3), NO_ZONE);
    ck_assert_uint_eq(surroundings_zone(surroundings, 4000000000u), NO_ZONE);
}
END_TEST

#define QUERY(port, number)                                                                                                   \
    {.state = STATE_NEW, .src = STAFF, .dst = WORLD, .src_zone = LAN, .dst_zone = WAN, .src_port = 40000, .service = (port),      \
     .protocol = (number)}
#define WEB_QUERY QUERY(80, PROTOCOL_TCP)
#define SMTP_QUERY QUERY(25, PROTOCOL_TCP)
#define DNS_QUERY QUERY(53, PROTOCOL_UDP)

static const struct {
    struct ruleset_test test;
    const char *explanation; /* NULL: it passes */
} tests[] = {
    {{.query = WEB_QUERY, .expected = ACTION_ALLOW}, NULL},
    {{.query = WEB_QUERY, .expected = ACTION_ALLOW, .by = "web"}, NULL},
    {{.query = WEB_QUERY, .expected = ACTION_ALLOW, .by = "dhcp"}, "expected allow by \"dhcp\", got allow by \"web\" (\"dhcp\" stands below it)"},
    {{.query = WEB_QUERY, .expected = ACTION_DENY}, "expected deny, got allow by \"web\""},
    {{.query = WEB_QUERY, .expected = ACTION_ALLOW, .by_default = true},
     "expected allow by default, got allow by \"web\""},
    {{.query = SMTP_QUERY, .expected = ACTION_DENY, .by_default = true}, NULL},
    {{.query = SMTP_QUERY, .expected = ACTION_DENY, .by = "web"}, "expected deny by \"web\", got deny by default (\"web\": destination port is 25, not 80,8000-8100)"},
    {{.query = WEB_QUERY, .expected = ACTION_ALLOW, .reply = true, .reply_expected = ACTION_ALLOW, .reply_by = "web"},
     NULL},
    {{.query = WEB_QUERY, .expected = ACTION_ALLOW, .reply = true, .reply_expected = ACTION_DENY},
     "for the reply: expected deny, got allow by \"web\""},
    {{.query = SMTP_QUERY, .expected = ACTION_DENY, .reply = true, .reply_expected = ACTION_DENY}, NULL},
    {{.query = DNS_QUERY, .expected = ACTION_DENY, .reply = true, .reply_expected = ACTION_ALLOW},
     "for the reply: expected allow, got deny by default (\"nobody\": source is 203.0.113.5@wan, not nobody)"},
};

START_TEST(tests_of_a_rules_file_say_what_came_instead)
{
    char buffer[200];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    bool passed = selftest_run(&ruleset, surroundings, &tests[_i].test, &text);
    ck_assert_str_eq(buffer, tests[_i].explanation ? tests[_i].explanation : "");
    ck_assert_int_eq(passed, tests[_i].explanation == NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("classify");
    TCase *tcase = tcase_create("classify");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, the_first_rule_that_matches_decides, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tcase, the_default_goes_for_what_no_rule_names_and_never_for_invalid);
    tcase_add_test(tcase, interfaces_have_zones);
    tcase_add_loop_test(tcase, tests_of_a_rules_file_say_what_came_instead, 0, sizeof tests / sizeof tests[0]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
