#include "analysis/box.h"

#include <string.h>

static struct address larger(struct address a, struct address b)
{
    return address_compare(a, b) < 0 ? b : a;
}

static struct address smaller(struct address a, struct address b)
{
    return address_compare(a, b) < 0 ? a : b;
}

struct rangeset box_numbers(struct arena *arena, uint64_t first, uint64_t last)
{
    struct address_range *range = arena_take(arena, 1, sizeof *range);
    *range = (struct address_range){{0, first}, {0, last}};
    return (struct rangeset){1, range};
}

struct rangeset box_common(struct arena *arena, const struct rangeset *a, const struct rangeset *b)
{
    struct rangeset common = {0, arena_take(arena, a->count + b->count, sizeof *common.ranges)};
    for (size_t i = 0, k = 0; i < a->count && k < b->count;) {
        struct address first = larger(a->ranges[i].first, b->ranges[k].first);
        struct address last = smaller(a->ranges[i].last, b->ranges[k].last);
        if (address_compare(first, last) <= 0)
            common.ranges[common.count++] = (struct address_range){first, last};
        if (address_compare(a->ranges[i].last, b->ranges[k].last) < 0)
            i++;
        else
            k++;
    }
    return common;
}

struct rangeset box_without(struct arena *arena, const struct rangeset *set, const struct rangeset *removed)
{
    struct rangeset left = {0, arena_take(arena, set->count + removed->count, sizeof *left.ranges)};
    for (size_t i = 0, k = 0; i < set->count; i++) {
        struct address first = set->ranges[i].first, last = set->ranges[i].last;
        bool done = false;
        while (k < removed->count && address_compare(removed->ranges[k].last, first) < 0)
            k++;
        for (size_t m = k; m < removed->count && address_compare(removed->ranges[m].first, last) <= 0; m++) {
            if (address_compare(first, removed->ranges[m].first) < 0)
                left.ranges[left.count++] = (struct address_range){first, address_previous(removed->ranges[m].first)};
            done = address_compare(removed->ranges[m].last, last) >= 0;
            if (done)
                break;
            first = address_next(removed->ranges[m].last);
        }
        if (!done)
            left.ranges[left.count++] = (struct address_range){first, last};
    }
    return left;
}

const struct rangeset *box_set(const struct box *box, uint32_t dimension)
{
    for (size_t i = 0; i < box->count && box->constraints[i].dimension <= dimension; i++)
        if (box->constraints[i].dimension == dimension)
            return &box->constraints[i].set;
    return NULL;
}

struct box box_with(struct arena *arena, const struct box *box, uint32_t dimension, struct rangeset set)
{
    struct constraint *constraints = arena_take(arena, box->count + 1, sizeof *constraints);
    size_t count = 0, i = 0;
    for (; i < box->count && box->constraints[i].dimension < dimension; i++)
        constraints[count++] = box->constraints[i];
    constraints[count++] = (struct constraint){dimension, set};
    for (; i < box->count; i++)
        if (box->constraints[i].dimension != dimension)
            constraints[count++] = box->constraints[i];
    return (struct box){count, constraints};
}

bool box_narrow(struct arena *arena, const struct box *box, uint32_t dimension, struct rangeset set, struct box *narrowed)
{
    const struct rangeset *old = box_set(box, dimension);
    if (old != NULL)
        set = box_common(arena, old, &set);
    if (set.count == 0)
        return false;
    *narrowed = box_with(arena, box, dimension, set);
    return true;
}

static bool sets_meet(const struct rangeset *a, const struct rangeset *b)
{
    for (size_t i = 0, k = 0; i < a->count && k < b->count;) {
        if (address_compare(a->ranges[i].last, b->ranges[k].first) < 0)
            i++;
        else if (address_compare(b->ranges[k].last, a->ranges[i].first) < 0)
            k++;
        else
            return true;
    }
    return false;
}

bool box_intersects(const struct box *a, const struct box *b)
{
    for (size_t i = 0, k = 0; i < a->count && k < b->count;) {
        const struct constraint *x = &a->constraints[i], *y = &b->constraints[k];
        if (x->dimension == y->dimension && !sets_meet(&x->set, &y->set))
            return false;
        i += x->dimension <= y->dimension;
        k += y->dimension <= x->dimension;
    }
    return true;
}

bool box_intersection(struct arena *arena, const struct box *a, const struct box *b, struct box *both)
{
    struct constraint *constraints = arena_take(arena, a->count + b->count, sizeof *constraints);
    size_t count = 0;
    for (size_t i = 0, k = 0; i < a->count || k < b->count;) {
        uint32_t x = i < a->count ? a->constraints[i].dimension : UINT32_MAX;
        uint32_t y = k < b->count ? b->constraints[k].dimension : UINT32_MAX;
        if (x == y) {
            struct rangeset set = box_common(arena, &a->constraints[i].set, &b->constraints[k].set);
            if (set.count == 0)
                return false;
            constraints[count++] = (struct constraint){x, set};
        } else {
            constraints[count++] = x < y ? a->constraints[i] : b->constraints[k];
        }
        i += x <= y;
        k += y <= x;
    }
    *both = (struct box){count, constraints};
    return true;
}
