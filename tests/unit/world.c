#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "packet/packet.h"
#include "rules/dynamic_set.h"

static const struct {
    uint8_t protocol;
    uint16_t service;
    bool ports;
} services[SERVICES] = {{PROTOCOL_TCP, 1, true}, {PROTOCOL_TCP, 21, true}, {PROTOCOL_UDP, 1, true}, {PROTOCOL_ICMP, 8, false},
                        {PROTOCOL_ICMP, 3, false}, {47, 0, false}, {PROTOCOL_TCP, 9, true}, {PROTOCOL_UDP, 9, true},
                        {PROTOCOL_ICMP, 5, false}, {99, 0, false}};

static const struct port_range low_port = {1, 1000};
static const uint16_t moving_index[1] = {0};
static const struct week_span day_span = {7 * 3600, 19 * 3600};
static const struct rule_alg ftp = {.name = ALG_FTP};
static const struct schedule schedules[1] = {{"day", 1, &day_span, INT32_MAX}};

static uint32_t draw(struct world *world, uint32_t below)
{
    world->state ^= world->state >> 12;
    world->state ^= world->state << 25;
    world->state ^= world->state >> 27;
    return (uint32_t)((world->state * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static void seed_set(struct world *world, uint64_t seed)
{
    world->state = seed * 0x9e3779b97f4a7c15ULL + 1;
    draw(world, 2);
}

static struct address address_of(uint8_t number)
{
    return address_v4(0x0a000000u + number);
}

static struct endpoint random_endpoint(struct world *world, unsigned rule, unsigned side)
{
    /* One in so many is `!`, and names the set; more where the two together are in question. */
    uint32_t one_in = world->moving[0].kind == MOVING_DYNAMIC ? 5 : 2;
    struct endpoint endpoint = {.negated = draw(world, one_in) == 0, .term_count = 1 + (draw(world, 4) == 0),
                                .terms = world->terms[rule][side]};
    for (unsigned t = 0; t < endpoint.term_count; t++) {
        struct endpoint_term *term = &world->terms[rule][side][t];
        uint8_t first = (uint8_t)draw(world, ADDRESSES - 1), last = (uint8_t)(first + draw(world, ADDRESSES - 1u - first));
        world->ranges[rule][side][t] = (struct address_range){address_of(first), address_of(last)};
        world->sets[rule][side][t] = (struct set){.members = {draw(world, 4) != 0, &world->ranges[rule][side][t]},
                                                  .moving_count = draw(world, one_in) == 0, .moving = moving_index};
        uint32_t kind = draw(world, 8);
        *term = (struct endpoint_term){.kind = kind < 3 ? TERM_ANY : kind == 3 ? TERM_SELF : TERM_SET,
                                       .set = &world->sets[rule][side][t],
                                       .zone = (uint16_t)(draw(world, 3) == 0 ? 1 + draw(world, INTERFACES - 1) : 0)};
    }
    return endpoint;
}

static void random_services(struct world *world, unsigned i)
{
    struct rule *rule = &world->rules[i];
    rule->service_count = 1 + draw(world, 2);
    rule->services = world->items[i];
    for (unsigned s = 0; s < rule->service_count; s++) {
        uint32_t which = draw(world, NAMED);
        bool all = draw(world, 4) == 0, one = !all && (services[which].ports || services[which].protocol == PROTOCOL_ICMP);
        world->items[i][s] = (struct service_item){services[which].protocol, all ? 0 : services[which].service,
                                                   one ? services[which].service : 65535};
    }
}

static void random_rule(struct world *world, unsigned i)
{
    static const enum action actions[] = {ACTION_ALLOW, ACTION_DENY, ACTION_ALLOW, ACTION_REJECT, ACTION_AUDIT};
    struct rule *rule = &world->rules[i];
    *rule = (struct rule){.file = "t", .line = i + 1, .identity = i + 1, .action = actions[draw(world, 5)]};
    rule->states = draw(world, 2) == 0 ? STATES_BY_DEFAULT : (uint8_t)((1 + draw(world, 15)) << 1);
    rule->src = random_endpoint(world, i, 0);
    rule->dst = random_endpoint(world, i, 1);
    rule->when = draw(world, 6) == 0;
    rule->alg = draw(world, 5) == 0 ? &ftp : NULL;
    if (draw(world, 3) != 0)
        random_services(world, i);
    if (draw(world, 8) == 0) {
        rule->src_port_count = 1;
        rule->src_ports = &low_port;
    }
}

void world_init(struct world *world, uint64_t seed)
{
    *world = (struct world){.interfaces = {"", "if1", "if2"}};
    seed_set(world, seed);
    /* A dynamic set is always filled, another one may not be. */
    world->moving[0].kind = seed % 2 == 0 ? MOVING_DYNAMIC : MOVING_DNS;
    size_t count = 2 + draw(world, WORLD_RULES_MAX - 1);
    for (unsigned i = 0; i < count; i++)
        random_rule(world, i);
    world->zones[0] = (struct zone){.name = ""};
    world->zones[1] = (struct zone){.name = "a", .interface_count = 1, .interfaces = &world->interfaces[1]};
    world->zones[2] = (struct zone){.name = "b", .interface_count = 1, .interfaces = &world->interfaces[2]};
    world->moving[0] = (struct moving_set){.kind = world->moving[0].kind, .name = "movers", .members = dynamic_set_new(16, &(struct siphash_key){1, 2})};
    if (world->moving[0].members == NULL)
        abort();
    world->ruleset = (struct ruleset){
        .rule_count = count, .rules = world->rules, .zone_count = INTERFACES, .zones = world->zones,
        .default_action = draw(world, 4) == 0 ? ACTION_ALLOW : draw(world, 4) == 0 ? ACTION_REJECT : ACTION_DENY,
        .default_log.wanted = draw(world, 2) == 0, .moving_count = 1, .moving = world->moving,
        .schedule_count = 1, .schedules = schedules,
        .hooks = CHAIN_BIT(CHAIN_FORWARD) | (draw(world, 4) == 0 ? 0 : CHAIN_BIT(CHAIN_INPUT)),
    };
}

void world_fini(struct world *world)
{
    dynamic_set_release(world->moving[0].members);
}

void world_change(struct world *world, uint64_t seed)
{
    seed_set(world, seed);
    for (uint32_t n = 1 + draw(world, 2); n > 0; n--) {
        struct ruleset *ruleset = &world->ruleset;
        uint32_t rule = draw(world, (uint32_t)ruleset->rule_count), other = draw(world, (uint32_t)ruleset->rule_count);
        struct rule kept = world->rules[rule];
        switch (draw(world, 7)) {
        case 0:
            random_rule(world, rule);
            break;
        case 1:
            world->rules[rule] = world->rules[other];
            world->rules[other] = kept;
            break;
        case 2:
            ruleset->rule_count--;
            memmove(&world->rules[rule], &world->rules[rule + 1], (ruleset->rule_count - rule) * sizeof *world->rules);
            break;
        case 3:
            ruleset->default_action = ruleset->default_action == ACTION_ALLOW ? ACTION_DENY : ACTION_ALLOW;
            break;
        case 4: {
            const char *first = world->interfaces[1];
            world->interfaces[1] = world->interfaces[2];
            world->interfaces[2] = first;
            break;
        }
        case 5:
            world->rules[rule].action = kept.action == ACTION_ALLOW ? ACTION_REJECT : ACTION_ALLOW;
            break;
        default:
            world->rules[rule].states ^= STATE_BIT(STATE_ESTABLISHED);
        }
        if (ruleset->rule_count == 0)
            return;
    }
}

/* ---- brute force ---- */

uint16_t world_zone(const struct world *world, uint8_t interface)
{
    static const char *const names[INTERFACES] = {"", "if1", "if2"};
    for (uint16_t zone = 1; zone < INTERFACES; zone++)
        if (interface != 0 && strcmp(world->interfaces[zone], names[interface]) == 0)
            return zone;
    return 0;
}

static bool in_endpoint(const struct endpoint *endpoint, uint8_t address, uint16_t zone, bool member, bool self)
{
    bool any = false;
    for (size_t t = 0; t < endpoint->term_count; t++) {
        const struct endpoint_term *term = &endpoint->terms[t];
        bool fits = term->kind == TERM_ANY || (term->kind == TERM_SELF && self);
        if (term->kind == TERM_SET)
            fits = (term->set->moving_count > 0 && member) || rangeset_holds(&term->set->members, address_of(address));
        any |= fits && (term->zone == 0 || term->zone == zone);
    }
    return any != endpoint->negated;
}

bool world_names_movers(const struct endpoint *endpoint)
{
    bool names = false;
    for (size_t t = 0; t < endpoint->term_count; t++)
        names |= endpoint->terms[t].kind == TERM_SET && endpoint->terms[t].set->moving_count > 0;
    return names;
}

/* `allow !S` while nobody knows who is in S. */
static bool lets_unknown_in(const struct rule *rule, const struct endpoint *endpoint)
{
    return rule->action == ACTION_ALLOW && endpoint->negated && world_names_movers(endpoint);
}

bool world_matches(const struct world *world, const struct rule *rule, const struct point *p)
{
    if (p->unfilled && (lets_unknown_in(rule, &rule->src) || lets_unknown_in(rule, &rule->dst)))
        return false;
    bool service = rule->service_count == 0, port = rule->src_port_count == 0;
    for (size_t i = 0; i < rule->service_count; i++)
        service |= rule->services[i].protocol == services[p->service].protocol &&
                   rule->services[i].first <= services[p->service].service &&
                   services[p->service].service <= rule->services[i].last;
    uint16_t src_port = !services[p->service].ports ? 0 : p->src_port ? 40000 : 500;
    port |= rule->src_port_count > 0 && src_port >= 1 && src_port <= 1000;
    return service && port && rule->states >> p->state & 1 && (rule->when == 0 || p->daytime) &&
           in_endpoint(&rule->src, p->src, world_zone(world, p->src_interface), p->src_member, p->src_self) &&
           in_endpoint(&rule->dst, p->dst, world_zone(world, p->dst_interface), p->dst_member, p->dst_self);
}

uint32_t world_decide(const struct world *world, const struct point *point, uint32_t without)
{
    for (uint32_t i = 0; i < world->ruleset.rule_count; i++)
        if (i != without && world->rules[i].action != ACTION_AUDIT && world_matches(world, &world->rules[i], point))
            return i;
    return RULE_DEFAULT;
}

enum action world_verdict(const struct world *world, uint32_t rule, const struct point *point)
{
    if (rule != RULE_DEFAULT)
        return world->rules[rule].action;
    return point->state == STATE_INVALID ? ACTION_DENY : world->ruleset.default_action;
}

void world_each(const struct world *world, void (*ask)(void *context, const struct point *point), void *context)
{
    struct point p;
    for (unsigned bits = 0; bits < (world->moving[0].kind == MOVING_DNS ? 128 : 64); bits++) {
        p = (struct point){.src_member = bits & 1, .dst_member = bits >> 1 & 1, .src_self = bits >> 2 & 1,
                           .dst_self = bits >> 3 & 1, .daytime = bits >> 4 & 1, .src_port = bits >> 5 & 1,
                           .unfilled = bits >> 6 & 1};
        for (p.state = STATE_NEW; p.state < STATE_COUNT; p.state++)
            for (p.service = 0; p.service < SERVICES; p.service++)
                for (p.src_interface = 0; p.src_interface < INTERFACES; p.src_interface++)
                    for (p.dst_interface = 0; p.dst_interface < INTERFACES; p.dst_interface++)
                        for (p.src = 0; p.src < ADDRESSES; p.src++)
                            for (p.dst = 0; p.dst < ADDRESSES; p.dst++)
                                ask(context, &p);
    }
}

bool world_asks_ftp(const struct rule *rule)
{
    for (size_t i = 0; i < rule->service_count; i++)
        if (rule->services[i].protocol == PROTOCOL_TCP && rule->services[i].first == 21 && rule->services[i].last == 21)
            return true;
    return false;
}
