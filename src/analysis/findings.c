#include "analysis/findings.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/witness.h"

static struct finding finding_of(enum finding_kind kind, uint32_t rule)
{
    return (struct finding){.kind = kind, .rule = rule};
}

static bool set_witness(const struct analysis *analysis, struct finding *finding, const struct box *box)
{
    finding->has_witness = region_witness_known(box, analysis->ruleset, analysis->today, &finding->witness);
    return finding->has_witness;
}

/*
 * The connections that RULE could open. What is found must not hang on who enters a set: whoever is in `abusers` is denied on
 * purpose.
 */
static struct boxes openings_of(struct analysis *analysis, struct arena *arena, uint32_t rule)
{
    struct boxes boxes = analysis_in_states(analysis, arena, &analysis->regions[rule], STATE_BIT(STATE_NEW));
    struct box *list = arena_take(arena, boxes.count, sizeof *list);
    for (size_t i = 0; i < boxes.count; i++)
        list[i] = analysis_without_members(analysis, arena, boxes.list[i]);
    return (struct boxes){.count = boxes.count, .list = list};
}

/* Tells FINDING with what SEARCH finds in BOXES; where that is no packet that can be shown nothing is said. */
static void tell_found(struct analysis *analysis, struct search *search, const struct boxes *boxes, struct finding finding)
{
    if (analysis_run(analysis, search, boxes) == SEARCH_FOUND && set_witness(analysis, &finding, &search->found))
        analysis->take(analysis->context, &finding);
}

/* ---- shadowed ---- */

/* So many rules that take packets are tried one by one: can it be left out? */
#define COVERS_TRIED_MAX 32

/* Of the rules whose cuts made the proof those without which it does not hold are named: the fewest that do it, mostly. */
static void name_covers(struct analysis *analysis, struct arena *arena, const struct boxes *boxes, struct finding *finding)
{
    uint32_t rule = finding->rule, used[COVERS_TRIED_MAX], count = 0;
    struct search search = analysis_search(analysis, arena, rule, search_end_is_hit);
    bool undecided = analysis->undecided;
    search.roles = analysis->roles;
    for (uint32_t i = 0; i < rule; i++) {
        analysis->roles[i] = analysis->used[i] ? SEARCH_CUT : SEARCH_PASS;
        if (analysis->used[i] && count < COVERS_TRIED_MAX)
            used[count++] = i;
    }
    for (uint32_t i = count; i-- > 0 && count > 1;) {
        analysis->roles[used[i]] = SEARCH_PASS;
        if (analysis_run(analysis, &search, boxes) != SEARCH_NOTHING)
            analysis->roles[used[i]] = SEARCH_CUT;
    }
    analysis->undecided = undecided; /* that a proof may be longer than it need be leaves nothing out */
    for (uint32_t i = 0; i < rule; i++) {
        if (analysis->roles[i] != SEARCH_CUT)
            continue;
        if (finding->by_count < FINDING_BY_MAX)
            finding->by[finding->by_count++] = i;
        else
            finding->more = true;
    }
}

static bool find_shadowed(struct analysis *analysis, uint32_t rule)
{
    struct arena *arena = analysis_scratch();
    struct boxes boxes = analysis_in_states(analysis, arena, &analysis->regions[rule], ALL_STATES);
    struct search search = analysis_search(analysis, arena, rule, search_end_is_hit);
    memset(analysis->used, 0, rule);
    search.used = analysis->used;
    bool shadowed = boxes.count > 0 && analysis_run(analysis, &search, &boxes) == SEARCH_NOTHING;
    if (shadowed) {
        struct finding finding = finding_of(FINDING_SHADOWED, rule);
        set_witness(analysis, &finding, &boxes.list[0]);
        name_covers(analysis, arena, &boxes, &finding);
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
           rule->loose || rule->alg != NULL || rule->action == ACTION_AUDIT;
}

/* Behind RULE: where ANOTHER takes its packets, is that something else? */
static bool replaces_otherwise(const struct analysis *analysis, uint32_t another, uint32_t rule)
{
    const struct rule *rules = analysis->ruleset->rules;
    return another > rule && (rules[another].action != rules[rule].action || has_effects(&rules[another]));
}

/* Does something else happen to a packet of BOXES without the rule that is passed over? Left to the default, it does where MATTERS. */
static bool changes(struct analysis *analysis, struct arena *arena, const struct boxes *boxes, bool matters)
{
    struct search search =
        analysis_search(analysis, arena, (uint32_t)analysis->ruleset->rule_count, matters ? search_end_is_hit : NULL);
    search.roles = analysis->roles;
    return analysis_run(analysis, &search, boxes) != SEARCH_NOTHING;
}

static bool has_other_verdict(const struct analysis *analysis, uint32_t another, uint32_t rule)
{
    const struct rule *rules = analysis->ruleset->rules;
    return another < rule && rules[another].action != rules[rule].action;
}

/* Does ANOTHER match packets that RULE does not? One that does not is an exception, and RULE speaks of the rest. */
static bool reaches_out(struct analysis *analysis, struct arena *arena, uint32_t another, uint32_t rule)
{
    struct boxes boxes = analysis_in_states(analysis, arena, &analysis->regions[another], ALL_STATES);
    struct search search = analysis_search(analysis, arena, rule + 1, search_end_is_hit);
    uint8_t *roles = arena_take(arena, rule + 1, 1);
    memset(roles, SEARCH_PASS, rule);
    roles[rule] = SEARCH_CUT;
    search.roles = roles;
    return analysis_run(analysis, &search, &boxes) == SEARCH_FOUND;
}

/* So many exceptions are looked at. */
#define EXCEPTIONS_MAX 32

/* A rule above that takes packets of RULE and is no exception from it: RULE comes too late for what it says. */
static bool comes_late(struct analysis *analysis, struct arena *arena, const struct boxes *boxes, struct finding *finding)
{
    uint32_t rule = finding->rule, decider;
    enum action action;
    struct search search = analysis_search(analysis, arena, rule, NULL);
    analysis_set_roles(analysis, analysis->roles, has_other_verdict, rule);
    search.roles = analysis->roles;
    for (unsigned tried = 0; tried < EXCEPTIONS_MAX; tried++) {
        if (analysis_run(analysis, &search, boxes) != SEARCH_FOUND || !set_witness(analysis, finding, &search.found) ||
            !witness_classify(analysis->ruleset, &finding->witness, &decider, &action) || decider >= rule)
            return false;
        if (reaches_out(analysis, arena, decider, rule)) {
            finding->by[finding->by_count++] = decider;
            return true;
        }
        analysis->roles[decider] = SEARCH_CUT;
    }
    analysis->undecided = true;
    return false;
}

static void find_redundant(struct analysis *analysis, uint32_t rule)
{
    const struct ruleset *ruleset = analysis->ruleset;
    const struct rule *own = &ruleset->rules[rule];
    if (has_effects(own))
        return;
    struct arena *arena = analysis_scratch();
    struct finding finding = finding_of(FINDING_REDUNDANT, rule);
    analysis_set_roles(analysis, analysis->roles, replaces_otherwise, rule);
    analysis->roles[rule] = SEARCH_PASS;
    bool same = own->action == ruleset->default_action;
    struct boxes valid = analysis_in_states(analysis, arena, &analysis->regions[rule], ALL_STATES & ~STATE_BIT(STATE_INVALID));
    struct boxes invalid = analysis_in_states(analysis, arena, &analysis->regions[rule], STATE_BIT(STATE_INVALID));
    bool redundant = !changes(analysis, arena, &valid, !same) &&
                     !changes(analysis, arena, &invalid, own->action != ACTION_DENY);
    /* It may be there to keep packets out of the default's log. */
    if (redundant && same && ruleset->default_log.wanted && changes(analysis, arena, &valid, true))
        redundant = comes_late(analysis, arena, &valid, &finding);
    if (redundant) {
        if (finding.by_count == 0 && valid.count + invalid.count > 0)
            set_witness(analysis, &finding, valid.count > 0 ? &valid.list[0] : &invalid.list[0]);
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

/* LEFT is admitted as new: is some of it denied as established? */
static enum search_result ask_established(void *context, struct search *search, const struct box *left)
{
    struct analysis *analysis = context;
    struct box established = with_state(analysis, search->arena, left, STATE_ESTABLISHED);
    struct search inner = *search;
    inner.count = analysis->box_count;
    inner.roles = analysis->verdicts;
    inner.at_end = analysis->ruleset->default_action == ACTION_ALLOW ? NULL : search_end_is_hit;
    enum search_result result = search_run(&inner, &established);
    search->found = inner.found;
    return result;
}

static void find_no_continuation(struct analysis *analysis, uint32_t rule)
{
    const struct rule *own = &analysis->ruleset->rules[rule];
    if (!analysis->states_written || own->action != ACTION_ALLOW || !(own->states & STATE_BIT(STATE_NEW)))
        return;
    struct arena *arena = analysis_scratch();
    struct boxes boxes = openings_of(analysis, arena, rule);
    struct search search = analysis_search(analysis, arena, rule, ask_established);
    search.context = analysis;
    tell_found(analysis, &search, &boxes, finding_of(FINDING_NO_CONTINUATION, rule));
    arena_free(arena);
}

static void find_no_opener(struct analysis *analysis, uint32_t rule)
{
    const struct ruleset *ruleset = analysis->ruleset;
    const struct rule *own = &ruleset->rules[rule];
    unsigned later = STATE_BIT(STATE_ESTABLISHED) | STATE_BIT(STATE_RELATED);
    if (own->action != ACTION_ALLOW || own->states & STATE_BIT(STATE_NEW) || !(own->states & later))
        return;
    struct arena *arena = analysis_scratch();
    struct boxes boxes = analysis_in_states(analysis, arena, &analysis->regions[rule], later);
    struct box *openings = arena_take(arena, boxes.count, sizeof *openings);
    for (size_t i = 0; i < boxes.count; i++)
        openings[i] = with_state(analysis, arena, &boxes.list[i], STATE_NEW);
    struct boxes as_new = {.count = boxes.count, .list = openings};
    analysis_set_roles(analysis, analysis->roles, analysis_allows, 0);
    bool open = ruleset->default_action == ACTION_ALLOW;
    struct search search = analysis_search(analysis, arena, (uint32_t)ruleset->rule_count, open ? search_end_is_hit : NULL);
    search.roles = analysis->roles;
    if (boxes.count > 0 && analysis_run(analysis, &search, &as_new) == SEARCH_NOTHING) {
        struct finding finding = finding_of(FINDING_NO_OPENER, rule);
        set_witness(analysis, &finding, &as_new.list[0]);
        analysis->take(analysis->context, &finding);
    }
    arena_free(arena);
}

/* ---- self ---- */

/* `any` or `!x`: written with the gateway's neighbours in mind, and holds the gateway too. */
static bool is_wide(const struct endpoint *endpoint)
{
    return endpoint->negated ||
           (endpoint->term_count == 1 && endpoint->terms[0].kind == TERM_ANY && endpoint->terms[0].zone == 0);
}

static void find_wide_self(struct analysis *analysis, uint32_t rule)
{
    const struct rule *own = &analysis->ruleset->rules[rule];
    if (own->action != ACTION_ALLOW || !(analysis->ruleset->hooks & CHAIN_BIT(CHAIN_INPUT)) || !is_wide(&own->dst))
        return;
    struct arena *arena = analysis_scratch();
    struct boxes boxes = openings_of(analysis, arena, rule);
    struct box *inward = arena_take(arena, boxes.count, sizeof *inward);
    size_t count = 0;
    for (size_t i = 0; i < boxes.count; i++) {
        struct box box;
        if (box_narrow(arena, &boxes.list[i], DIMENSION_DST_SELF, box_numbers(arena, 1, 1), &box) &&
            box_narrow(arena, &box, DIMENSION_SRC_SELF, box_numbers(arena, 0, 0), &box) &&
            box_narrow(arena, &box, DIMENSION_DST_ZONE, box_numbers(arena, 0, 0), &box))
            inward[count++] = box;
    }
    struct boxes to_self = {.count = count, .list = inward};
    struct search search = analysis_search(analysis, arena, rule, search_end_is_hit);
    tell_found(analysis, &search, &to_self, finding_of(FINDING_WIDE_SELF, rule));
    arena_free(arena);
}

/* ---- application-layer gateways ---- */

/* The new connections to one service, or to all services of the rule (NULL), of which the rule decides. */
static void find_opened(struct analysis *analysis, struct finding finding, const struct service_item *item)
{
    struct arena *arena = analysis_scratch();
    struct boxes boxes = openings_of(analysis, arena, finding.rule);
    struct box *asked = arena_take(arena, boxes.count, sizeof *asked);
    size_t count = 0;
    for (size_t i = 0; i < boxes.count; i++) {
        asked[count] = boxes.list[i];
        uint32_t service = item == NULL ? 0 : (uint32_t)item->protocol << 16 | item->first;
        count += item == NULL || box_narrow(arena, &boxes.list[i], DIMENSION_SERVICE, box_numbers(arena, service, service),
                                            &asked[count]);
    }
    struct boxes opened = {.count = count, .list = asked};
    struct search search = analysis_search(analysis, arena, finding.rule, search_end_is_hit);
    tell_found(analysis, &search, &opened, finding);
    arena_free(arena);
}

/* The ALG without which connections to this service are of no use; a range of ports is not meant for one protocol. */
static enum alg_name alg_needed(const struct service_item *item)
{
    for (enum alg_name name = ALG_NONE + 1; name < ALG_NAME_COUNT && item->first == item->last; name++)
        if (alg_name_port(name) != 0 && alg_name_port(name) == item->first && alg_name_over(name, item->protocol))
            return name;
    return ALG_NONE;
}

static void find_no_alg(struct analysis *analysis, uint32_t rule)
{
    const struct rule *own = &analysis->ruleset->rules[rule];
    if (own->action != ACTION_ALLOW || own->alg != NULL)
        return;
    struct finding finding = finding_of(FINDING_NO_ALG, rule);
    size_t i = 0;
    while (i < own->service_count && (finding.alg = alg_needed(&own->services[i])) == ALG_NONE)
        i++;
    if (i < own->service_count)
        find_opened(analysis, finding, &own->services[i]);
}

static void find_wide_alg(struct analysis *analysis, uint32_t rule)
{
    const struct rule *own = &analysis->ruleset->rules[rule];
    if (own->action == ACTION_ALLOW && own->alg != NULL && is_wide(&own->src) && is_wide(&own->dst))
        find_opened(analysis, finding_of(FINDING_WIDE_ALG, rule), NULL);
}

/* ---- all ---- */

static bool is_expired(const struct analysis *analysis, const struct rule *rule)
{
    return rule->until != 0 && analysis->ruleset->schedules[rule->until - 1].last_day < analysis->today;
}

static void find_all(struct analysis *analysis, uint32_t rule)
{
    struct finding finding = finding_of(FINDING_NEVER, rule);
    if (is_expired(analysis, &analysis->ruleset->rules[rule])) {
        finding.kind = FINDING_EXPIRED;
        analysis->take(analysis->context, &finding);
    } else if (analysis->regions[rule].incomplete || analysis->work > WORK_ALL_MAX) {
        analysis->undecided = true;
    } else if (analysis->regions[rule].count == 0) {
        analysis->take(analysis->context, &finding);
    } else if (!find_shadowed(analysis, rule)) {
        find_redundant(analysis, rule);
        find_no_continuation(analysis, rule);
        find_no_opener(analysis, rule);
        find_wide_self(analysis, rule);
        find_no_alg(analysis, rule);
        find_wide_alg(analysis, rule);
    }
}

struct findings_left findings_of(const struct ruleset *ruleset, int32_t today, finding_take take, void *context)
{
    struct analysis analysis;
    struct findings_left left = {0, 0};
    analysis_init(&analysis, ruleset, today, take, context);
    for (uint32_t rule = 0; rule < ruleset->rule_count; rule++) {
        analysis.undecided = false;
        find_all(&analysis, rule);
        if (analysis.undecided && left.rules++ == 0)
            left.first = rule;
    }
    analysis_fini(&analysis);
    return left;
}

/* What PROTECTED asks for: new connections begin with a SYN, and no set that moves has members yet, but where it is named. */
static struct boxes protected_boxes(struct analysis *analysis, struct arena *arena, const struct rule *protected)
{
    struct boxes region = region_of_rule(arena, analysis->ruleset, protected, &analysis->space);
    struct boxes boxes = analysis_in_states(analysis, arena, &region, ALL_STATES);
    struct box *list = arena_take(arena, boxes.count, sizeof *list);
    for (size_t i = 0; i < boxes.count; i++) {
        struct box box = boxes.list[i];
        const struct rangeset *flags = box_set(&box, DIMENSION_FLAGS);
        if (flags != NULL && flags->ranges[flags->count - 1].last.low > 0)
            box = box_with(arena, &box, DIMENSION_FLAGS, box_numbers(arena, 2, 2));
        list[i] = analysis_without_members(analysis, arena, box);
    }
    return (struct boxes){boxes.count, list, region.incomplete};
}

/* Does antispoof refuse an address that PROTECTED wants let in from a zone? */
static bool find_refused(const struct analysis *analysis, struct arena *arena, const struct rule *protected,
                         const struct boxes *boxes, struct finding *finding)
{
    for (size_t t = 0; t < protected->src.term_count && !protected->src.negated; t++) {
        const struct endpoint_term *term = &protected->src.terms[t];
        struct address spoofed;
        struct box box;
        if (term->kind != TERM_SET || term->zone == 0 ||
            !ruleset_spoofed_member(analysis->ruleset, &term->set->members, term->zone, &spoofed))
            continue;
        struct address_range *one = arena_take(arena, 1, sizeof *one);
        *one = (struct address_range){spoofed, spoofed};
        for (size_t i = 0; i < boxes->count && !finding->refused; i++)
            finding->refused = box_narrow(arena, &boxes->list[i], DIMENSION_SRC, (struct rangeset){1, one}, &box) &&
                               box_narrow(arena, &box, DIMENSION_SRC_ZONE, box_numbers(arena, term->zone, term->zone), &box) &&
                               set_witness(analysis, finding, &box);
        if (finding->refused)
            return true;
    }
    return false;
}

void findings_of_protection(const struct ruleset *ruleset, int32_t today, finding_take take, void *context)
{
    struct analysis analysis;
    if (ruleset->protect_count == 0)
        return;
    analysis_init(&analysis, ruleset, today, take, context);
    for (uint32_t i = 0; i < ruleset->protect_count; i++) {
        struct arena *arena = analysis_scratch();
        struct boxes boxes = protected_boxes(&analysis, arena, &ruleset->protects[i]);
        bool open = ruleset->default_action == ACTION_ALLOW;
        struct search search =
            analysis_search(&analysis, arena, (uint32_t)ruleset->rule_count, open ? NULL : search_end_is_hit);
        search.roles = analysis.verdicts;
        enum search_result result = analysis_run(&analysis, &search, &boxes);
        struct finding finding = finding_of(FINDING_PROTECT, i);
        if (find_refused(&analysis, arena, &ruleset->protects[i], &boxes, &finding))
            result = SEARCH_FOUND;
        else if (result == SEARCH_FOUND && !boxes.incomplete)
            set_witness(&analysis, &finding, &search.found);
        if (result != SEARCH_NOTHING)
            take(context, &finding);
        arena_free(arena);
    }
    analysis_fini(&analysis);
}
