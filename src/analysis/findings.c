#include "analysis/findings.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/search.h"

/* Boxes looked at for one finding: enough for thousands of rules, and done within milliseconds. */
#define WORK_MAX 400000u

struct analysis {
    const struct ruleset *ruleset;
    int32_t today;
    struct space space;
    struct arena *arena;      /* what lives as long as the analysis */
    struct boxes *regions;    /* a rule */
    bool states_written;      /* some rule writes its states down */
    struct search_step *steps;
    size_t step_count, step_size;
    bool *touched;
    finding_take take;
    void *context;
};

/* ---- the steps of a search ---- */

static void add_steps(struct analysis *analysis, uint32_t rule, bool hit)
{
    const struct boxes *boxes = &analysis->regions[rule];
    while (analysis->step_count + boxes->count > analysis->step_size) {
        analysis->step_size = analysis->step_size == 0 ? 1024 : analysis->step_size * 2;
        analysis->steps = realloc(analysis->steps, analysis->step_size * sizeof *analysis->steps);
        if (analysis->steps == NULL)
            abort(); /* as an arena does */
    }
    for (size_t i = 0; i < boxes->count; i++)
        analysis->steps[analysis->step_count++] = (struct search_step){&boxes->list[i], rule, hit};
}

static bool is_audit(const struct analysis *analysis, uint32_t rule)
{
    return analysis->ruleset->rules[rule].action == ACTION_AUDIT;
}

/* All rules before RULE are cut out. */
static void add_earlier(struct analysis *analysis, uint32_t rule)
{
    analysis->step_count = 0;
    for (uint32_t i = 0; i < rule; i++)
        if (!is_audit(analysis, i))
            add_steps(analysis, i, false);
}

/* All rules: those that allow are hits, or cut out, the others the other way round. */
static void add_verdicts(struct analysis *analysis, bool allow_hits)
{
    analysis->step_count = 0;
    for (uint32_t i = 0; i < analysis->ruleset->rule_count; i++)
        if (!is_audit(analysis, i))
            add_steps(analysis, i, (analysis->ruleset->rules[i].action == ACTION_ALLOW) == allow_hits);
}

typedef enum search_result (*at_end)(void *context, struct search *search, const struct box *left);

static struct search search_of(struct analysis *analysis, struct arena *arena, at_end end, void *context)
{
    return (struct search){.arena = arena, .steps = analysis->steps, .count = analysis->step_count, .at_end = end,
                           .context = context, .work_max = WORK_MAX};
}

/* Searches each box in turn; FOUND: what was found stands in the search. */
static enum search_result search_boxes(struct search *search, const struct boxes *boxes)
{
    for (size_t i = 0; i < boxes->count; i++) {
        enum search_result result = search_run(search, &boxes->list[i]);
        if (result != SEARCH_NOTHING)
            return result;
    }
    return SEARCH_NOTHING;
}

static struct arena *scratch_new(void)
{
    struct arena *arena = arena_new();
    if (arena == NULL)
        abort(); /* as an arena does */
    return arena;
}

/* What of a rule's boxes lies in one state, from today on. */
static struct boxes in_state(struct analysis *analysis, struct arena *arena, const struct boxes *boxes, unsigned states)
{
    struct box *list = arena_take(arena, boxes->count * STATE_COUNT, sizeof *list), narrowed;
    size_t count = 0;
    for (size_t i = 0; i < boxes->count; i++)
        for (unsigned state = STATE_NEW; state < STATE_COUNT; state++)
            if (states & STATE_BIT(state) &&
                box_narrow(arena, &boxes->list[i], DIMENSION_STATE, box_numbers(arena, state, state), &narrowed) &&
                box_narrow(arena, &narrowed, DIMENSION_DAY,
                           box_numbers(arena, (uint64_t)(analysis->today > 0 ? analysis->today : 0), INT32_MAX), &narrowed))
                list[count++] = narrowed;
    return (struct boxes){count, list};
}

#define ALL_STATES 0x1eu

/* The box where no address is in a set that moves, except where the box asks for a member. */
static struct box without_members(const struct analysis *analysis, struct arena *arena, struct box box)
{
    struct box narrowed;
    for (uint32_t d = 0; d < MOVING_DIMENSIONS * analysis->ruleset->moving_count; d++)
        if (d % MOVING_DIMENSIONS != MOVING_FILLED &&
            box_narrow(arena, &box, DIMENSION_MOVING + d, box_numbers(arena, 0, 0), &narrowed))
            box = narrowed;
    return box;
}

/* What is found must not hang on who enters a set: whoever is in `abusers` is denied on purpose. */
static struct boxes all_without_members(const struct analysis *analysis, struct arena *arena, struct boxes boxes)
{
    struct box *list = arena_take(arena, boxes.count, sizeof *list);
    for (size_t i = 0; i < boxes.count; i++)
        list[i] = without_members(analysis, arena, boxes.list[i]);
    return (struct boxes){boxes.count, list};
}

static struct finding finding_of(enum finding_kind kind, uint32_t rule)
{
    return (struct finding){.kind = kind, .rule = rule};
}

static void set_witness(struct finding *finding, const struct box *box)
{
    finding->has_witness = true;
    finding->witness = region_witness(box);
}

/* ---- shadowed ---- */

static bool find_shadowed(struct analysis *analysis, uint32_t rule)
{
    struct arena *arena = scratch_new();
    struct boxes boxes = in_state(analysis, arena, &analysis->regions[rule], ALL_STATES);
    add_earlier(analysis, rule);
    struct search search = search_of(analysis, arena, search_end_is_hit, NULL);
    memset(analysis->touched, 0, analysis->ruleset->rule_count);
    search.touched = analysis->touched;
    bool shadowed = boxes.count > 0 && search_boxes(&search, &boxes) == SEARCH_NOTHING;
    if (shadowed) {
        struct finding finding = finding_of(FINDING_SHADOWED, rule);
        set_witness(&finding, &boxes.list[0]);
        for (uint32_t i = 0; i < rule; i++) {
            if (!analysis->touched[i])
                continue;
            if (finding.by_count < FINDING_BY_MAX)
                finding.by[finding.by_count++] = i;
            else
                finding.more = true;
        }
        analysis->take(analysis->context, &finding);
    }
    arena_free(arena);
    return shadowed;
}

/* ---- redundant ---- */

/* Does the rule do anything besides its verdict? */
static bool has_effects(const struct rule *rule)
{
    return rule->log.wanted || rule->limit != NULL || rule->timeouts != NULL || rule->mark_mask != 0 || rule->priority ||
           rule->loose || rule->action == ACTION_AUDIT;
}

static void find_redundant(struct analysis *analysis, uint32_t rule)
{
    const struct ruleset *ruleset = analysis->ruleset;
    const struct rule *own = &ruleset->rules[rule];
    if (has_effects(own))
        return;
    struct arena *arena = scratch_new();
    add_earlier(analysis, rule);
    for (uint32_t i = rule + 1; i < ruleset->rule_count; i++)
        if (!is_audit(analysis, i))
            add_steps(analysis, i, ruleset->rules[i].action != own->action || has_effects(&ruleset->rules[i]));
    bool same = own->action == ruleset->default_action && !ruleset->default_log.wanted;
    struct boxes valid = in_state(analysis, arena, &analysis->regions[rule], ALL_STATES & ~STATE_BIT(STATE_INVALID));
    struct boxes invalid = in_state(analysis, arena, &analysis->regions[rule], STATE_BIT(STATE_INVALID));
    struct search search = search_of(analysis, arena, same ? search_end_is_nothing : search_end_is_hit, NULL);
    bool redundant = search_boxes(&search, &valid) == SEARCH_NOTHING;
    search.at_end = own->action == ACTION_DENY ? search_end_is_nothing : search_end_is_hit;
    redundant = redundant && search_boxes(&search, &invalid) == SEARCH_NOTHING;
    if (redundant) {
        struct finding finding = finding_of(FINDING_REDUNDANT, rule);
        if (valid.count + invalid.count > 0)
            set_witness(&finding, valid.count > 0 ? &valid.list[0] : &invalid.list[0]);
        analysis->take(analysis->context, &finding);
    }
    arena_free(arena);
}

/* ---- continuation and openers ---- */

/* The box in another state, as packets of a connection in that state are. */
static struct box with_state(const struct analysis *analysis, struct arena *arena, const struct box *box, unsigned state)
{
    struct box other = box_with(arena, box, DIMENSION_STATE, box_numbers(arena, state, state));
    const struct rangeset *services = box_set(box, DIMENSION_SERVICE);
    struct rangeset tcp = box_numbers(arena, 6u << 16, 6u << 16 | 0xffff);
    if (!analysis->space.flags)
        return other;
    bool has_flags = (state == STATE_NEW || state == STATE_INVALID) && box_common(arena, services, &tcp).count > 0;
    return box_with(arena, &other, DIMENSION_FLAGS, box_numbers(arena, 0, has_flags ? 255 : 0));
}

struct continuation {
    struct analysis *analysis;
    const struct search_step *steps; /* of the verdicts */
    size_t count;
};

/* LEFT is admitted as new: is some of it denied as established? */
static enum search_result ask_established(void *context, struct search *search, const struct box *left)
{
    const struct continuation *continuation = context;
    struct analysis *analysis = continuation->analysis;
    struct box established = with_state(analysis, search->arena, left, STATE_ESTABLISHED);
    struct search inner = {.arena = search->arena, .steps = continuation->steps, .count = continuation->count,
                           .work = search->work, .work_max = WORK_MAX};
    inner.at_end = analysis->ruleset->default_action == ACTION_ALLOW ? search_end_is_nothing : search_end_is_hit;
    enum search_result result = search_run(&inner, &established);
    search->work = inner.work;
    search->found = inner.found;
    return result;
}

static void find_no_continuation(struct analysis *analysis, uint32_t rule)
{
    const struct rule *own = &analysis->ruleset->rules[rule];
    if (!analysis->states_written || own->action != ACTION_ALLOW || !(own->states & STATE_BIT(STATE_NEW)))
        return;
    struct arena *arena = scratch_new();
    struct boxes boxes = in_state(analysis, arena, &analysis->regions[rule], STATE_BIT(STATE_NEW));
    boxes = all_without_members(analysis, arena, boxes);
    add_verdicts(analysis, false);
    struct search_step *verdicts = arena_take(arena, analysis->step_count, sizeof *verdicts);
    struct continuation continuation = {analysis, verdicts, analysis->step_count};
    if (analysis->step_count > 0)
        memcpy(verdicts, analysis->steps, analysis->step_count * sizeof *verdicts);
    add_earlier(analysis, rule);
    struct search search = search_of(analysis, arena, ask_established, &continuation);
    if (search_boxes(&search, &boxes) == SEARCH_FOUND) {
        struct finding finding = finding_of(FINDING_NO_CONTINUATION, rule);
        set_witness(&finding, &search.found);
        analysis->take(analysis->context, &finding);
    }
    arena_free(arena);
}

static void find_no_opener(struct analysis *analysis, uint32_t rule)
{
    const struct rule *own = &analysis->ruleset->rules[rule];
    unsigned later = STATE_BIT(STATE_ESTABLISHED) | STATE_BIT(STATE_RELATED);
    if (own->action != ACTION_ALLOW || own->states & STATE_BIT(STATE_NEW) || !(own->states & later))
        return;
    struct arena *arena = scratch_new();
    struct boxes boxes = in_state(analysis, arena, &analysis->regions[rule], later);
    struct box *openings = arena_take(arena, boxes.count, sizeof *openings);
    for (size_t i = 0; i < boxes.count; i++)
        openings[i] = with_state(analysis, arena, &boxes.list[i], STATE_NEW);
    struct boxes as_new = {boxes.count, openings};
    add_verdicts(analysis, true);
    bool open = analysis->ruleset->default_action == ACTION_ALLOW;
    struct search search = search_of(analysis, arena, open ? search_end_is_hit : search_end_is_nothing, NULL);
    if (boxes.count > 0 && search_boxes(&search, &as_new) == SEARCH_NOTHING) {
        struct finding finding = finding_of(FINDING_NO_OPENER, rule);
        set_witness(&finding, &as_new.list[0]);
        analysis->take(analysis->context, &finding);
    }
    arena_free(arena);
}

/* ---- self ---- */

static bool is_plain_any(const struct endpoint *endpoint)
{
    return !endpoint->negated && endpoint->term_count == 1 && endpoint->terms[0].kind == TERM_ANY &&
           endpoint->terms[0].zone == 0;
}

static void find_wide_self(struct analysis *analysis, uint32_t rule)
{
    const struct rule *own = &analysis->ruleset->rules[rule];
    if (own->action != ACTION_ALLOW || !(analysis->ruleset->hooks & CHAIN_BIT(CHAIN_INPUT)) || !is_plain_any(&own->dst))
        return;
    struct arena *arena = scratch_new();
    struct boxes boxes = in_state(analysis, arena, &analysis->regions[rule], STATE_BIT(STATE_NEW));
    boxes = all_without_members(analysis, arena, boxes);
    struct box *inward = arena_take(arena, boxes.count, sizeof *inward);
    size_t count = 0;
    for (size_t i = 0; i < boxes.count; i++) {
        struct box box;
        if (box_narrow(arena, &boxes.list[i], DIMENSION_DST_SELF, box_numbers(arena, 1, 1), &box) &&
            box_narrow(arena, &box, DIMENSION_SRC_SELF, box_numbers(arena, 0, 0), &box) &&
            box_narrow(arena, &box, DIMENSION_DST_ZONE, box_numbers(arena, 0, 0), &box))
            inward[count++] = box;
    }
    struct boxes to_self = {count, inward};
    add_earlier(analysis, rule);
    struct search search = search_of(analysis, arena, search_end_is_hit, NULL);
    if (search_boxes(&search, &to_self) == SEARCH_FOUND) {
        struct finding finding = finding_of(FINDING_WIDE_SELF, rule);
        set_witness(&finding, &search.found);
        analysis->take(analysis->context, &finding);
    }
    arena_free(arena);
}

/* ---- all ---- */

static bool is_expired(const struct analysis *analysis, const struct rule *rule)
{
    return rule->until != 0 && analysis->ruleset->schedules[rule->until - 1].last_day < analysis->today;
}

static void analysis_init(struct analysis *analysis, const struct ruleset *ruleset, int32_t today, finding_take take,
                          void *context)
{
    *analysis = (struct analysis){.ruleset = ruleset, .today = today, .arena = scratch_new(), .take = take,
                                  .context = context};
    for (uint32_t i = 0; i < ruleset->rule_count; i++) {
        analysis->space.flags |= ruleset->rules[i].flagged;
        analysis->states_written |= ruleset->rules[i].states != STATES_BY_DEFAULT;
    }
    analysis->regions = arena_take(analysis->arena, ruleset->rule_count, sizeof *analysis->regions);
    analysis->touched = arena_take(analysis->arena, ruleset->rule_count, sizeof *analysis->touched);
    for (uint32_t i = 0; i < ruleset->rule_count; i++)
        analysis->regions[i] = region_of_rule(analysis->arena, ruleset, &ruleset->rules[i], &analysis->space);
}

static void analysis_fini(struct analysis *analysis)
{
    arena_free(analysis->arena);
    free(analysis->steps);
}

void findings_of(const struct ruleset *ruleset, int32_t today, finding_take take, void *context)
{
    struct analysis analysis;
    analysis_init(&analysis, ruleset, today, take, context);
    for (uint32_t rule = 0; rule < ruleset->rule_count; rule++) {
        struct finding finding = finding_of(FINDING_NEVER, rule);
        if (is_expired(&analysis, &ruleset->rules[rule])) {
            finding.kind = FINDING_EXPIRED;
            take(context, &finding);
        } else if (analysis.regions[rule].count == 0) {
            take(context, &finding);
        } else if (!find_shadowed(&analysis, rule)) {
            find_redundant(&analysis, rule);
            find_no_continuation(&analysis, rule);
            find_no_opener(&analysis, rule);
            find_wide_self(&analysis, rule);
        }
    }
    analysis_fini(&analysis);
}

/* What PROTECTED asks for: new connections begin with a SYN, and no set that moves has members yet, but where it is named. */
static struct boxes protected_boxes(struct analysis *analysis, struct arena *arena, const struct rule *protected)
{
    struct boxes region = region_of_rule(arena, analysis->ruleset, protected, &analysis->space);
    struct boxes boxes = in_state(analysis, arena, &region, ALL_STATES);
    struct box *list = arena_take(arena, boxes.count, sizeof *list);
    for (size_t i = 0; i < boxes.count; i++) {
        struct box box = boxes.list[i];
        const struct rangeset *flags = box_set(&box, DIMENSION_FLAGS);
        if (flags != NULL && flags->ranges[flags->count - 1].last.low > 0)
            box = box_with(arena, &box, DIMENSION_FLAGS, box_numbers(arena, 2, 2));
        list[i] = without_members(analysis, arena, box);
    }
    return (struct boxes){boxes.count, list};
}

void findings_of_protection(const struct ruleset *ruleset, int32_t today, finding_take take, void *context)
{
    struct analysis analysis;
    if (ruleset->protect_count == 0)
        return;
    analysis_init(&analysis, ruleset, today, take, context);
    for (uint32_t i = 0; i < ruleset->protect_count; i++) {
        struct arena *arena = scratch_new();
        struct boxes boxes = protected_boxes(&analysis, arena, &ruleset->protects[i]);
        add_verdicts(&analysis, false);
        bool open = ruleset->default_action == ACTION_ALLOW;
        struct search search = search_of(&analysis, arena, open ? search_end_is_nothing : search_end_is_hit, NULL);
        enum search_result result = search_boxes(&search, &boxes);
        struct finding finding = finding_of(FINDING_PROTECT, i);
        if (result == SEARCH_FOUND)
            set_witness(&finding, &search.found);
        /* What cannot be proved is not protected: fail closed. */
        if (result != SEARCH_NOTHING)
            take(context, &finding);
        arena_free(arena);
    }
    analysis_fini(&analysis);
}
