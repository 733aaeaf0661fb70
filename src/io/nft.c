#include "io/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/netlink.h"

#define ATTEMPTS_MAX 5

/* The statements that take packets past, by the names of their kernel's expressions. */
static const struct {
    const char *expression, *statement;
} shortcuts[] = {{"flow_offload", "flow add"}, {"fwd", "fwd"}};

int nft_watch(void)
{
    return netlink_watch(NETLINK_NETFILTER, 1u << (NFNLGRP_NFTABLES - 1));
}

const char *nft_family_name(uint8_t family)
{
    switch (family) {
    case NFPROTO_INET:
        return "inet";
    case NFPROTO_IPV4:
        return "ip";
    case NFPROTO_IPV6:
        return "ip6";
    case NFPROTO_ARP:
        return "arp";
    case NFPROTO_BRIDGE:
        return "bridge";
    case NFPROTO_NETDEV:
        return "netdev";
    default:
        return "unknown";
    }
}

static int read_expression(const struct nlattr *field, void *data)
{
    const char **statement = data;
    if (mnl_attr_get_type(field) != NFTA_EXPR_NAME || mnl_attr_validate(field, MNL_TYPE_NUL_STRING) < 0)
        return MNL_CB_OK;
    for (size_t i = 0; i < sizeof shortcuts / sizeof shortcuts[0]; i++)
        if (strcmp(mnl_attr_get_str(field), shortcuts[i].expression) == 0)
            *statement = shortcuts[i].statement;
    return MNL_CB_OK;
}

static int read_element(const struct nlattr *element, void *data)
{
    return mnl_attr_parse_nested(element, read_expression, data);
}

static void copy_name(char *to, size_t size, const struct nlattr *attribute)
{
    if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
        snprintf(to, size, "%s", mnl_attr_get_str(attribute));
}

static int read_field(const struct nlattr *field, void *data)
{
    struct nft_rule *rule = data;
    switch (mnl_attr_get_type(field)) {
    case NFTA_RULE_TABLE:
        copy_name(rule->table, sizeof rule->table, field);
        break;
    case NFTA_RULE_CHAIN:
        copy_name(rule->chain, sizeof rule->chain, field);
        break;
    case NFTA_RULE_HANDLE:
        if (mnl_attr_validate(field, MNL_TYPE_U64) >= 0)
            rule->handle = be64toh(mnl_attr_get_u64(field));
        break;
    case NFTA_RULE_EXPRESSIONS:
        mnl_attr_parse_nested(field, read_element, &rule->statement);
        break;
    default:
        break;
    }
    return MNL_CB_OK;
}

bool nft_read_shortcut(const struct nlmsghdr *message, struct nft_rule *rule)
{
    const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
    *rule = (struct nft_rule){.family = head->nfgen_family};
    mnl_attr_parse(message, sizeof *head, read_field, rule);
    return rule->statement != NULL;
}

struct finding {
    struct nft_rule *rule;
    bool found;
};

static int look_at(const struct nlmsghdr *message, void *data)
{
    struct finding *finding = data;
    struct nft_rule rule;
    if (!finding->found && (message->nlmsg_type & 0xff) == NFT_MSG_NEWRULE && nft_read_shortcut(message, &rule)) {
        *finding->rule = rule;
        finding->found = true;
    }
    return MNL_CB_OK;
}

static int dump(struct mnl_socket *socket, struct finding *finding)
{
    char buffer[32768] __attribute__((aligned(8)));
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = 1;
    struct nfgenmsg *head = mnl_nlmsg_put_extra_header(request, sizeof *head);
    head->nfgen_family = NFPROTO_UNSPEC;
    head->version = NFNETLINK_V0;
    if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
        return -errno;
    int going = MNL_CB_OK;
    while (going == MNL_CB_OK) {
        ssize_t length = mnl_socket_recvfrom(socket, buffer, sizeof buffer);
        if (length < 0)
            return -errno;
        going = mnl_cb_run(buffer, (size_t)length, 1, mnl_socket_get_portid(socket), look_at, finding);
    }
    return going < 0 ? -errno : 0;
}

static int find_once(struct finding *finding)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (socket == NULL)
        return -errno;
    int status = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : dump(socket, finding);
    mnl_socket_close(socket);
    return status;
}

int nft_find_shortcut(struct nft_rule *rule)
{
    struct finding finding = {rule, false};
    int status = -EINTR;
    /* EINTR: the rules have changed meanwhile. */
    for (unsigned i = 0; i < ATTEMPTS_MAX && status == -EINTR && !finding.found; i++)
        status = find_once(&finding);
    if (finding.found)
        return 1;
    /* EINVAL: the kernel knows no nf_tables. */
    return status == -EINVAL ? 0 : status;
}
