#include "rules/rangeset.h"

#include <stdint.h>
#include <stdlib.h>

const struct address_range rangeset_v4[1] = {
    {{0, ADDRESS_V4_BASE}, {0, ADDRESS_V4_BASE | 0xffffffff}},
};

const struct address_range rangeset_v6[2] = {
    {{0, 0}, {0, ADDRESS_V4_BASE - 1}},
    {{0, (ADDRESS_V4_BASE | 0xffffffff) + 1}, {UINT64_MAX, UINT64_MAX}},
};

static int by_first(const void *a, const void *b)
{
    return address_compare(((const struct address_range *)a)->first, ((const struct address_range *)b)->first);
}

/* Does RANGE begin inside of BEFORE, or right behind it? BEFORE begins no later. */
static bool touches(const struct address_range *before, const struct address_range *range)
{
    struct address next = address_next(before->last);
    bool at_the_end = next.high == 0 && next.low == 0;
    return at_the_end || address_compare(range->first, next) <= 0;
}

void rangeset_normalise(struct rangeset *set)
{
    if (set->count == 0)
        return;
    qsort(set->ranges, set->count, sizeof set->ranges[0], by_first);
    size_t last = 0;
    for (size_t i = 1; i < set->count; i++) {
        if (!touches(&set->ranges[last], &set->ranges[i]))
            set->ranges[++last] = set->ranges[i];
        else if (address_compare(set->ranges[i].last, set->ranges[last].last) > 0)
            set->ranges[last].last = set->ranges[i].last;
    }
    set->count = last + 1;
}

bool rangeset_holds(const struct rangeset *set, struct address address)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (address_compare(set->ranges[middle].last, address) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->count && address_compare(set->ranges[low].first, address) <= 0;
}
