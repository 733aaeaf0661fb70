#include "analysis/search.h"

enum search_result search_end_is_hit(void *context, struct search *search, const struct box *left)
{
    (void)context;
    search->found = *left;
    return SEARCH_FOUND;
}

enum search_result search_end_is_nothing(void *context, struct search *search, const struct box *left)
{
    (void)context;
    (void)search;
    (void)left;
    return SEARCH_NOTHING;
}

static enum search_result go_on(struct search *search, const struct box *box, size_t at);

/* Goes on with all of BOX that lies outside of CUT: one dimension after the other falls away. */
static enum search_result go_on_outside(struct search *search, const struct box *box, const struct box *cut, size_t at)
{
    struct arena *arena = search->arena;
    static struct address_range everything_range = {{0, 0}, {UINT64_MAX, UINT64_MAX}};
    static const struct rangeset everything = {1, &everything_range};
    struct box left = *box;
    for (size_t i = 0; i < cut->count; i++) {
        uint32_t dimension = cut->constraints[i].dimension;
        const struct rangeset *own = box_set(&left, dimension), *taken = &cut->constraints[i].set;
        struct rangeset outside = box_without(arena, own != NULL ? own : &everything, taken);
        if (own == NULL && dimension >= DIMENSION_SRC_SELF) {
            struct rangeset bits = box_numbers(arena, 0, 1);
            outside = box_without(arena, &bits, taken);
        } else if (own == NULL && (dimension == DIMENSION_SRC_ZONE || dimension == DIMENSION_DST_ZONE)) {
            struct rangeset zones = box_numbers(arena, 0, UINT16_MAX);
            outside = box_without(arena, &zones, taken);
        } else if (own == NULL && dimension == DIMENSION_TIME) {
            struct rangeset week = box_numbers(arena, 0, 7 * 86400 - 1);
            outside = box_without(arena, &week, taken);
        } else if (own == NULL && dimension == DIMENSION_DAY) {
            struct rangeset days = box_numbers(arena, 0, INT32_MAX);
            outside = box_without(arena, &days, taken);
        }
        if (outside.count > 0) {
            struct box piece = box_with(arena, &left, dimension, outside);
            enum search_result result = go_on(search, &piece, at);
            if (result != SEARCH_NOTHING)
                return result;
        }
        left = box_with(arena, &left, dimension, own != NULL ? box_common(arena, own, taken) : *taken);
    }
    return SEARCH_NOTHING;
}

static enum search_result go_on(struct search *search, const struct box *box, size_t at)
{
    for (; at < search->count; at++) {
        const struct search_step *step = &search->steps[at];
        if (++search->work > search->work_max)
            return SEARCH_GIVEN_UP;
        if (!box_intersects(box, step->box))
            continue;
        if (search->touched != NULL)
            search->touched[step->rule] = true;
        if (!step->hit)
            return go_on_outside(search, box, step->box, at + 1);
        box_intersection(search->arena, box, step->box, &search->found);
        return SEARCH_FOUND;
    }
    return search->at_end(search->context, search, box);
}

enum search_result search_run(struct search *search, const struct box *box)
{
    return go_on(search, box, 0);
}
