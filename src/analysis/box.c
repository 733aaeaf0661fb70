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

/* The first range of SET, from the one at FROM on, that ends at ADDRESS or behind it; the count, when none does. */
static size_t reaching(const struct rangeset *set, size_t from, struct address address)
{
    size_t low = from, high = from, step = 1;
    /* Mostly it is near: steps that double, then halves. */
    while (high < set->count && address_compare(set->ranges[high].last, address) < 0) {
        low = high + 1;
        high += step;
        step *= 2;
    }
    if (high > set->count)
        high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (address_compare(set->ranges[middle].last, address) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool range_within(struct address_range range, const struct rangeset *set)
{
    size_t i = reaching(set, 0, range.last);
    return i < set->count && address_compare(set->ranges[i].first, range.first) <= 0;
}

/* Is all of SET in COVER? */
static bool set_within(const struct rangeset *set, const struct rangeset *cover)
{
    if (set->count == 0)
        return true;
    /* Most that are not within reach out at their ends, and one range that holds both ends holds all. */
    size_t first = reaching(cover, 0, set->ranges[0].first), last = reaching(cover, first, set->ranges[set->count - 1].last);
    if (last == cover->count || address_compare(cover->ranges[first].first, set->ranges[0].first) > 0)
        return false;
    for (size_t i = 0; i < set->count && first < last; i++) {
        first = reaching(cover, first, set->ranges[i].last);
        if (address_compare(cover->ranges[first].first, set->ranges[i].first) > 0)
            return false;
    }
    return address_compare(cover->ranges[last].first, set->ranges[set->count - 1].first) <= 0;
}

struct rangeset box_common(struct arena *arena, const struct rangeset *a, const struct rangeset *b)
{
    /* Sets of thousands meet one range mostly, and are shared where it holds them whole. */
    const struct rangeset *small = a->count <= b->count ? a : b, *large = small == a ? b : a;
    if (small->count == 0)
        return *small;
    if (set_within(small, large))
        return *small;
    size_t k = reaching(large, 0, small->ranges[0].first);
    size_t end = reaching(large, k, small->ranges[small->count - 1].last);
    end += end < large->count;
    if (small->count == 1 && k < end && range_within((struct address_range){large->ranges[k].first, large->ranges[end - 1].last}, small))
        return (struct rangeset){end - k, large->ranges + k};
    struct rangeset common = {0, arena_take(arena, small->count + end - k, sizeof *common.ranges)};
    for (size_t i = 0; i < small->count && k < end;) {
        struct address first = larger(small->ranges[i].first, large->ranges[k].first);
        struct address last = smaller(small->ranges[i].last, large->ranges[k].last);
        if (address_compare(first, last) <= 0)
            common.ranges[common.count++] = (struct address_range){first, last};
        if (address_compare(small->ranges[i].last, large->ranges[k].last) < 0)
            i++;
        else
            k++;
    }
    return common;
}

struct rangeset box_without(struct arena *arena, const struct rangeset *set, const struct rangeset *removed)
{
    if (set->count == 0)
        return *set;
    size_t k = reaching(removed, 0, set->ranges[0].first);
    size_t end = reaching(removed, k, set->ranges[set->count - 1].last);
    end += end < removed->count && address_compare(removed->ranges[end].first, set->ranges[set->count - 1].last) <= 0;
    if (k == end)
        return *set;
    struct rangeset left = {0, arena_take(arena, set->count + end - k, sizeof *left.ranges)};
    for (size_t i = 0; i < set->count; i++) {
        struct address first = set->ranges[i].first, last = set->ranges[i].last;
        bool done = false;
        k = reaching(removed, k, first);
        for (size_t m = k; m < end && address_compare(removed->ranges[m].first, last) <= 0; m++) {
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
    if (a->count > b->count) {
        const struct rangeset *swapped = a;
        a = b;
        b = swapped;
    }
    for (size_t i = 0, k = 0; i < a->count && k < b->count; i++) {
        k = reaching(b, k, a->ranges[i].first);
        if (k < b->count && address_compare(b->ranges[k].first, a->ranges[i].last) <= 0)
            return true;
    }
    return false;
}

struct rangeset box_domain(uint32_t dimension)
{
    static struct address_range everything[] = {{{0, 0}, {UINT64_MAX, UINT64_MAX}}};
    static struct address_range zones[] = {{{0, 0}, {0, UINT16_MAX}}}, week[] = {{{0, 0}, {0, 7 * 86400 - 1}}};
    static struct address_range days[] = {{{0, 0}, {0, INT32_MAX}}}, bits[] = {{{0, 0}, {0, 1}}};
    if (dimension >= DIMENSION_SRC_SELF)
        return (struct rangeset){1, bits};
    switch (dimension) {
    case DIMENSION_SRC_ZONE:
    case DIMENSION_DST_ZONE:
        return (struct rangeset){1, zones};
    case DIMENSION_TIME:
        return (struct rangeset){1, week};
    case DIMENSION_DAY:
        return (struct rangeset){1, days};
    default:
        return (struct rangeset){1, everything};
    }
}

unsigned box_reaches_out(const struct box *box, const struct box *cover, unsigned most)
{
    unsigned count = 0;
    for (size_t i = 0, k = 0; i < cover->count && count < most; i++) {
        const struct constraint *x = &cover->constraints[i];
        while (k < box->count && box->constraints[k].dimension < x->dimension)
            k++;
        bool said = k < box->count && box->constraints[k].dimension == x->dimension;
        const struct rangeset domain = box_domain(x->dimension);
        count += !set_within(said ? &box->constraints[k].set : &domain, &x->set);
    }
    return count;
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
