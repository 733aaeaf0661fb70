/*
 * What rules of others mean to the hook: mangle tables as iptables-save prints them, and rules of nf_tables as netlink tells of them.
 */
#include <check.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "io/mangle.h"
#include "io/nft.h"

#define CHAINS ":PREROUTING ACCEPT [1:40]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
#define OURS ":spid-forward - [0:0]\n"
#define JUMP "-A FORWARD -j spid-forward\n"
#define QUEUE "-A spid-forward -j NFQUEUE --queue-num 0\nCOMMIT\n"

static const struct {
    const char *story, *table;
    const char *chain; /* of the rule that lets packets past; NULL: none does */
    unsigned number;
} tables[] = {
    {"no table at all", "", NULL, 0},
    {"only ours", "*mangle\n" CHAINS OURS JUMP QUEUE, NULL, 0},
    {"an ACCEPT before it", CHAINS OURS "-A FORWARD -i lo -j MARK --set-xmark 0x1/0x1\n-A FORWARD -s 10.0.0.0/8 -j ACCEPT\n" JUMP QUEUE,
     "FORWARD", 2},
    {"an ACCEPT behind it", CHAINS OURS JUMP "-A FORWARD -j ACCEPT\n" QUEUE, NULL, 0},
    {"an ACCEPT where there is no jump yet", CHAINS "-A FORWARD -j ACCEPT\n", "FORWARD", 1},
    {"an ACCEPT in another chain", CHAINS OURS "-A INPUT -j ACCEPT\n-A PREROUTING -j ACCEPT\n" JUMP QUEUE, NULL, 0},
    {"what drops lets nothing past", CHAINS OURS "-A FORWARD -s 10.0.0.1/32 -j DROP\n" JUMP QUEUE, NULL, 0},
    {"what marks, clamps and logs goes on",
     CHAINS OURS "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu\n-A FORWARD -j LOG --log-prefix \"-j ACCEPT\"\n"
     "-A FORWARD -j CONNMARK --restore-mark\n-A FORWARD\n" JUMP QUEUE, NULL, 0},
    {"another queue: what it passes skips the rest", CHAINS OURS "-A FORWARD -p udp -j NFQUEUE --queue-num 9\n" JUMP QUEUE, "FORWARD", 1},
    {"RETURN from the kernel's chain", CHAINS OURS "-A FORWARD -i wg0 -j RETURN\n" JUMP QUEUE, "FORWARD", 1},
    {"RETURN where the policy drops", ":FORWARD DROP [0:0]\n" OURS "-A FORWARD -i wg0 -j RETURN\n" JUMP QUEUE, NULL, 0},
    {"a chain that accepts", CHAINS ":foo - [0:0]\n" OURS "-A FORWARD -j foo\n" JUMP "-A foo -j RETURN\n-A foo -i wg0 -j ACCEPT\n" QUEUE,
     "foo", 2},
    {"a chain that only returns", CHAINS ":foo - [0:0]\n" OURS "-A FORWARD -j foo\n" JUMP "-A foo -j RETURN\n" QUEUE, NULL, 0},
    {"a chain of a chain", CHAINS ":a - [0:0]\n:b - [0:0]\n" OURS "-A FORWARD -j a\n" JUMP "-A a -j b\n-A b -j ACCEPT\n" QUEUE, "b", 1},
    {"goto: nobody comes back", CHAINS ":foo - [0:0]\n" OURS "-A FORWARD -g foo\n" JUMP "-A foo -j MARK --set-xmark 0x1/0x1\n" QUEUE,
     "FORWARD", 1},
    {"goto from a chain comes back", CHAINS ":a - [0:0]\n:b - [0:0]\n" OURS "-A FORWARD -j a\n" JUMP "-A a -g b\n-A b -j RETURN\n" QUEUE,
     NULL, 0},
    {"words in a comment are no target", CHAINS OURS "-A FORWARD -m comment --comment \"x -j ACCEPT\" -j MARK --set-xmark 0x1/0x1\n" JUMP QUEUE,
     NULL, 0},
    {"nor is a comment without quotes", CHAINS OURS "-A FORWARD -m comment --comment -j -j ACCEPT\n" JUMP QUEUE, "FORWARD", 1},
    {"a quote within quotes", CHAINS OURS "-A FORWARD -m comment --comment \"a \\\" -j DROP\" -j ACCEPT\n" JUMP QUEUE, "FORWARD", 1},
    {"a jump under a condition is not ours", CHAINS OURS "-A FORWARD -i lo -j spid-forward\n-A FORWARD -j ACCEPT\n" QUEUE, "FORWARD", 2},
    {"a chain whose name begins like the kernel's", CHAINS ":FORWARD_x - [0:0]\n" OURS "-A FORWARD_x -j ACCEPT\n" JUMP QUEUE, NULL, 0},
    {"a loop, which no kernel takes, ends", CHAINS ":a - [0:0]\n" OURS "-A FORWARD -j a\n" JUMP "-A a -j a\n" QUEUE, "a", 1},
};

START_TEST(who_lets_packets_past)
{
    struct mangle_rule rule;
    bool found = mangle_escape(tables[_i].table, "FORWARD", "spid-forward", &rule);
    ck_assert_msg(found == (tables[_i].chain != NULL), "%s", tables[_i].story);
    if (!found)
        return;
    ck_assert_str_eq(rule.chain, tables[_i].chain);
    ck_assert_uint_eq(rule.number, tables[_i].number);
    ck_assert_int_eq(strncmp(rule.text, "-A ", 3), 0);
}
END_TEST

START_TEST(what_stands_behind_the_jump)
{
    struct mangle_rule rule;
    ck_assert(!mangle_unreached(CHAINS OURS "-A FORWARD -j LOG\n" JUMP QUEUE, "FORWARD", "spid-forward", &rule));
    ck_assert(!mangle_unreached(CHAINS OURS JUMP "-A FORWARD -j spid-defrag\n" QUEUE, "FORWARD", "spid-forward", &rule));
    ck_assert(mangle_unreached(CHAINS OURS "-A FORWARD -j LOG\n" JUMP "-A FORWARD -j TCPMSS --set-mss 1400\n" QUEUE, "FORWARD",
                               "spid-forward", &rule));
    ck_assert_uint_eq(rule.number, 3);
    ck_assert_str_eq(rule.text, "-A FORWARD -j TCPMSS --set-mss 1400");
}
END_TEST

START_TEST(what_is_ours)
{
    char ours[200];
    static const char expected[] = "-A FORWARD -j spid-forward\n-A spid-forward -j NFQUEUE --queue-num 0\n";
    size_t length = mangle_ours(CHAINS OURS "-A FORWARD -m comment --comment spid-x -j LOG\n" JUMP "-A FORWARD -j ACCEPT\n" QUEUE, ours,
                                sizeof ours);
    ck_assert_str_eq(ours, expected);
    ck_assert_uint_eq(length, strlen(expected));
    ck_assert_uint_ge(mangle_ours(JUMP QUEUE, ours, 10), 10);
    ck_assert(mangle_unreadable("# Table `mangle' is incompatible, use 'nft' tool.\n"));
    ck_assert(!mangle_unreadable(CHAINS OURS JUMP QUEUE));
}
END_TEST

/* ---- nf_tables ---- */

/* A rule with two expressions, as the kernel tells of it. */
static struct nlmsghdr *nft_message(char *buffer, const char *first, const char *second)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    message->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE;
    struct nfgenmsg *head = mnl_nlmsg_put_extra_header(message, sizeof *head);
    head->nfgen_family = NFPROTO_INET;
    mnl_attr_put_strz(message, NFTA_RULE_TABLE, "fw");
    mnl_attr_put_strz(message, NFTA_RULE_CHAIN, "forward");
    mnl_attr_put_u64(message, NFTA_RULE_HANDLE, htobe64(7));
    struct nlattr *list = mnl_attr_nest_start(message, NFTA_RULE_EXPRESSIONS);
    const char *names[] = {first, second};
    for (unsigned i = 0; i < 2; i++) {
        struct nlattr *element = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
        mnl_attr_put_strz(message, NFTA_EXPR_NAME, names[i]);
        struct nlattr *data = mnl_attr_nest_start(message, NFTA_EXPR_DATA);
        mnl_attr_put_strz(message, 1, "flow_offload");
        mnl_attr_nest_end(message, data);
        mnl_attr_nest_end(message, element);
    }
    mnl_attr_nest_end(message, list);
    return message;
}

START_TEST(what_takes_packets_past_all_hooks)
{
    char buffer[2000] __attribute__((aligned(8)));
    struct nft_rule rule;
    ck_assert(nft_read_shortcut(nft_message(buffer, "payload", "flow_offload"), &rule));
    ck_assert_str_eq(rule.table, "fw");
    ck_assert_str_eq(rule.chain, "forward");
    ck_assert_str_eq(rule.statement, "flow add");
    ck_assert_str_eq(nft_family_name(rule.family), "inet");
    ck_assert_uint_eq(rule.handle, 7);
    ck_assert(nft_read_shortcut(nft_message(buffer, "fwd", "counter"), &rule));
    ck_assert_str_eq(rule.statement, "fwd");
    ck_assert(!nft_read_shortcut(nft_message(buffer, "payload", "immediate"), &rule));
    ck_assert(!nft_read_shortcut(nft_message(buffer, "queue", "fwd_"), &rule));
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("neighbours");
    TCase *tests = tcase_create("neighbours");
    tcase_add_loop_test(tests, who_lets_packets_past, 0, COUNT(tables));
    tcase_add_test(tests, what_stands_behind_the_jump);
    tcase_add_test(tests, what_is_ours);
    tcase_add_test(tests, what_takes_packets_past_all_hooks);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
