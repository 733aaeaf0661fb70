#include "analysis/diff.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/search.h"

/* Boxes compared in all. */
#define WORK_MAX 200000000u

enum { OLD, NEW, PARTIES };

/* One ruleset in the common space. */
struct party {
    const struct ruleset *ruleset;
    struct space space;
    struct search_box *boxes; /* of all its rules */
    uint32_t *kinds;          /* by box: the same number, in both rulesets, where box and action are the same */
    size_t count;
};

struct comparison {
    struct party parties[PARTIES];
    struct arena *arena;   /* what lives as long as the comparison */
    struct arena *scratch; /* what is given back at the way up */
    struct differences *out;
    int32_t today;
    uint64_t work;
};

/* What lies before a box in one ruleset: indices of its boxes, up to the first that holds it all. */
struct ahead {
    size_t count;
    uint32_t *list;
    bool closed; /* the last one holds all of it: the default has no part */
};

static void *on_heap(size_t count, size_t size)
{
    void *taken = calloc(count > 0 ? count : 1, size);
    if (taken == NULL)
        abort(); /* as an arena does */
    return taken;
}

static struct arena *arena(void)
{
    struct arena *made = arena_new();
    if (made == NULL)
        abort(); /* as an arena does */
    return made;
}

/* ---- who decides ---- */

/* The verdict of PARTY's default about packets of BOX, which are either all invalid or none of them is. */
static enum action default_verdict(const struct party *party, const struct box *box)
{
    const struct rangeset *states = box_set(box, DIMENSION_STATE);
    return states->ranges[0].first.low == STATE_INVALID ? ACTION_DENY : party->ruleset->default_action;
}

static uint32_t rule_at(const struct party *party, const struct ahead *ahead, size_t place)
{
    return place < ahead->count ? party->boxes[ahead->list[place]].rule : RULE_DEFAULT;
}

static enum action verdict_at(const struct party *party, const struct ahead *ahead, size_t place, const struct box *box)
{
    uint32_t rule = rule_at(party, ahead, place);
    return rule != RULE_DEFAULT ? party->ruleset->rules[rule].action : default_verdict(party, box);
}

static void add_change(struct comparison *comparison, const struct ahead ahead[PARTIES], const struct box *box)
{
    const struct party *parties = comparison->parties;
    struct differences *out = comparison->out;
    struct change change = {rule_at(&parties[OLD], &ahead[OLD], 0), rule_at(&parties[NEW], &ahead[NEW], 0),
                            verdict_at(&parties[OLD], &ahead[OLD], 0, box), verdict_at(&parties[NEW], &ahead[NEW], 0, box),
                            {.timed = false}};
    if (change.old_action == change.new_action)
        return;
    for (size_t i = 0; i < out->count; i++)
        if (out->changes[i].old_rule == change.old_rule && out->changes[i].new_rule == change.new_rule)
            return;
    if (out->count == DIFF_CHANGES_MAX) {
        out->given_up = true;
        return;
    }
    if (!region_witness(box, comparison->today, &change.witness))
        return;
    out->changes[out->count++] = change;
}

/* Do all that could decide about BOX, in both rulesets, say the same? */
static bool agree(const struct comparison *comparison, const struct ahead ahead[PARTIES], const struct box *box)
{
    enum action verdict = verdict_at(&comparison->parties[OLD], &ahead[OLD], 0, box);
    for (unsigned p = 0; p < PARTIES; p++)
        for (size_t i = 0; i < ahead[p].count + !ahead[p].closed; i++)
            if (verdict_at(&comparison->parties[p], &ahead[p], i, box) != verdict)
                return false;
    return true;
}

/* ---- the walk ---- */

static void go_on(struct comparison *comparison, const struct box *box, const struct ahead ahead[PARTIES]);

/* Those of BEFORE that have to do with PIECE; BEFORE without a list: all. */
static struct ahead ahead_of(struct comparison *comparison, const struct party *party, const struct box *piece,
                             const struct ahead *before)
{
    struct search_box bounded = search_box_of(piece, 0);
    size_t most = before->list != NULL ? before->count : party->count;
    struct ahead ahead = {0, arena_take(comparison->scratch, most, sizeof *ahead.list), false};
    for (size_t i = 0; i < most && !ahead.closed; i++) {
        uint32_t index = before->list != NULL ? before->list[i] : (uint32_t)i;
        comparison->work++;
        if (!search_meets(&bounded, &party->boxes[index]))
            continue;
        ahead.list[ahead.count++] = index;
        ahead.closed = box_reaches_out(piece, &party->boxes[index].box, 1) == 0;
    }
    return ahead;
}

static void go_on_with(struct comparison *comparison, const struct box *piece, const struct ahead before[PARTIES])
{
    struct ahead ahead[PARTIES];
    for (unsigned p = 0; p < PARTIES; p++)
        ahead[p] = ahead_of(comparison, &comparison->parties[p], piece, &before[p]);
    go_on(comparison, piece, ahead);
}

/* Goes on with what of BOX lies in CUT, and with what lies outside, piece by piece. */
static void split(struct comparison *comparison, const struct box *box, const struct box *cut,
                  const struct ahead ahead[PARTIES])
{
    struct arena *scratch = comparison->scratch;
    struct box left = *box;
    for (size_t i = 0; i < cut->count; i++) {
        uint32_t dimension = cut->constraints[i].dimension;
        const struct rangeset *taken = &cut->constraints[i].set, *said = box_set(&left, dimension);
        struct rangeset own = said != NULL ? *said : box_domain(dimension);
        struct arena_mark mark = arena_mark(scratch);
        struct rangeset outside = box_without(scratch, &own, taken);
        if (outside.count > 0) {
            struct box piece = box_with(scratch, &left, dimension, outside);
            go_on_with(comparison, &piece, ahead);
        }
        arena_release(scratch, mark);
        left = box_with(scratch, &left, dimension, box_common(scratch, &own, taken));
    }
    go_on_with(comparison, &left, ahead);
}

/* The place in AHEAD, from FROM on, of a box that does not hold all; the count, when there is none. */
static size_t open_place(const struct ahead *ahead, size_t from)
{
    size_t open = ahead->count - ahead->closed;
    return from < open ? from : ahead->count;
}

/*
 * Where both go on with the same, they decide the same. So the box is split first by what only one of them has: that brings
 * everything outside of it to an end at once.
 */
static void go_on(struct comparison *comparison, const struct box *box, const struct ahead ahead[PARTIES])
{
    const struct party *parties = comparison->parties;
    size_t same = 0, place;
    if (comparison->work > WORK_MAX || comparison->out->given_up) {
        comparison->out->given_up = true;
        return;
    }
    if (agree(comparison, ahead, box))
        return;
    while (same < ahead[OLD].count && same < ahead[NEW].count &&
           parties[OLD].kinds[ahead[OLD].list[same]] == parties[NEW].kinds[ahead[NEW].list[same]])
        same++;
    bool defaults = !ahead[OLD].closed && default_verdict(&parties[OLD], box) != default_verdict(&parties[NEW], box);
    if (same == ahead[OLD].count && same == ahead[NEW].count && !defaults)
        return;
    for (unsigned from = 0; from < 2; from++)
        for (unsigned p = 0; p < PARTIES; p++) {
            place = open_place(&ahead[p], from == 0 ? same : 0);
            if (place == ahead[p].count)
                continue;
            split(comparison, box, &parties[p].boxes[ahead[p].list[place]].box, ahead);
            return;
        }
    add_change(comparison, ahead, box);
}

/* ---- the common space ---- */

/* The interface that stands for all that NAME, a name or a pattern, means: no other pattern knows it. */
static const char *representative(struct arena *in, const char *name)
{
    size_t length = strlen(name);
    char *copy = arena_text(in, name, length);
    if (length > 0 && copy[length - 1] == '+')
        copy[length - 1] = '\x7f';
    return copy;
}

static void add_pair(struct comparison *comparison, const char *interface)
{
    const struct ruleset *old = comparison->parties[OLD].ruleset, *fresh = comparison->parties[NEW].ruleset;
    struct differences *out = comparison->out;
    const char *name = representative(comparison->arena, interface);
    struct zone_pair pair = {ruleset_zone_of(old, name), ruleset_zone_of(fresh, name), interface};
    for (size_t i = 0; i < out->zone_count; i++)
        if (out->zones[i].old_zone == pair.old_zone && out->zones[i].new_zone == pair.new_zone)
            return;
    if (strcmp(old->zones[pair.old_zone].name, fresh->zones[pair.new_zone].name) == 0)
        pair.name = old->zones[pair.old_zone].name;
    out->zones[out->zone_count++] = pair;
}

/* Which pairs make up each zone of a ruleset. */
static void number_zones(struct comparison *comparison, unsigned p)
{
    struct party *party = &comparison->parties[p];
    const struct differences *out = comparison->out;
    struct rangeset *zones = arena_take(comparison->arena, party->ruleset->zone_count, sizeof *zones);
    for (size_t z = 0; z < party->ruleset->zone_count; z++) {
        zones[z].ranges = arena_take(comparison->arena, out->zone_count, sizeof *zones[z].ranges);
        for (size_t i = 0; i < out->zone_count; i++)
            if ((p == OLD ? out->zones[i].old_zone : out->zones[i].new_zone) == z)
                zones[z].ranges[zones[z].count++] = (struct address_range){{0, i}, {0, i}};
        rangeset_normalise(&zones[z]);
    }
    party->space.zones = zones;
}

static void make_zones(struct comparison *comparison)
{
    struct differences *out = comparison->out;
    size_t interfaces = 1;
    for (unsigned p = 0; p < PARTIES; p++)
        for (size_t z = 1; z < comparison->parties[p].ruleset->zone_count; z++)
            interfaces += comparison->parties[p].ruleset->zones[z].interface_count;
    out->zones = on_heap(interfaces, sizeof *out->zones);
    out->zones[out->zone_count++] = (struct zone_pair){0, 0, ""};
    for (unsigned p = 0; p < PARTIES; p++)
        for (size_t z = 1; z < comparison->parties[p].ruleset->zone_count; z++)
            for (size_t i = 0; i < comparison->parties[p].ruleset->zones[z].interface_count; i++)
                add_pair(comparison, comparison->parties[p].ruleset->zones[z].interfaces[i]);
    number_zones(comparison, OLD);
    number_zones(comparison, NEW);
}

static void make_moving(struct comparison *comparison)
{
    const struct ruleset *old = comparison->parties[OLD].ruleset, *fresh = comparison->parties[NEW].ruleset;
    struct differences *out = comparison->out;
    uint16_t *numbers = arena_take(comparison->arena, fresh->moving_count, sizeof *numbers);
    out->moving = on_heap(old->moving_count + fresh->moving_count, sizeof *out->moving);
    for (uint32_t i = 0; i < old->moving_count; i++)
        out->moving[out->moving_count++] = (struct moving_pair){i + 1, 0, old->moving[i].name};
    for (uint32_t i = 0; i < fresh->moving_count; i++) {
        size_t place = 0;
        while (place < old->moving_count && strcmp(old->moving[place].name, fresh->moving[i].name) != 0)
            place++;
        if (place == old->moving_count) {
            place = out->moving_count++;
            out->moving[place].name = fresh->moving[i].name;
        }
        out->moving[place].new_set = i + 1;
        numbers[i] = (uint16_t)place;
    }
    comparison->parties[NEW].space.moving = numbers;
}

static bool boxes_equal(const struct box *a, const struct box *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct constraint *x = &a->constraints[i], *y = &b->constraints[i];
        if (x->dimension != y->dimension || x->set.count != y->set.count ||
            memcmp(x->set.ranges, y->set.ranges, x->set.count * sizeof *x->set.ranges) != 0)
            return false;
    }
    return true;
}

/* FNV-1a over a box's ranges and what its rule does. */
static uint32_t box_hash(const struct box *box, enum action action)
{
    uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)action;
    for (size_t i = 0; i < box->count; i++) {
        hash = (hash ^ box->constraints[i].dimension) * 0x100000001b3u;
        for (size_t k = 0; k < box->constraints[i].set.count; k++) {
            const struct address_range *range = &box->constraints[i].set.ranges[k];
            hash = (hash ^ range->first.high) * 0x100000001b3u;
            hash = (hash ^ range->first.low) * 0x100000001b3u;
            hash = (hash ^ range->last.high) * 0x100000001b3u;
            hash = (hash ^ range->last.low) * 0x100000001b3u;
        }
    }
    return (uint32_t)(hash ^ hash >> 32);
}

/* Boxes of both rulesets by their kind: open addressing; a slot holds the kind's first box plus one, new ones behind old. */
static void number_kinds(struct comparison *comparison)
{
    struct party *parties = comparison->parties;
    size_t total = parties[OLD].count + parties[NEW].count, size = 16;
    while (size < 2 * total)
        size *= 2;
    uint32_t *slots = arena_take(comparison->arena, size, sizeof *slots);
    for (uint32_t n = 0; n < total; n++) {
        struct party *party = &parties[n < parties[OLD].count ? OLD : NEW];
        uint32_t index = n < parties[OLD].count ? n : n - (uint32_t)parties[OLD].count;
        enum action action = party->ruleset->rules[party->boxes[index].rule].action;
        uint32_t slot = box_hash(&party->boxes[index].box, action) & (uint32_t)(size - 1);
        for (;; slot = (slot + 1) & (uint32_t)(size - 1)) {
            uint32_t first = slots[slot];
            if (first == 0)
                break;
            const struct party *its = &parties[first - 1 < parties[OLD].count ? OLD : NEW];
            uint32_t place = first - 1 < parties[OLD].count ? first - 1 : first - 1 - (uint32_t)parties[OLD].count;
            if (its->ruleset->rules[its->boxes[place].rule].action == action &&
                boxes_equal(&its->boxes[place].box, &party->boxes[index].box))
                break;
        }
        if (slots[slot] == 0)
            slots[slot] = n + 1;
        party->kinds[index] = slots[slot];
    }
}

/* False: a rule has more boxes than can be compared. */
static bool make_boxes(struct comparison *comparison, struct party *party)
{
    size_t rules = party->ruleset->rule_count, count = 0;
    struct boxes *regions = arena_take(comparison->arena, rules, sizeof *regions);
    for (size_t i = 0; i < rules; i++) {
        if (party->ruleset->rules[i].action == ACTION_AUDIT)
            continue;
        regions[i] = region_of_rule(comparison->arena, party->ruleset, &party->ruleset->rules[i], &party->space);
        if (regions[i].incomplete)
            return false;
        party->count += regions[i].count;
    }
    party->boxes = arena_take(comparison->arena, party->count, sizeof *party->boxes);
    party->kinds = arena_take(comparison->arena, party->count, sizeof *party->kinds);
    for (size_t i = 0; i < rules; i++)
        for (size_t k = 0; k < regions[i].count; k++)
            party->boxes[count++] = search_box_of(&regions[i].list[k], (uint32_t)i);
    return true;
}

static bool make_space(struct comparison *comparison)
{
    bool flags = false;
    for (unsigned p = 0; p < PARTIES; p++)
        for (size_t i = 0; i < comparison->parties[p].ruleset->rule_count; i++)
            flags |= comparison->parties[p].ruleset->rules[i].flagged;
    for (unsigned p = 0; p < PARTIES; p++)
        comparison->parties[p].space.flags = flags;
    make_zones(comparison);
    make_moving(comparison);
    if (!make_boxes(comparison, &comparison->parties[OLD]) || !make_boxes(comparison, &comparison->parties[NEW]))
        return false;
    number_kinds(comparison);
    return true;
}

/* All packets in these states, from today on. */
static void compare_states(struct comparison *comparison, uint8_t states)
{
    struct boxes all = region_of_all(comparison->arena, &comparison->parties[OLD].space);
    const struct ahead everything[PARTIES] = {{0}, {0}};
    for (size_t i = 0; i < all.count && !comparison->out->given_up; i++) {
        struct box box;
        comparison->scratch = arena();
        if (box_narrow(comparison->scratch, &all.list[i], DIMENSION_STATE, region_states(comparison->scratch, states), &box)) {
            struct rangeset days = box_numbers(comparison->scratch, (uint64_t)comparison->today, INT32_MAX);
            struct rangeset zones = box_numbers(comparison->scratch, 0, comparison->out->zone_count - 1);
            box = box_with(comparison->scratch, &box, DIMENSION_DAY, days);
            box = box_with(comparison->scratch, &box, DIMENSION_SRC_ZONE, zones);
            box = box_with(comparison->scratch, &box, DIMENSION_DST_ZONE, zones);
            go_on_with(comparison, &box, everything);
        }
        arena_free(comparison->scratch);
    }
}

void differences_of(const struct ruleset *old, const struct ruleset *fresh, int32_t today, struct differences *differences)
{
    struct comparison comparison = {.parties = {{.ruleset = old}, {.ruleset = fresh}}, .arena = arena(), .out = differences,
                                    .today = today > 0 ? today : 0};
    *differences = (struct differences){.changes = on_heap(DIFF_CHANGES_MAX, sizeof *differences->changes)};
    if (make_space(&comparison)) {
        const uint8_t valid = STATE_BIT(STATE_NEW) | STATE_BIT(STATE_ESTABLISHED) | STATE_BIT(STATE_RELATED);
        compare_states(&comparison, valid);
        compare_states(&comparison, STATE_BIT(STATE_INVALID));
    } else {
        differences->given_up = true;
    }
    arena_free(comparison.arena);
}

void differences_fini(struct differences *differences)
{
    free(differences->changes);
    free(differences->zones);
    free(differences->moving);
}
