#include "analysis/analysis.h"

#include <stdlib.h>

/* Boxes compared for one search. */
#define WORK_MAX 50000u

/* What the boxes of all rules may take; of the rules behind, nothing is known. */
#define REGIONS_BYTES_MAX (512u << 20)

/* The role of a rule that takes part in a search. */
static uint8_t role(const struct analysis *analysis, uint32_t rule, bool hit)
{
    if (analysis->ruleset->rules[rule].action == ACTION_AUDIT)
        return SEARCH_PASS;
    if (analysis->regions[rule].incomplete)
        return SEARCH_UNKNOWN;
    return hit ? SEARCH_HIT : SEARCH_CUT;
}

void analysis_set_roles(struct analysis *analysis, uint8_t *roles, analysis_hit hit, uint32_t asked)
{
    uint32_t count = (uint32_t)analysis->ruleset->rule_count;
    for (uint32_t i = 0; i < count; i++)
        roles[i] = role(analysis, i, hit(analysis, i, asked));
    analysis->work += count / 4; /* it costs time as a search does */
}

struct search analysis_search(struct analysis *analysis, struct arena *arena, uint32_t end,
                              enum search_result (*at_end)(void *context, struct search *search, const struct box *left))
{
    return (struct search){.arena = arena, .boxes = analysis->boxes, .count = analysis->box_from[end],
                           .roles = analysis->cuts, .at_end = at_end, .work = &analysis->work};
}

enum search_result analysis_run(struct analysis *analysis, struct search *search, const struct boxes *boxes)
{
    search->work_max = analysis->work + WORK_MAX + search->count * boxes->count;
    if (search->work_max > WORK_ALL_MAX)
        search->work_max = WORK_ALL_MAX;
    for (size_t i = 0; i < boxes->count; i++) {
        enum search_result result = search_run(search, &boxes->list[i]);
        analysis->undecided |= result == SEARCH_GIVEN_UP;
        if (result != SEARCH_NOTHING)
            return result;
    }
    return SEARCH_NOTHING;
}

struct arena *analysis_scratch(void)
{
    struct arena *arena = arena_new();
    if (arena == NULL)
        abort(); /* as an arena does */
    return arena;
}

struct boxes analysis_in_states(struct analysis *analysis, struct arena *arena, const struct boxes *boxes, unsigned states)
{
    struct box *list = arena_take(arena, boxes->count, sizeof *list), narrowed;
    struct rangeset wanted = region_states(arena, (uint8_t)states);
    struct rangeset days = box_numbers(arena, (uint64_t)(analysis->today > 0 ? analysis->today : 0), INT32_MAX);
    size_t count = 0;
    for (size_t i = 0; i < boxes->count; i++)
        if (box_narrow(arena, &boxes->list[i], DIMENSION_STATE, wanted, &narrowed) &&
            box_narrow(arena, &narrowed, DIMENSION_DAY, days, &narrowed))
            list[count++] = narrowed;
    return (struct boxes){.count = count, .list = list};
}

struct box analysis_without_members(const struct analysis *analysis, struct arena *arena, struct box box)
{
    struct box narrowed;
    for (uint32_t d = 0; d < MOVING_DIMENSIONS * analysis->ruleset->moving_count; d++)
        if (d % MOVING_DIMENSIONS != MOVING_FILLED &&
            box_narrow(arena, &box, DIMENSION_MOVING + d, box_numbers(arena, 0, 0), &narrowed))
            box = narrowed;
    return box;
}

bool analysis_allows(const struct analysis *analysis, uint32_t rule, uint32_t asked)
{
    (void)asked;
    return analysis->ruleset->rules[rule].action == ACTION_ALLOW;
}

/* All boxes of all rules in one list. */
static void gather_boxes(struct analysis *analysis)
{
    size_t rules = analysis->ruleset->rule_count;
    analysis->box_from = arena_take(analysis->arena, rules + 1, sizeof *analysis->box_from);
    for (size_t i = 0; i < rules; i++)
        analysis->box_from[i + 1] = analysis->box_from[i] + analysis->regions[i].count;
    analysis->box_count = analysis->box_from[rules];
    analysis->boxes = arena_take(analysis->arena, analysis->box_count, sizeof *analysis->boxes);
    for (size_t i = 0; i < rules; i++)
        for (size_t k = 0; k < analysis->regions[i].count; k++)
            analysis->boxes[analysis->box_from[i] + k] = search_box_of(&analysis->regions[i].list[k], (uint32_t)i);
}

static bool never(const struct analysis *analysis, uint32_t rule, uint32_t asked)
{
    (void)analysis;
    (void)rule;
    (void)asked;
    return false;
}

static bool refuses(const struct analysis *analysis, uint32_t rule, uint32_t asked)
{
    return !analysis_allows(analysis, rule, asked);
}

/* What a rule matches; where there is no room for it, everything that there can be. */
static void make_regions(struct analysis *analysis)
{
    struct arena *arena = analysis->arena;
    struct box all = {0, NULL};
    for (uint32_t dimension = DIMENSION_SERVICE; dimension <= DIMENSION_DST; dimension++)
        all = box_with(arena, &all, dimension, box_domain(dimension));
    struct box *anything = arena_take(arena, 1, sizeof *anything);
    *anything = all;
    for (uint32_t i = 0; i < analysis->ruleset->rule_count; i++) {
        if (arena_bytes(arena) < REGIONS_BYTES_MAX)
            analysis->regions[i] = region_of_rule(arena, analysis->ruleset, &analysis->ruleset->rules[i], &analysis->space);
        else
            analysis->regions[i] = (struct boxes){1, anything, true};
    }
}

void analysis_init(struct analysis *analysis, const struct ruleset *ruleset, int32_t today, finding_take take, void *context)
{
    size_t rules = ruleset->rule_count;
    struct arena *arena = analysis_scratch();
    *analysis = (struct analysis){.ruleset = ruleset, .today = today, .arena = arena, .take = take, .context = context};
    for (uint32_t i = 0; i < rules; i++) {
        analysis->space.flags |= ruleset->rules[i].flagged;
        analysis->states_written |= ruleset->rules[i].states != STATES_BY_DEFAULT;
    }
    analysis->regions = arena_take(arena, rules, sizeof *analysis->regions);
    analysis->cuts = arena_take(arena, rules, 1);
    analysis->roles = arena_take(arena, rules, 1);
    analysis->verdicts = arena_take(arena, rules, 1);
    analysis->used = arena_take(arena, rules, sizeof *analysis->used);
    make_regions(analysis);
    analysis_set_roles(analysis, analysis->cuts, never, 0);
    analysis_set_roles(analysis, analysis->verdicts, refuses, 0);
    gather_boxes(analysis);
}

void analysis_fini(struct analysis *analysis)
{
    arena_free(analysis->arena);
}
