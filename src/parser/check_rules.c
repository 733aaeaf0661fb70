/*
 * Rules: endpoints to terms, and what a rule as a whole cannot mean.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/packet.h"
#include "parser/check.h"

enum family { FAMILY_V4 = 1, FAMILY_V6 = 2, FAMILY_BOTH = 3 };

/* An endpoint while its terms are gathered: addresses that no zone narrows are joined into one set. */
struct gathering {
    struct endpoint_term *terms;
    size_t count, room;
    struct ranges loose;
    bool has_loose;
};

static size_t member_count(const struct member_node *member)
{
    size_t count = 1;
    for (const struct member_node *inner = member->members; inner != NULL; inner = inner->next)
        count += member_count(inner);
    return count;
}

static void add_term(struct gathering *gathering, int kind, const struct set *set, uint16_t zone)
{
    struct endpoint_term *term = &gathering->terms[gathering->count++];
    *term = (struct endpoint_term){.kind = kind, .set = set, .zone = zone};
}

/* A set without a name, of the addresses of one member. */
static const struct set *anonymous_set(struct check *check, struct ranges *ranges)
{
    struct set *set = arena_take(check->arena, 1, sizeof *set);
    ranges_finish_set(ranges, check->arena, set);
    return set;
}

static void gather(struct check *check, const struct member_node *member, uint16_t outer_zone,
                   struct gathering *gathering);

static void gather_name(struct check *check, const struct member_node *member, uint16_t zone,
                        struct gathering *gathering)
{
    struct definition *definition = check_name(check, member);
    if (definition == NULL)
        return;
    if (definition->kind == DEFINES_SET) {
        check_set_resolve(check, definition);
        add_term(gathering, TERM_SET, definition->set, zone);
    } else if (zone != 0) {
        CHECK_ERROR(check, member->at, CODE_SYNTAX, "'%s' is a zone, and no second one stands behind '@'",
                    member->text);
    } else {
        add_term(gathering, TERM_ANY, NULL, definition->zone);
    }
}

static void gather_addresses(struct check *check, const struct member_node *member, uint16_t zone,
                             struct gathering *gathering)
{
    struct member_node bare = *member;
    struct ranges ranges = {0};
    bare.zone.text = NULL;
    if (zone == 0) {
        check_member_ranges(check, &bare, &gathering->loose);
        gathering->has_loose = true;
    } else {
        check_member_ranges(check, &bare, &ranges);
        add_term(gathering, TERM_SET, anonymous_set(check, &ranges), zone);
    }
}

static void gather(struct check *check, const struct member_node *member, uint16_t outer_zone,
                   struct gathering *gathering)
{
    uint16_t zone = outer_zone;
    if (member->zone.text != NULL) {
        zone = check_zone(check, &member->zone);
        if (outer_zone != 0)
            CHECK_ERROR(check, member->zone.at, CODE_SYNTAX, "a zone stands behind the braces already");
    }
    switch (member->kind) {
    case MEMBER_ANY:
        add_term(gathering, TERM_ANY, NULL, zone);
        break;
    case MEMBER_SELF:
        add_term(gathering, TERM_SELF, NULL, zone);
        break;
    case MEMBER_NAME:
        gather_name(check, member, zone, gathering);
        break;
    case MEMBER_RANGE:
    case MEMBER_PREFIX:
    case MEMBER_MOVING:
        gather_addresses(check, member, zone, gathering);
        break;
    case MEMBER_BRACES:
        for (const struct member_node *inner = member->members; inner != NULL; inner = inner->next)
            gather(check, inner, zone, gathering);
        break;
    }
}

static struct endpoint check_endpoint(struct check *check, const struct endpoint_node *node)
{
    struct gathering gathering = {.room = member_count(node->member) + 1};
    gathering.terms = arena_take(check->arena, gathering.room, sizeof *gathering.terms);
    gather(check, node->member, 0, &gathering);
    if (gathering.has_loose)
        add_term(&gathering, TERM_SET, anonymous_set(check, &gathering.loose), 0);
    return (struct endpoint){node->negated, gathering.count, gathering.terms};
}

/* The families of which an address of the set can be. */
static unsigned set_families(const struct check *check, const struct set *given)
{
    const struct rangeset *set = &given->members;
    unsigned families = 0;
    for (size_t i = 0; i < given->moving_count; i++)
        families |= check->moving_list[given->moving[i]].kind == MOVING_PREFIX ? FAMILY_V6 : FAMILY_BOTH;
    for (size_t i = 0; i < set->count; i++) {
        struct address_range range = set->ranges[i];
        if (address_compare(range.last, rangeset_v4[0].first) >= 0 &&
            address_compare(range.first, rangeset_v4[0].last) <= 0)
            families |= FAMILY_V4;
        if (address_compare(range.first, rangeset_v4[0].first) < 0 ||
            address_compare(range.last, rangeset_v4[0].last) > 0)
            families |= FAMILY_V6;
    }
    return families;
}

static unsigned endpoint_families(const struct check *check, const struct endpoint *endpoint)
{
    unsigned families = endpoint->negated ? FAMILY_BOTH : 0;
    for (size_t i = 0; i < endpoint->term_count; i++)
        families |= endpoint->terms[i].kind == TERM_SET ? set_families(check, endpoint->terms[i].set) : FAMILY_BOTH;
    return families;
}

static unsigned service_families(const struct rule *rule)
{
    unsigned families = rule->service_count == 0 ? FAMILY_BOTH : 0;
    for (size_t i = 0; i < rule->service_count; i++) {
        uint8_t protocol = rule->services[i].protocol;
        families |= protocol == PROTOCOL_ICMP ? FAMILY_V4 : protocol == PROTOCOL_ICMP6 ? FAMILY_V6 : FAMILY_BOTH;
    }
    return families;
}

static const char *family_name(unsigned families)
{
    return families == FAMILY_V4 ? "IPv4" : "IPv6";
}

static void check_families(struct check *check, const struct statement *statement, const struct rule *rule)
{
    unsigned src = endpoint_families(check, &rule->src), dst = endpoint_families(check, &rule->dst);
    unsigned services = service_families(rule);
    /* An empty set is of no family: a file that is empty today may be filled tomorrow. */
    if (src == 0 || dst == 0 || services == 0 || (src & dst & services) != 0)
        return;
    if ((src & dst) == 0)
        CHECK_ERROR(check, statement->at, CODE_FAMILY, "the rule can never match: its source is %s and its destination is %s",
                    family_name(src), family_name(dst));
    else
        CHECK_ERROR(check, statement->at, CODE_FAMILY, "the rule can never match: its addresses are %s and its service is %s",
                    family_name(src & dst), family_name(services));
}

static bool speaks_of_self(const struct endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->term_count; i++)
        if (endpoint->terms[i].kind == TERM_SELF)
            return true;
    return false;
}

/* Can it only match what has an interface on this side? */
static bool names_zones(const struct endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->term_count; i++)
        if (endpoint->terms[i].zone == 0)
            return false;
    return endpoint->term_count > 0 && !endpoint->negated;
}

/* The chains, not hooked, without which the rule would look effective and not be. */
static uint8_t unhooked(const struct check *check, const struct rule *rule)
{
    unsigned needed = 0;
    if (names_zones(&rule->src) && names_zones(&rule->dst))
        needed |= CHAIN_BIT(CHAIN_FORWARD);
    if (speaks_of_self(&rule->dst))
        needed |= CHAIN_BIT(CHAIN_INPUT);
    if (speaks_of_self(&rule->src))
        needed |= CHAIN_BIT(CHAIN_OUTPUT);
    return (uint8_t)(needed & ~check->ruleset->hooks);
}

void check_hooked(struct check *check, const struct statement *statement, uint8_t missing, const char *mend)
{
    static const char *const packets[CHAIN_COUNT] = {"packets from one zone to another", "packets to 'self'", "packets from 'self'"};
    for (unsigned chain = 0; chain < CHAIN_COUNT; chain++)
        if (missing & CHAIN_BIT(chain))
            CHECK_ERROR(check, statement->at, CODE_UNHOOKED, "%s are not queued%s%s%s", packets[chain],
                        mend != NULL ? ": write '" : "", mend != NULL ? mend : "", mend != NULL ? "'" : "");
}

void check_hook_line(const struct check *check, uint8_t missing, char line[HOOK_LINE_BYTES])
{
    const char *before = "hook ";
    line[0] = '\0';
    for (unsigned chain = 0; chain < CHAIN_COUNT; chain++)
        if ((check->ruleset->hooks | missing) & CHAIN_BIT(chain)) {
            size_t length = strlen(line);
            snprintf(line + length, HOOK_LINE_BYTES - length, "%s%s", before, chain_name(chain));
            before = ", ";
        }
}

void check_all_hooked(struct check *check, const struct statement *statements)
{
    char line[HOOK_LINE_BYTES];
    const char *mend = line;
    const struct rule *rule = check->rule_list, *protect = check->protect_list;
    uint8_t all = 0;
    for (size_t i = 0; i < check->rule_count; i++)
        all |= unhooked(check, &rule[i]);
    for (size_t i = 0; i < check->protects; i++)
        all |= unhooked(check, &protect[i]);
    check_hook_line(check, all, line);
    for (const struct statement *s = statements; s != NULL && all != 0; s = s->next) {
        if (s->kind != STATEMENT_RULE && s->kind != STATEMENT_PROTECT)
            continue;
        uint8_t missing = unhooked(check, s->kind == STATEMENT_RULE ? rule++ : protect++);
        check_hooked(check, s, missing, mend);
        mend = missing != 0 ? NULL : mend; /* one line mends them all */
    }
}

static void check_rule_name(struct check *check, const struct word *name)
{
    if (name->text == NULL)
        return;
    const struct location *first = names_find(&check->rules, name->text);
    if (name->text[0] == '\0')
        CHECK_ERROR(check, name->at, CODE_SYNTAX, "a rule's name is not empty");
    else if (first != NULL)
        CHECK_ERROR(check, name->at, CODE_REDEFINED, "a rule is called '%s' already, at %s:%u", name->text,
                    first->source->path, first->line);
    else {
        struct location *at = arena_take(check->files->arena, 1, sizeof *at);
        *at = name->at;
        names_add(&check->rules, name->text, at);
    }
}

struct log check_log(const struct log_node *node)
{
    return (struct log){node->wanted, node->rated ? node->rate : LOG_RATE_DEFAULT};
}

/* Endpoints and services, for rules and what is protected. */
static void check_match(struct check *check, const struct statement *statement, struct rule *rule)
{
    const struct rule_node *node = &statement->rule;
    rule->quote = check_quote(check, statement->at);
    rule->file = rule->quote->file;
    rule->line = rule->quote->line;
    rule->src = check_endpoint(check, &node->src);
    rule->dst = check_endpoint(check, &node->dst);
    if (node->src.ports != NULL)
        rule->src_ports = check_ports(check, node->src.ports, "tcp", &rule->src_port_count);
    if (node->services != NULL)
        rule->services = check_services(check, node->services, &rule->service_count);
}

/* The rule's line without states and options: what would admit its connections, and let them go on. */
static const char *opening(struct check *check, const struct rule_node *node)
{
    const struct rule_node bare = {.action = ACTION_ALLOW, .src = node->src, .dst = node->dst, .services = node->services,
                                   .when = node->when};
    char *text = syntax_rule_text(&bare);
    const char *kept = check_keep(check, text);
    free(text);
    return kept;
}

/* `!{ x, self }` for `!x`. */
static const char *outward(struct check *check, const struct endpoint_node *dst)
{
    const struct member_node *first = dst->member->kind == MEMBER_BRACES && dst->member->zone.text == NULL ? dst->member->members
                                                                                                           : dst->member;
    struct member_node braces = {.kind = MEMBER_BRACES}, self = {.kind = MEMBER_SELF}, **end = &braces.members;
    for (const struct member_node *member = first; member != NULL; member = first == dst->member ? NULL : member->next) {
        *end = arena_take(check->files->arena, 1, sizeof **end);
        **end = *member;
        end = &(*end)->next;
    }
    *end = &self;
    char *text = syntax_endpoint_text(&(struct endpoint_node){.negated = true, .member = &braces});
    const char *kept = check_keep(check, text);
    free(text);
    return kept;
}

void check_protect(struct check *check, const struct statement *statement)
{
    struct rule *rule = &check->protect_list[check->protects++];
    *rule = (struct rule){.action = ACTION_ALLOW, .states = STATE_BIT(STATE_NEW) | STATE_BIT(STATE_ESTABLISHED),
                           .opening = opening(check, &statement->rule)};
    check_match(check, statement, rule);
    check_families(check, statement, rule);
}

void check_rule(struct check *check, const struct statement *statement)
{
    const struct rule_node *node = &statement->rule;
    struct rule *rule = &check->rule_list[check->rule_count++];
    *rule = (struct rule){
        .name = check_keep(check, node->name.text),
        .action = node->action,
        .states = node->states != 0 ? node->states : STATES_BY_DEFAULT,
        .log = check_log(&node->log),
        .priority = node->priority,
        .identity = check_identity(node),
        .opening = node->states != 0 && node->action == ACTION_ALLOW ? opening(check, node) : NULL,
    };
    if (node->dst.negated && node->action == ACTION_ALLOW)
        rule->outward = outward(check, &node->dst);
    check_match(check, statement, rule);
    check_rule_name(check, &node->name);
    check_options(check, node, rule);
    check_families(check, statement, rule);
}
