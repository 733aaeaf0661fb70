#include "analysis/diff.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/search.h"

/* Boxes looked at in all; and groups told of. */
#define WORK_MAX 20000000u
#define CHANGES_MAX 1000

/* One ruleset in the common space. */
struct party {
    const struct ruleset *ruleset;
    struct space space;
    struct boxes *regions;
};

struct comparison {
    struct party old, fresh;
    struct arena *arena;   /* regions */
    struct arena *scratch; /* of the box that is compared now */
    struct differences *out;
    uint64_t work;
};

static enum action verdict_of(const struct party *party, uint32_t rule, const struct box *box)
{
    const struct rangeset *states = box_set(box, DIMENSION_STATE);
    if (rule != RULE_DEFAULT)
        return party->ruleset->rules[rule].action;
    return states->ranges[0].first.low == STATE_INVALID ? ACTION_DENY : party->ruleset->default_action;
}

static bool known(const struct differences *out, uint32_t old_rule, uint32_t new_rule)
{
    for (size_t i = 0; i < out->count; i++)
        if (out->changes[i].old_rule == old_rule && out->changes[i].new_rule == new_rule)
            return true;
    return false;
}

static void add_change(struct comparison *comparison, uint32_t old_rule, uint32_t new_rule, const struct box *box)
{
    struct differences *out = comparison->out;
    enum action before = verdict_of(&comparison->old, old_rule, box), after = verdict_of(&comparison->fresh, new_rule, box);
    if (before == after || known(out, old_rule, new_rule))
        return;
    if (out->count == CHANGES_MAX) {
        out->given_up = true;
        return;
    }
    out->changes[out->count++] = (struct change){old_rule, new_rule, before, after, region_witness(box)};
}

/* Walks through PARTY's rules from AT on with BOX; TOLD is called with each piece and who decides it. */
struct walk {
    struct comparison *comparison;
    const struct party *party;
    void (*told)(struct walk *walk, uint32_t rule, const struct box *box);
    uint32_t old_rule; /* in the second walk */
};

static void walk_on(struct walk *walk, const struct box *box, uint32_t at, size_t region_at);

/* What of BOX lies outside of CUT goes on behind it. */
static enum search_result outside(void *context, struct search *search, const struct box *left)
{
    struct {
        struct walk *walk;
        uint32_t at;
        size_t region_at;
    } *next = context;
    (void)search;
    walk_on(next->walk, left, next->at, next->region_at);
    return SEARCH_NOTHING;
}

static void walk_on(struct walk *walk, const struct box *box, uint32_t at, size_t region_at)
{
    struct comparison *comparison = walk->comparison;
    for (; at < walk->party->ruleset->rule_count; at++, region_at = 0) {
        const struct boxes *region = &walk->party->regions[at];
        if (walk->party->ruleset->rules[at].action == ACTION_AUDIT)
            continue;
        for (; region_at < region->count; region_at++) {
            struct box both;
            if (++comparison->work > WORK_MAX) {
                comparison->out->given_up = true;
                return;
            }
            if (!box_intersects(box, &region->list[region_at]))
                continue;
            box_intersection(comparison->scratch, box, &region->list[region_at], &both);
            walk->told(walk, at, &both);
            struct search_step step = {&region->list[region_at], at, false};
            struct {
                struct walk *walk;
                uint32_t at;
                size_t region_at;
            } next = {walk, at, region_at + 1};
            struct search search = {.arena = comparison->scratch, .steps = &step, .count = 1, .at_end = outside,
                                    .context = &next, .work_max = UINT64_MAX};
            search_run(&search, box);
            return;
        }
    }
    walk->told(walk, RULE_DEFAULT, box);
}

static void told_new(struct walk *walk, uint32_t rule, const struct box *box)
{
    add_change(walk->comparison, walk->old_rule, rule, box);
}

static void told_old(struct walk *walk, uint32_t rule, const struct box *box)
{
    struct walk second = {walk->comparison, &walk->comparison->fresh, told_new, rule};
    walk_on(&second, box, 0, 0);
}

/* NUMBER of each name of the new ruleset among the old one's names, or behind them. */
static uint16_t number_of(const char *name, const char **names, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(names[i], name) == 0)
            return (uint16_t)i;
    names[*count] = name;
    return (uint16_t)(*count)++;
}

static void *array(struct arena *arena, size_t count, size_t size)
{
    return arena_take(arena, count > 0 ? count : 1, size);
}

static void make_space(struct comparison *comparison)
{
    const struct ruleset *old = comparison->old.ruleset, *fresh = comparison->fresh.ruleset;
    struct differences *out = comparison->out;
    uint16_t *zones = array(comparison->arena, fresh->zone_count, sizeof *zones);
    uint16_t *moving = array(comparison->arena, fresh->moving_count, sizeof *moving);
    const char **moving_names = array(comparison->arena, old->moving_count + fresh->moving_count, sizeof *moving_names);
    size_t moving_count = 0;
    out->zones = calloc(old->zone_count + fresh->zone_count, sizeof *out->zones);
    if (out->zones == NULL)
        abort(); /* as an arena does */
    for (size_t i = 0; i < old->zone_count; i++)
        out->zones[out->zone_count++] = old->zones[i].name;
    for (size_t i = 0; i < fresh->zone_count; i++)
        zones[i] = number_of(fresh->zones[i].name, out->zones, &out->zone_count);
    for (size_t i = 0; i < old->moving_count; i++)
        moving_names[moving_count++] = old->moving[i].name;
    for (size_t i = 0; i < fresh->moving_count; i++)
        moving[i] = number_of(fresh->moving[i].name, moving_names, &moving_count);
    for (size_t i = 0; i < old->rule_count; i++)
        comparison->old.space.flags |= old->rules[i].flagged;
    for (size_t i = 0; i < fresh->rule_count; i++)
        comparison->old.space.flags |= fresh->rules[i].flagged;
    comparison->fresh.space = (struct space){comparison->old.space.flags, zones, moving};
}

static void make_regions(struct comparison *comparison, struct party *party)
{
    party->regions = array(comparison->arena, party->ruleset->rule_count, sizeof *party->regions);
    for (size_t i = 0; i < party->ruleset->rule_count; i++)
        party->regions[i] = region_of_rule(comparison->arena, party->ruleset, &party->ruleset->rules[i], &party->space);
}

static struct arena *arena(void)
{
    struct arena *made = arena_new();
    if (made == NULL)
        abort(); /* as an arena does */
    return made;
}

void differences_of(const struct ruleset *old, const struct ruleset *fresh, int32_t today, struct differences *differences)
{
    struct comparison comparison = {.old = {.ruleset = old}, .fresh = {.ruleset = fresh}, .arena = arena(),
                                    .out = differences};
    *differences = (struct differences){.changes = calloc(CHANGES_MAX, sizeof *differences->changes)};
    if (differences->changes == NULL)
        abort(); /* as an arena does */
    make_space(&comparison);
    make_regions(&comparison, &comparison.old);
    make_regions(&comparison, &comparison.fresh);
    struct boxes all = region_of_all(comparison.arena, &comparison.old.space);
    for (size_t i = 0; i < all.count && !differences->given_up; i++)
        for (unsigned state = STATE_NEW; state < STATE_COUNT; state++) {
            struct box box;
            comparison.scratch = arena();
            struct walk first = {&comparison, &comparison.old, told_old, RULE_DEFAULT};
            if (box_narrow(comparison.scratch, &all.list[i], DIMENSION_STATE,
                           box_numbers(comparison.scratch, state, state), &box) &&
                box_narrow(comparison.scratch, &box, DIMENSION_DAY,
                           box_numbers(comparison.scratch, (uint64_t)(today > 0 ? today : 0), INT32_MAX), &box))
                walk_on(&first, &box, 0, 0);
            arena_free(comparison.scratch);
        }
    arena_free(comparison.arena);
}

void differences_fini(struct differences *differences)
{
    free(differences->changes);
    free(differences->zones);
}
