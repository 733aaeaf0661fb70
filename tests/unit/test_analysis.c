/*
 * The analysis of rulesets, held against brute force: random rules over a world so small that every packet in it can be asked.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/diff.h"
#include "analysis/findings.h"
#include "analysis/witness.h"
#include "world.h"

#define ROUNDS 240

static struct world world, changed;
static const struct rule *const rules = world.rules;

/* What brute force knows of each rule. */
struct truth {
    bool matches, decides, matters, silences, stops, has_opener, opens_self, opens, opens_ftp;
};
static struct truth truths[WORLD_RULES_MAX];
/* Does a rule take packets of another? Does it match others, too? */
static bool takes[WORLD_RULES_MAX][WORLD_RULES_MAX], reaches_out[WORLD_RULES_MAX][WORLD_RULES_MAX];

/* Who is in a set that moves may be denied on purpose: such a packet counts where the rule itself asks for a member. */
static bool may_be_member(const struct endpoint *endpoint, uint16_t zone)
{
    for (size_t t = 0; t < endpoint->term_count && !endpoint->negated; t++) {
        const struct endpoint_term *term = &endpoint->terms[t];
        if (term->kind == TERM_SET && term->set->moving_count > 0 && (term->zone == 0 || term->zone == zone))
            return true;
    }
    return false;
}

/* RULE admits P, which opens a connection. */
static void ask_opening(const struct point *p, const struct rule *rule, struct truth *truth)
{
    struct point later = *p;
    if ((p->src_member && !may_be_member(&rule->src, world_zone(&world, p->src_interface))) || (p->dst_member && !may_be_member(&rule->dst, world_zone(&world, p->dst_interface))))
        return;
    truth->opens = true;
    truth->opens_ftp |= p->service == WORLD_FTP;
    truth->opens_self |= p->dst_self && !p->src_self && p->dst_interface == 0;
    later.state = STATE_ESTABLISHED;
    truth->stops |= world_verdict(&world, world_decide(&world, &later, RULE_DEFAULT), &later) != ACTION_ALLOW;
}

static void ask(void *context, const struct point *p)
{
    (void)context;
    uint32_t decided = world_decide(&world, p, RULE_DEFAULT);
    struct point as_new = *p;
    as_new.state = STATE_NEW;
    bool opened = world_verdict(&world, world_decide(&world, &as_new, RULE_DEFAULT), &as_new) == ACTION_ALLOW;
    for (uint32_t i = 0; i < world.ruleset.rule_count; i++) {
        bool matches = world_matches(&world, &rules[i], p);
        for (uint32_t k = 0; k < i; k++)
            reaches_out[k][i] |= !matches && world_matches(&world, &rules[k], p);
        if (!matches)
            continue;
        truths[i].matches = true;
        if (decided < i && p->state != STATE_INVALID)
            takes[decided][i] = true;
        truths[i].has_opener |= opened && (p->state == STATE_ESTABLISHED || p->state == STATE_RELATED);
        if (rules[i].action == ACTION_AUDIT) {
            truths[i].decides |= decided == RULE_DEFAULT || decided > i;
            continue;
        }
        if (decided != i)
            continue;
        truths[i].decides = true;
        uint32_t instead = world_decide(&world, p, i);
        truths[i].matters |= world_verdict(&world, instead, p) != rules[i].action;
        truths[i].silences |= instead == RULE_DEFAULT && p->state != STATE_INVALID;
        truths[i].matters |= rules[i].alg != NULL || (instead != RULE_DEFAULT && rules[instead].alg != NULL);
        if (p->state == STATE_NEW && rules[i].action == ACTION_ALLOW)
            ask_opening(p, &rules[i], &truths[i]);
    }
}

/* ---- what the analysis says ---- */

static bool said[WORLD_RULES_MAX][FINDING_PROTECT + 1];

static void take(void *context, const struct finding *finding)
{
    uint32_t rule;
    enum action action;
    unsigned long long seed = *(const unsigned long long *)context;
    said[finding->rule][finding->kind] = true;
    if (!finding->has_witness)
        return;
    ck_assert(witness_classify(&world.ruleset, &finding->witness, &rule, &action));
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

static bool is_wide(const struct endpoint *endpoint)
{
    return endpoint->negated ||
           (endpoint->term_count == 1 && endpoint->terms[0].kind == TERM_ANY && endpoint->terms[0].zone == 0);
}

START_TEST(findings_are_true_and_complete)
{
    for (unsigned round = 0; round < ROUNDS / 8; round++) {
        unsigned long long seed = (unsigned long long)_i * 100000 + round;
        world_init(&world, seed);
        memset(truths, 0, sizeof truths);
        memset(takes, 0, sizeof takes);
        memset(reaches_out, 0, sizeof reaches_out);
        world_each(&world, ask, NULL);
        memset(said, 0, sizeof said);
        ck_assert_uint_eq(findings_of(&world.ruleset, 20000, take, &seed).rules, 0);
        for (uint32_t i = 0; i < world.ruleset.rule_count; i++) {
            const struct truth *truth = &truths[i];
            ck_assert_msg(said[i][FINDING_NEVER] == !truth->matches, "seed %llu rule %u: never %d", seed, i,
                          said[i][FINDING_NEVER]);
            if (!truth->matches)
                continue;
            ck_assert_msg(said[i][FINDING_SHADOWED] == !truth->decides, "seed %llu rule %u: shadowed %d", seed, i,
                          said[i][FINDING_SHADOWED]);
            if (!truth->decides)
                continue;
            bool late = false;
            for (uint32_t k = 0; k < i; k++)
                late |= takes[k][i] && reaches_out[k][i] && rules[k].action != rules[i].action;
            bool redundant = !truth->matters && rules[i].action != ACTION_AUDIT &&
                             (late || !world.ruleset.default_log.wanted || !truth->silences);
            ck_assert_msg(said[i][FINDING_REDUNDANT] == redundant, "seed %llu rule %u: redundant %d", seed, i,
                          said[i][FINDING_REDUNDANT]);
            bool continues = rules[i].action == ACTION_ALLOW && !(rules[i].states & STATE_BIT(STATE_NEW)) &&
                        rules[i].states & (STATE_BIT(STATE_ESTABLISHED) | STATE_BIT(STATE_RELATED));
            ck_assert_msg(said[i][FINDING_NO_OPENER] == (continues && !truth->has_opener), "seed %llu rule %u: no opener %d", seed,
                          i, said[i][FINDING_NO_OPENER]);
            ck_assert_msg(said[i][FINDING_NO_CONTINUATION] == truth->stops, "seed %llu rule %u: no continuation %d", seed, i,
                          said[i][FINDING_NO_CONTINUATION]);
            const struct endpoint *dst = &rules[i].dst;
            bool wide = truth->opens_self && is_wide(dst) && world.ruleset.hooks & CHAIN_BIT(CHAIN_INPUT);
            ck_assert_msg(said[i][FINDING_WIDE_SELF] == wide, "seed %llu rule %u: wide self %d", seed, i,
                          said[i][FINDING_WIDE_SELF]);
            ck_assert_msg(said[i][FINDING_NO_ALG] == (truth->opens_ftp && rules[i].alg == NULL && world_asks_ftp(&rules[i])),
                          "seed %llu rule %u: no ALG %d", seed, i, said[i][FINDING_NO_ALG]);
            bool all_to_all = is_wide(&rules[i].src) && is_wide(dst);
            ck_assert_msg(said[i][FINDING_WIDE_ALG] == (truth->opens && rules[i].alg != NULL && all_to_all),
                          "seed %llu rule %u: wide ALG %d", seed, i, said[i][FINDING_WIDE_ALG]);
        }
        world_fini(&world);
    }
}
END_TEST

/* ---- more than can be proved ---- */

enum { SIDES = 8, TILES = SIDES * SIDES * SIDES * SIDES };

static struct rule tile_rules[TILES];
static struct endpoint_term tile_terms[TILES][2];
static struct set tile_sets[2][SIDES];
static struct address_range tile_ranges[2][SIDES];
static struct service_item tile_items[SIDES];
static struct port_range tile_ports[SIDES];

static unsigned shadows;
static void count_shadows(void *context, const struct finding *finding)
{
    (void)context;
    shadows += finding->kind == FINDING_SHADOWED && finding->rule == TILES - 1;
}

/* The last rule takes everything but the packets of thousands of tiles, which leave one tile out: it is not shadowed. */
START_TEST(what_cannot_be_proved_is_left_out)
{
    for (unsigned i = 0; i < SIDES; i++) {
        for (unsigned side = 0; side < 2; side++) {
            uint32_t first = 0x0a000000u + 16 * i;
            tile_ranges[side][i] = (struct address_range){address_v4(first), address_v4(first + 15)};
            tile_sets[side][i] = (struct set){.members = {1, &tile_ranges[side][i]}};
        }
        tile_items[i] = (struct service_item){6, (uint16_t)(16 * i), (uint16_t)(16 * i + 15)};
        tile_ports[i] = (struct port_range){(uint16_t)(16 * i), (uint16_t)(16 * i + 15)};
    }
    static struct address_range all_range[1];
    static const struct set all = {.members = {1, all_range}};
    static const struct endpoint_term all_term = {.kind = TERM_SET, .set = &all};
    static const struct service_item all_items = {6, 0, 16 * SIDES - 1};
    static const struct port_range all_ports = {0, 16 * SIDES - 1};
    all_range[0] = (struct address_range){tile_ranges[0][0].first, tile_ranges[0][SIDES - 1].last};
    for (unsigned i = 0; i < TILES; i++) {
        /* In an order that tells the search nothing. */
        unsigned n = i * 2731 % TILES, x = n % SIDES, y = n / SIDES % SIDES, z = n / SIDES / SIDES % SIDES, w = n / SIDES / SIDES / SIDES;
        tile_terms[i][0] = (struct endpoint_term){.kind = TERM_SET, .set = &tile_sets[0][x]};
        tile_terms[i][1] = (struct endpoint_term){.kind = TERM_SET, .set = &tile_sets[1][y]};
        tile_rules[i] = (struct rule){.action = ACTION_DENY, .states = STATES_BY_DEFAULT, .src = {false, 1, &tile_terms[i][0]},
                                      .dst = {false, 1, &tile_terms[i][1]}, .service_count = 1, .services = &tile_items[z],
                                      .src_port_count = 1, .src_ports = &tile_ports[w]};
    }
    tile_rules[TILES - 1] = (struct rule){.action = ACTION_ALLOW, .states = STATES_BY_DEFAULT, .src = {false, 1, &all_term},
                                          .dst = {false, 1, &all_term}, .service_count = 1, .services = &all_items,
                                          .src_port_count = 1, .src_ports = &all_ports};
    static const struct zone no_zone[1] = {{.name = ""}};
    const struct ruleset tiles = {.rule_count = TILES, .rules = tile_rules, .default_action = ACTION_ALLOW, .zone_count = 1, .zones = no_zone};
    struct findings_left left = findings_of(&tiles, 20000, count_shadows, NULL);
    ck_assert_uint_eq(shadows, 0);
    ck_assert_uint_ge(left.rules, 1);
}
END_TEST

static void never_said(void *context, const struct finding *finding)
{
    (void)context;
    ck_abort_msg("finding %d about rule %u", (int)finding->kind, finding->rule);
}

/* A rule of more boxes than are made: of what lies behind it nothing is said. */
START_TEST(what_is_not_known_is_left_out)
{
    enum { ENDS = 300 }; /* on each side, in zones of their own, so that no two make one box */
    static struct endpoint_term ends[ENDS];
    static struct zone zones[ENDS + 1];
    static const struct endpoint_term any = {.kind = TERM_ANY};
    for (uint16_t i = 0; i < ENDS; i++)
        ends[i] = (struct endpoint_term){.kind = TERM_ANY, .zone = (uint16_t)(i + 1)};
    const struct rule few[] = {
        {.action = ACTION_DENY, .states = STATE_BIT(STATE_ESTABLISHED), .src = {false, ENDS, ends}, .dst = {false, ENDS, ends},
         .services = &(struct service_item){99, 0, 65535}, .service_count = 1},
        {.action = ACTION_ALLOW, .states = STATE_BIT(STATE_NEW), .src = {false, 1, &any}, .dst = {false, 1, &any}},
        {.action = ACTION_ALLOW, .states = STATE_BIT(STATE_ESTABLISHED) | STATE_BIT(STATE_RELATED), .src = {false, 1, &any},
         .dst = {false, 1, &any}},
    };
    const struct ruleset ruleset = {.rule_count = 3, .rules = few, .zone_count = ENDS + 1, .zones = zones};
    ck_assert_uint_ge(findings_of(&ruleset, 20000, never_said, NULL).rules, 2);
}
END_TEST

/* ---- two rulesets ---- */

/* Which pairs of deciders give packets other verdicts; one more for the default. */
static bool differ[WORLD_RULES_MAX + 1][WORLD_RULES_MAX + 1];

static uint32_t place(uint32_t rule)
{
    return rule == RULE_DEFAULT ? WORLD_RULES_MAX : rule;
}

static void ask_both(void *context, const struct point *point)
{
    (void)context;
    uint32_t before = world_decide(&world, point, RULE_DEFAULT), after = world_decide(&changed, point, RULE_DEFAULT);
    differ[place(before)][place(after)] |= world_verdict(&world, before, point) != world_verdict(&changed, after, point);
}

/* Asks the plain reader of both about the witness, with their own numbers. */
static void confirm(const struct differences *differences, const struct change *change, unsigned long long seed)
{
    const struct zone_pair *src = &differences->zones[change->witness.query.src_zone];
    const struct zone_pair *dst = &differences->zones[change->witness.query.dst_zone];
    struct witness before = change->witness, after = change->witness;
    uint32_t rule;
    enum action action;
    before.query.src_zone = src->old_zone;
    before.query.dst_zone = dst->old_zone;
    after.query.src_zone = src->new_zone;
    after.query.dst_zone = dst->new_zone;
    ck_assert(witness_classify(&world.ruleset, &before, &rule, &action));
    ck_assert_msg(rule == change->old_rule && action == change->old_action, "seed %llu: the old witness is another's: %d", seed, (int)rule);
    ck_assert(witness_classify(&changed.ruleset, &after, &rule, &action));
    ck_assert_msg(rule == change->new_rule && action == change->new_action, "seed %llu: the new witness is another's: %d", seed, (int)rule);
    ck_assert_int_ne(change->old_action, change->new_action);
}

START_TEST(differences_are_true_and_complete)
{
    for (unsigned round = 0; round < ROUNDS / 8; round++) {
        unsigned long long seed = (unsigned long long)_i * 100000 + round;
        struct differences differences;
        world_init(&world, seed);
        world_init(&changed, round % 3 == 0 ? seed + 78 : seed);
        world_change(&changed, seed + 1);
        memset(differ, 0, sizeof differ);
        world_each(&world, ask_both, NULL);
        differences_of(&world.ruleset, &changed.ruleset, 20000, &differences);
        ck_assert(!differences.given_up);
        for (size_t i = 0; i < differences.count; i++) {
            const struct change *change = &differences.changes[i];
            bool *expected = &differ[place(change->old_rule)][place(change->new_rule)];
            ck_assert_msg(*expected, "seed %llu: rules %d and %d do not differ, or were told of twice", seed,
                          (int)change->old_rule, (int)change->new_rule);
            confirm(&differences, change, seed);
            *expected = false;
        }
        for (unsigned old = 0; old <= WORLD_RULES_MAX; old++)
            for (unsigned fresh = 0; fresh <= WORLD_RULES_MAX; fresh++)
                ck_assert_msg(!differ[old][fresh], "seed %llu: that rules %u and %u differ was not told", seed, old, fresh);
        differences_fini(&differences);
        world_fini(&world);
        world_fini(&changed);
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
    static const uint16_t moving_index[1] = {0};
    static const struct set movers = {.moving_count = 1, .moving = moving_index};
    static const struct endpoint_term anyone = {.kind = TERM_ANY}, mover = {.kind = TERM_SET, .set = &movers};
    static const struct rule protect = {.action = ACTION_ALLOW, .states = STATE_BIT(STATE_NEW), .src = {false, 1, &anyone},
                                        .dst = {false, 1, &anyone}};
    struct finding broken = {.rule = RULE_DEFAULT};
    unsigned long long seed = 0;
    uint32_t rule;
    enum action action;
    world_init(&world, 1);
    for (unsigned i = 0; i < 3; i++)
        world.rules[i] = (struct rule){.file = "t", .line = i + 1, .identity = i + 1, .states = STATES_BY_DEFAULT,
                                       .action = i == 1 ? ACTION_DENY : ACTION_ALLOW, .src = {false, 1, &anyone},
                                       .dst = {i == 0, 1, i == 2 ? &anyone : &mover}};
    world.moving[0].kind = _i == 0 ? MOVING_DYNAMIC : _i == 1 ? MOVING_DNS : MOVING_PREFIX;
    world.ruleset.rule_count = 3;
    world.ruleset.default_action = ACTION_DENY;
    world.ruleset.hooks = CHAIN_BIT(CHAIN_FORWARD);
    world.ruleset.protect_count = 1;
    world.ruleset.protects = &protect;
    memset(said, 0, sizeof said);
    findings_of(&world.ruleset, 20000, take, &seed);
    ck_assert_int_eq(said[2][FINDING_SHADOWED], _i == 0);
    /* Without the third rule nothing is allowed before S is filled. */
    world.ruleset.rule_count = 2;
    findings_of_protection(&world.ruleset, 20000, take_protection, &broken);
    ck_assert_int_eq(broken.rule != RULE_DEFAULT, _i != 0);
    if (_i != 0) {
        ck_assert_uint_eq(broken.witness.unfilled, 1);
        ck_assert(witness_classify(&world.ruleset, &broken.witness, &rule, &action));
        ck_assert_int_eq(action, ACTION_DENY);
    }
    world_fini(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("analysis");
    TCase *tests = tcase_create("analysis");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, findings_are_true_and_complete, 0, 8);
    tcase_add_loop_test(tests, a_set_may_not_be_filled_yet, 0, 3);
    tcase_add_loop_test(tests, differences_are_true_and_complete, 0, 8);
    tcase_add_test(tests, what_is_not_known_is_left_out);
    tcase_add_test(tests, what_cannot_be_proved_is_left_out);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
