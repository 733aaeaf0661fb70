/*
 * The `test` statements of a file: to queries, as packets would make them.
 */
#include <string.h>

#include "packet/packet.h"
#include "parser/check.h"
#include "rules/moving.h"
#include "rules/surroundings.h"

/* Offline a zone has the prefixes of its `net`: the first one. */
static struct address moving_address(struct check *check, const struct member_node *node)
{
    uint16_t index = check_zone(check, &node->of);
    const struct zone *zone = &check->ruleset->zones[index];
    struct address address = node->suffix;
    if (index != 0 && zone->prefix_count == 0)
        CHECK_ERROR(check, node->at, CODE_UNDEFINED, "a test takes the prefix from the zone's 'net', and '%s' has no IPv6 prefix there",
                    zone->name);
    else if (index != 0 && !moving_join(zone->prefixes[0], node->suffix, &address))
        CHECK_ERROR(check, node->at, CODE_RANGE, "the suffix has bits where the prefix of the zone '%s' stands", zone->name);
    return address;
}

/* `self` is of the family of the other end, and on no interface. */
static struct address own_address(struct check *check, const struct member_node *node, struct address other, uint16_t *zone)
{
    struct address own;
    bool v4 = address_is_v4(other);
    *zone = 0;
    if (!surroundings_own(check->surroundings, v4, &own))
        CHECK_ERROR(check, node->at, CODE_UNDEFINED, "the gateway has no %s address", v4 ? "IPv4" : "IPv6");
    return own;
}

static struct address test_address(struct check *check, const struct member_node *node, uint16_t *zone)
{
    struct address address = node->kind == MEMBER_MOVING ? moving_address(check, node) : node->range.first;
    if (node->kind == MEMBER_RANGE && !address_equal(node->range.first, node->range.last))
        CHECK_ERROR(check, node->at, CODE_RANGE, "a test names one address, not a range");
    if (node->zone.text != NULL)
        *zone = check_zone(check, &node->zone);
    else if (address_is_group(address) || (check->surroundings != NULL && rangeset_holds(&check->surroundings->self, address)))
        *zone = 0; /* it stays here */
    else
        *zone = ruleset_zone_by_address(check->ruleset, address);
    return address;
}

static void check_ends(struct check *check, const struct statement *statement, struct query *query)
{
    const struct member_node *src = statement->test.src, *dst = statement->test.dst;
    bool from_self = src->kind == MEMBER_SELF, to_self = dst->kind == MEMBER_SELF;
    if (from_self && to_self) {
        CHECK_ERROR(check, dst->at, CODE_RANGE, "what the gateway says to itself is never judged: name another host here, or there");
        return;
    }
    if (!from_self)
        query->src = test_address(check, src, &query->src_zone);
    if (!to_self)
        query->dst = test_address(check, dst, &query->dst_zone);
    if (from_self)
        query->src = own_address(check, src, query->dst, &query->src_zone);
    if (to_self)
        query->dst = own_address(check, dst, query->src, &query->dst_zone);
    if (address_is_v4(query->src) != address_is_v4(query->dst))
        CHECK_ERROR(check, statement->at, CODE_FAMILY, "the test's addresses are of two families");
    char mend[HOOK_LINE_BYTES];
    unsigned needed = (from_self ? CHAIN_BIT(CHAIN_OUTPUT) : 0) | (to_self ? CHAIN_BIT(CHAIN_INPUT) : 0);
    uint8_t missing = (uint8_t)(needed & ~check->ruleset->hooks);
    check_hook_line(check, missing, mend);
    check_hooked(check, statement, missing, mend);
}

static void check_service(struct check *check, const struct test_node *node, struct query *query)
{
    size_t count;
    const struct service_item *items = check_services(check, node->service, &count);
    if (count == 0)
        return;
    bool whole = items[0].first == 0 && items[0].last == 65535;
    if (count > 1 || (items[0].first != items[0].last && !whole)) {
        CHECK_ERROR(check, node->service->at, CODE_RANGE, "a test names one service, such as 'tcp 443' or 'icmp 8'");
        return;
    }
    query->protocol = items[0].protocol;
    query->service = items[0].first;
    switch (query->protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_SCTP:
        if (whole)
            CHECK_ERROR(check, node->service->at, CODE_RANGE, "a test names a port, such as 'tcp 443'");
        break;
    case PROTOCOL_ICMP:
        query->service = whole ? 8 : items[0].first; /* `icmp` alone is a ping */
        break;
    case PROTOCOL_ICMP6:
        query->service = whole ? 128 : items[0].first;
        break;
    }
}

static void check_by(struct check *check, const struct expect_node *expect)
{
    if (expect->by.text != NULL && names_find(&check->rules, expect->by.text) == NULL)
        check_undefined(check, expect->by.at, "rule", expect->by.text, &check->rules);
}

static enum packet_state state_of(uint8_t states)
{
    for (unsigned state = STATE_NEW; state < STATE_COUNT; state++)
        if (states == STATE_BIT(state))
            return state;
    return STATE_NEW;
}

/* A source port that no rule is likely to name: the first of the dynamic ports (RFC 6335, 6). */
#define TEST_SOURCE_PORT 49152

void check_test(struct check *check, const struct statement *statement)
{
    const struct test_node *node = &statement->test;
    struct ruleset_test *test = &check->test_list[check->tests++];
    struct query *query = &test->query;
    *test = (struct ruleset_test){
        .file = check_keep(check, statement->at.source->path),
        .line = statement->at.line,
        .quote = check_quote(check, statement->at),
        .name = check_keep(check, node->name.text),
        .expected = node->expect.action,
        .by = check_keep(check, node->expect.by.text),
        .by_default = node->expect.by_default,
        .reply = node->then_reply,
        .reply_expected = node->reply.action,
        .reply_by = check_keep(check, node->reply.by.text),
        .reply_by_default = node->reply.by_default,
        .state_given = node->states != 0,
        .port_given = node->src_port != NULL,
    };
    query->state = state_of(node->states);
    check_ends(check, statement, query);
    check_service(check, node, query);
    bool has_ports = query->protocol == PROTOCOL_TCP || query->protocol == PROTOCOL_UDP ||
                     query->protocol == PROTOCOL_SCTP;
    if (query->protocol == PROTOCOL_TCP)
        query->tcp_flags = query->state == STATE_NEW ? TCP_SYN : query->state == STATE_INVALID ? TCP_ACK : 0;
    query->src_port = has_ports ? TEST_SOURCE_PORT : 0;
    if (node->src_port != NULL) {
        size_t count;
        const struct port_range *ports = check_ports(check, node->src_port, "tcp", &count);
        if (count == 1 && ports[0].first != ports[0].last)
            CHECK_ERROR(check, node->src_port->word.at, CODE_RANGE, "a test names one source port");
        else if (count == 1)
            query->src_port = ports[0].first;
    }
    if (node->at.text != NULL)
        test->at_given = check_at(check, &node->at, &test->at);
    check_by(check, &node->expect);
    check_by(check, &node->reply);
}
