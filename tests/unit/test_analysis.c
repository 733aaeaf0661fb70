/*
 * The analysis of rulesets, held against brute force: random rules over a world so small that every packet in it can be asked.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/findings.h"
#include "analysis/witness.h"
#include "packet/packet.h"
#include "rules/dynamic_set.h"
#include "rules/ruleset.h"

#define RULES_MAX 7
#define ROUNDS 96

/* The world: a few addresses, zones, services; one set that moves; every question that rules can ask has its answers here. */
enum { ADDRESSES = 5, ZONES = 3, NAMED = 6, SERVICES = 10 }; /* no rule names the last address, nor the last services */
static const struct {
    uint8_t protocol;
    uint16_t service;
    bool ports;
} services[SERVICES] = {{PROTOCOL_TCP, 1, true}, {PROTOCOL_TCP, 2, true}, {PROTOCOL_UDP, 1, true}, {PROTOCOL_ICMP, 8, false},
                        {PROTOCOL_ICMP, 3, false}, {47, 0, false}, {PROTOCOL_TCP, 9, true}, {PROTOCOL_UDP, 9, true},
                        {PROTOCOL_ICMP, 5, false}, {99, 0, false}};

struct point {
    uint8_t src, dst, src_zone, dst_zone, service, src_port, state;
    bool src_member, dst_member, src_self, dst_self, daytime, unfilled;
};

static uint64_t state;
static uint32_t draw(uint32_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static struct rule rules[RULES_MAX];
static struct endpoint_term terms[RULES_MAX][2][2];
static struct set sets[RULES_MAX][2][2];
static struct address_range ranges[RULES_MAX][2][2];
static struct service_item items[RULES_MAX][2];
static const struct port_range low_port = {1, 1000};
static const uint16_t moving_index[1] = {0};
static const struct week_span day_span = {7 * 3600, 19 * 3600};
static const struct schedule schedules[1] = {{"day", 1, &day_span, INT32_MAX}};
static const struct zone zones[ZONES] = {{.name = ""}, {.name = "a"}, {.name = "b"}};
static struct moving_set moving[1] = {{.name = "movers"}};
static struct ruleset ruleset;

static struct address address_of(uint8_t number)
{
    return address_v4(0x0a000000u + number);
}

static struct endpoint random_endpoint(unsigned rule, unsigned side)
{
    /* One in so many is `!`, and names the set; more where the two together are in question. */
    uint32_t one_in = moving[0].kind == MOVING_DYNAMIC ? 5 : 2;
    struct endpoint endpoint = {.negated = draw(one_in) == 0, .term_count = 1 + (draw(4) == 0), .terms = terms[rule][side]};
    for (unsigned t = 0; t < endpoint.term_count; t++) {
        struct endpoint_term *term = &terms[rule][side][t];
        uint8_t first = (uint8_t)draw(ADDRESSES - 1), last = (uint8_t)(first + draw(ADDRESSES - 1u - first));
        ranges[rule][side][t] = (struct address_range){address_of(first), address_of(last)};
        sets[rule][side][t] = (struct set){.members = {draw(4) != 0, &ranges[rule][side][t]},
                                           .moving_count = draw(one_in) == 0, .moving = moving_index};
        uint32_t kind = draw(8);
        *term = (struct endpoint_term){.kind = kind < 3 ? TERM_ANY : kind == 3 ? TERM_SELF : TERM_SET,
                                       .set = &sets[rule][side][t],
                                       .zone = (uint16_t)(draw(3) == 0 ? 1 + draw(ZONES - 1) : 0)};
    }
    return endpoint;
}

static void random_ruleset(uint64_t seed)
{
    state = seed * 0x9e3779b97f4a7c15ULL + 1;
    draw(2);
    /* A dynamic set is always filled, another one may not be. */
    moving[0].kind = seed % 2 == 0 ? MOVING_DYNAMIC : MOVING_DNS;
    size_t count = 2 + draw(RULES_MAX - 1);
    for (unsigned i = 0; i < count; i++) {
        rules[i] = (struct rule){.file = "t", .line = i + 1, .identity = i + 1};
        rules[i].action = (enum action[]){ACTION_ALLOW, ACTION_DENY, ACTION_ALLOW, ACTION_REJECT, ACTION_AUDIT}[draw(5)];
        rules[i].states = draw(2) == 0 ? STATES_BY_DEFAULT : (uint8_t)((1 + draw(15)) << 1);
        rules[i].src = random_endpoint(i, 0);
        rules[i].dst = random_endpoint(i, 1);
        rules[i].when = draw(6) == 0;
        if (draw(3) != 0) {
            rules[i].service_count = 1 + draw(2);
            for (unsigned s = 0; s < rules[i].service_count; s++) {
                uint32_t which = draw(NAMED);
                bool all = draw(4) == 0;
                items[i][s] = (struct service_item){services[which].protocol, all ? 0 : services[which].service,
                                                    all || !services[which].ports ? 65535 : services[which].service};
                if (!all && services[which].protocol == PROTOCOL_ICMP)
                    items[i][s].last = services[which].service;
            }
            rules[i].services = items[i];
        }
        if (draw(8) == 0) {
            rules[i].src_port_count = 1;
            rules[i].src_ports = &low_port;
        }
    }
    ruleset = (struct ruleset){.rule_count = count, .rules = rules, .zone_count = ZONES, .zones = zones,
                               .default_action = draw(4) == 0 ? ACTION_ALLOW : ACTION_DENY, .moving_count = 1,
                               .moving = moving, .schedule_count = 1, .schedules = schedules,
                               .hooks = CHAIN_BIT(CHAIN_FORWARD) | CHAIN_BIT(CHAIN_INPUT)};
}

/* ---- brute force: written without a look at how the analysis does it ---- */

static bool point_in_endpoint(const struct endpoint *endpoint, uint8_t address, uint8_t zone, bool member, bool self)
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

static bool names_movers(const struct endpoint *endpoint)
{
    bool names = false;
    for (size_t t = 0; t < endpoint->term_count; t++)
        names |= endpoint->terms[t].kind == TERM_SET && endpoint->terms[t].set->moving_count > 0;
    return names;
}

/* `allow !S` while nobody knows who is in S. */
static bool lets_unknown_in(const struct rule *rule, const struct endpoint *endpoint)
{
    return rule->action == ACTION_ALLOW && endpoint->negated && names_movers(endpoint);
}

static bool point_in_rule(const struct rule *rule, const struct point *p)
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
           point_in_endpoint(&rule->src, p->src, p->src_zone, p->src_member, p->src_self) &&
           point_in_endpoint(&rule->dst, p->dst, p->dst_zone, p->dst_member, p->dst_self);
}

static uint32_t decide(const struct point *p, uint32_t without)
{
    for (uint32_t i = 0; i < ruleset.rule_count; i++)
        if (i != without && rules[i].action != ACTION_AUDIT && point_in_rule(&rules[i], p))
            return i;
    return RULE_DEFAULT;
}

static enum action verdict_of(uint32_t rule, const struct point *p)
{
    return rule != RULE_DEFAULT ? rules[rule].action : p->state == STATE_INVALID ? ACTION_DENY : ruleset.default_action;
}

/* What brute force knows of each rule. */
struct truth {
    bool matches, decides, matters, admits_dead, has_opener, opens_self;
};
static struct truth truths[RULES_MAX];

static void ask(const struct point *p)
{
    uint32_t decided = decide(p, RULE_DEFAULT);
    struct point as_new = *p;
    as_new.state = STATE_NEW;
    bool opened = verdict_of(decide(&as_new, RULE_DEFAULT), &as_new) == ACTION_ALLOW;
    for (uint32_t i = 0; i < ruleset.rule_count; i++) {
        if (!point_in_rule(&rules[i], p))
            continue;
        truths[i].matches = true;
        truths[i].has_opener |= opened && (p->state == STATE_ESTABLISHED || p->state == STATE_RELATED);
        if (rules[i].action == ACTION_AUDIT) {
            truths[i].decides |= decided == RULE_DEFAULT || decided > i;
            continue;
        }
        if (decided != i)
            continue;
        truths[i].decides = true;
        truths[i].matters |= verdict_of(decide(p, i), p) != rules[i].action;
        if (p->state == STATE_NEW && rules[i].action == ACTION_ALLOW && (!p->src_member || names_movers(&rules[i].src)) &&
            (!p->dst_member || names_movers(&rules[i].dst)))
            truths[i].opens_self |= p->dst_self && !p->src_self && p->dst_zone == 0;
    }
}

static void ask_everything(void)
{
    struct point p;
    memset(truths, 0, sizeof truths);
    for (unsigned bits = 0; bits < (moving[0].kind == MOVING_DNS ? 128 : 64); bits++) {
        p = (struct point){.src_member = bits & 1, .dst_member = bits >> 1 & 1, .src_self = bits >> 2 & 1,
                           .dst_self = bits >> 3 & 1, .daytime = bits >> 4 & 1, .src_port = bits >> 5 & 1,
                           .unfilled = bits >> 6 & 1};
        for (p.state = STATE_NEW; p.state < STATE_COUNT; p.state++)
            for (p.service = 0; p.service < SERVICES; p.service++)
                for (p.src_zone = 0; p.src_zone < ZONES; p.src_zone++)
                    for (p.dst_zone = 0; p.dst_zone < ZONES; p.dst_zone++)
                        for (p.src = 0; p.src < ADDRESSES; p.src++)
                            for (p.dst = 0; p.dst < ADDRESSES; p.dst++)
                                ask(&p);
    }
}

/* ---- what the analysis says ---- */

static bool said[RULES_MAX][FINDING_PROTECT + 1];

static void take(void *context, const struct finding *finding)
{
    uint32_t rule;
    enum action action;
    unsigned long long seed = *(const unsigned long long *)context;
    said[finding->rule][finding->kind] = true;
    if (!finding->has_witness)
        return;
    ck_assert(witness_classify(&ruleset, &finding->witness, &rule, &action));
    switch (finding->kind) {
    case FINDING_SHADOWED:
        ck_assert_msg(rule < finding->rule, "seed %llu: the witness of rule %u is decided by %u", seed, finding->rule, rule);
        break;
    case FINDING_NO_CONTINUATION:
        ck_assert_msg(action != ACTION_ALLOW && finding->witness.query.state == STATE_ESTABLISHED,
                      "seed %llu: rule %u goes on", seed, finding->rule);
        break;
    case FINDING_NO_OPENER:
        ck_assert_msg(action != ACTION_ALLOW, "seed %llu: rule %u has an opener", seed, finding->rule);
        break;
    case FINDING_WIDE_SELF:
        ck_assert_msg(action == ACTION_ALLOW && rule == finding->rule, "seed %llu: rule %u does not open the gateway", seed,
                      finding->rule);
        break;
    default:
        break;
    }
}

START_TEST(findings_are_true_and_complete)
{
    for (unsigned round = 0; round < ROUNDS / 8; round++) {
        unsigned long long seed = (unsigned long long)_i * 100000 + round;
        random_ruleset(seed);
        ask_everything();
        memset(said, 0, sizeof said);
        findings_of(&ruleset, 20000, take, &seed);
        for (uint32_t i = 0; i < ruleset.rule_count; i++) {
            const struct truth *truth = &truths[i];
            ck_assert_msg(said[i][FINDING_NEVER] == !truth->matches, "seed %llu rule %u: never %d", seed, i,
                          said[i][FINDING_NEVER]);
            if (!truth->matches)
                continue;
            ck_assert_msg(said[i][FINDING_SHADOWED] == !truth->decides, "seed %llu rule %u: shadowed %d", seed, i,
                          said[i][FINDING_SHADOWED]);
            if (!truth->decides)
                continue;
            bool redundant = !truth->matters && rules[i].action != ACTION_AUDIT;
            ck_assert_msg(said[i][FINDING_REDUNDANT] == redundant, "seed %llu rule %u: redundant %d", seed, i,
                          said[i][FINDING_REDUNDANT]);
            bool late = rules[i].action == ACTION_ALLOW && !(rules[i].states & STATE_BIT(STATE_NEW)) &&
                        rules[i].states & (STATE_BIT(STATE_ESTABLISHED) | STATE_BIT(STATE_RELATED));
            ck_assert_msg(said[i][FINDING_NO_OPENER] == (late && !truth->has_opener), "seed %llu rule %u: no opener %d", seed,
                          i, said[i][FINDING_NO_OPENER]);
            ck_assert_msg(!said[i][FINDING_WIDE_SELF] || truth->opens_self, "seed %llu rule %u: wide self", seed, i);
        }
    }
}
END_TEST

static void take_protection(void *context, const struct finding *finding)
{
    struct finding *last = context;
    *last = *finding;
}

/* allow any to !S; deny any to S; allow any to any: the last has nothing left, unless nobody knows yet who is in S. */
START_TEST(a_set_may_not_be_filled_yet)
{
    static const struct set movers = {.moving_count = 1, .moving = moving_index};
    static const struct endpoint_term anyone = {.kind = TERM_ANY}, mover = {.kind = TERM_SET, .set = &movers};
    static const struct rule protect = {.action = ACTION_ALLOW, .states = STATE_BIT(STATE_NEW), .src = {false, 1, &anyone},
                                        .dst = {false, 1, &anyone}};
    struct rule three[3];
    struct finding broken = {.rule = RULE_DEFAULT};
    unsigned long long seed = 0;
    uint32_t rule;
    enum action action;
    for (unsigned i = 0; i < 3; i++)
        three[i] = (struct rule){.file = "t", .line = i + 1, .identity = i + 1, .states = STATES_BY_DEFAULT,
                                 .action = i == 1 ? ACTION_DENY : ACTION_ALLOW, .src = {false, 1, &anyone},
                                 .dst = {i == 0, 1, i == 2 ? &anyone : &mover}};
    ruleset = (struct ruleset){.rule_count = 3, .rules = three, .zone_count = ZONES, .zones = zones,
                               .default_action = ACTION_DENY, .moving_count = 1, .moving = moving, .protect_count = 1,
                               .protects = &protect};
    moving[0].kind = _i == 0 ? MOVING_DYNAMIC : _i == 1 ? MOVING_DNS : MOVING_PREFIX;
    memset(said, 0, sizeof said);
    findings_of(&ruleset, 20000, take, &seed);
    ck_assert_int_eq(said[2][FINDING_SHADOWED], _i == 0);
    /* Without the third rule nothing is allowed before S is filled. */
    ruleset.rule_count = 2;
    findings_of_protection(&ruleset, 20000, take_protection, &broken);
    ck_assert_int_eq(broken.rule != RULE_DEFAULT, _i != 0);
    if (_i == 0)
        return;
    ck_assert_uint_eq(broken.witness.unfilled, 1);
    ck_assert(witness_classify(&ruleset, &broken.witness, &rule, &action));
    ck_assert_int_eq(action, ACTION_DENY);
}
END_TEST

int main(void)
{
    moving[0].members = dynamic_set_new(16, &(struct siphash_key){1, 2});
    Suite *suite = suite_create("analysis");
    TCase *tests = tcase_create("analysis");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, findings_are_true_and_complete, 0, 8);
    tcase_add_loop_test(tests, a_set_may_not_be_filled_yet, 0, 3);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    dynamic_set_release(moving[0].members);
    return failed == 0 ? 0 : 1;
}
