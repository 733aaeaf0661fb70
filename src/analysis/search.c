#include "analysis/search.h"

#include <string.h>

/* What still lies before a box: indices of the boxes that have packets in common with it, in order. */
struct ahead {
    size_t count;
    uint32_t *list;
};

enum search_result search_end_is_hit(void *context, struct search *search, const struct box *left)
{
    (void)context;
    search->found = *left;
    return SEARCH_FOUND;
}

static struct address_range bounds(const struct box *box, uint32_t dimension)
{
    const struct rangeset *set = box_set(box, dimension);
    return (struct address_range){set->ranges[0].first, set->ranges[set->count - 1].last};
}

struct search_box search_box_of(const struct box *box, uint32_t rule)
{
    return (struct search_box){*box, rule, bounds(box, DIMENSION_SERVICE), bounds(box, DIMENSION_SRC),
                               bounds(box, DIMENSION_DST)};
}

static bool apart(struct address_range a, struct address_range b)
{
    return address_compare(a.last, b.first) < 0 || address_compare(b.last, a.first) < 0;
}

bool search_meets(const struct search_box *a, const struct search_box *b)
{
    return !apart(a->service, b->service) && !apart(a->src, b->src) && !apart(a->dst, b->dst) &&
           box_intersects(&a->box, &b->box);
}

static uint8_t role_of(const struct search *search, uint32_t index)
{
    return search->roles[search->boxes[index].rule];
}

static void use(struct search *search, uint32_t index)
{
    if (search->used != NULL)
        search->used[search->boxes[index].rule] = true;
}

/* What one comparison with BOX costs: sets of thousands take their time. */
static uint64_t weight(const struct box *box)
{
    uint64_t ranges = 0;
    for (size_t i = 0; i < box->count; i++)
        ranges += box->constraints[i].set.count;
    return 1 + ranges / 32;
}

static bool spent(struct search *search, uint64_t work)
{
    *search->work += work;
    return *search->work > search->work_max;
}

static enum search_result go_on(struct search *search, const struct box *box, const struct ahead *ahead);

/* Goes on with PIECE, part of what AHEAD lies before; the one at SKIPPED is behind it. */
static enum search_result go_on_with(struct search *search, const struct box *piece, const struct ahead *ahead,
                                     size_t skipped)
{
    struct search_box bounded = search_box_of(piece, 0);
    struct ahead rest = {0, arena_take(search->arena, ahead->count, sizeof *rest.list)};
    if (spent(search, ahead->count * weight(piece)))
        return SEARCH_GIVEN_UP;
    for (size_t i = 0; i < ahead->count; i++)
        if (i != skipped && search_meets(&bounded, &search->boxes[ahead->list[i]]))
            rest.list[rest.count++] = ahead->list[i];
    return go_on(search, piece, &rest);
}

/* Goes on with all of BOX that lies outside of the box at CUTTER: one dimension after the other falls away. */
static enum search_result go_on_outside(struct search *search, const struct box *box, const struct ahead *ahead,
                                        size_t cutter)
{
    const struct box *cut = &search->boxes[ahead->list[cutter]].box;
    struct arena *arena = search->arena;
    struct box left = *box;
    for (size_t i = 0; i < cut->count; i++) {
        uint32_t dimension = cut->constraints[i].dimension;
        const struct rangeset *taken = &cut->constraints[i].set, *said = box_set(&left, dimension);
        struct rangeset own = said != NULL ? *said : box_domain(dimension);
        struct arena_mark mark = arena_mark(arena);
        struct rangeset outside = box_without(arena, &own, taken);
        if (outside.count > 0) {
            struct box piece = box_with(arena, &left, dimension, outside);
            enum search_result result = go_on_with(search, &piece, ahead, cutter);
            if (result != SEARCH_NOTHING)
                return result;
        }
        arena_release(arena, mark);
        left = box_with(arena, &left, dimension, box_common(arena, &own, taken));
    }
    return SEARCH_NOTHING;
}

/*
 * The cuts that stand before everything else may be made in any order: first the one that leaves the fewest pieces. One that
 * leaves none is the answer.
 */
static enum search_result go_on(struct search *search, const struct box *box, const struct ahead *ahead)
{
    size_t cuts = 0, best = 0;
    unsigned fewest = UINT32_MAX;
    if (ahead->count == 0)
        return search->at_end != NULL ? search->at_end(search->context, search, box) : SEARCH_NOTHING;
    while (cuts < ahead->count && role_of(search, ahead->list[cuts]) == SEARCH_CUT)
        cuts++;
    if (cuts == ahead->count && search->at_end == NULL)
        return SEARCH_NOTHING;
    if (cuts == 0) {
        const struct search_box *first = &search->boxes[ahead->list[0]];
        if (search->roles[first->rule] == SEARCH_UNKNOWN)
            return SEARCH_GIVEN_UP;
        box_intersection(search->arena, box, &first->box, &search->found);
        return SEARCH_FOUND;
    }
    if (spent(search, cuts * weight(box)))
        return SEARCH_GIVEN_UP;
    for (size_t i = 0; i < cuts && fewest > 0; i++) {
        unsigned pieces = box_reaches_out(box, &search->boxes[ahead->list[i]].box, fewest);
        if (pieces < fewest) {
            fewest = pieces;
            best = i;
        }
    }
    use(search, ahead->list[best]);
    return fewest == 0 ? SEARCH_NOTHING : go_on_outside(search, box, ahead, best);
}

/* Puts INDEX behind what AHEAD, with room for ROOM, has. */
static void ahead_add(struct arena *arena, struct ahead *ahead, size_t *room, uint32_t index)
{
    if (ahead->count == *room) {
        *room = *room == 0 ? 64 : *room * 2;
        uint32_t *larger = arena_take(arena, *room, sizeof *larger);
        if (ahead->count > 0)
            memcpy(larger, ahead->list, ahead->count * sizeof *larger);
        ahead->list = larger;
    }
    ahead->list[ahead->count++] = index;
}

enum search_result search_run(struct search *search, const struct box *box)
{
    struct search_box bounded = search_box_of(box, 0);
    struct ahead ahead = {0, NULL};
    size_t room = 0;
    bool only_cuts = true;
    for (size_t i = 0; i < search->count; i++) {
        uint8_t role = role_of(search, (uint32_t)i);
        if (role == SEARCH_PASS || !search_meets(&bounded, &search->boxes[i]))
            continue;
        only_cuts &= role == SEARCH_CUT;
        if (only_cuts && box_reaches_out(box, &search->boxes[i].box, 1) == 0) {
            use(search, (uint32_t)i);
            return spent(search, i) ? SEARCH_GIVEN_UP : SEARCH_NOTHING;
        }
        ahead_add(search->arena, &ahead, &room, (uint32_t)i);
    }
    if (spent(search, search->count))
        return SEARCH_GIVEN_UP;
    return go_on(search, box, &ahead);
}
