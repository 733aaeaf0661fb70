#include "rules/ranks.h"

#include <stdlib.h>
#include <string.h>

/* Makes an array of SIZE times BYTES larger; false without memory. */
static bool grow(void *array, size_t *size, size_t bytes)
{
    void *at = realloc(*(void **)array, (*size * 2 + 16) * bytes);
    if (at == NULL)
        return false;
    *(void **)array = at;
    *size = *size * 2 + 16;
    return true;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int by_address(const void *a, const void *b)
{
    return address_compare(*(const struct address *)a, *(const struct address *)b);
}

/* Each border once, in order. */
static void sort_short(struct ranks *ranks)
{
    uint32_t kept = 0;
    if (ranks->count > 0)
        qsort(ranks->borders, ranks->count, sizeof *ranks->borders, by_number);
    for (uint32_t i = 0; i < ranks->count; i++)
        if (kept == 0 || ranks->borders[kept - 1] != ranks->borders[i])
            ranks->borders[kept++] = ranks->borders[i];
    ranks->count = kept;
}

static void sort_long(struct ranks *ranks)
{
    uint32_t kept = 0;
    if (ranks->long_count > 0)
        qsort(ranks->long_borders, ranks->long_count, sizeof *ranks->long_borders, by_address);
    for (uint32_t i = 0; i < ranks->long_count; i++)
        if (kept == 0 || !address_equal(ranks->long_borders[kept - 1], ranks->long_borders[i]))
            ranks->long_borders[kept++] = ranks->long_borders[i];
    ranks->long_count = kept;
}

/* Mostly the same few borders come again and again: a full array is sorted, and grows if it is full of different ones. */
static bool add_short(struct ranks *ranks, uint32_t border)
{
    if (ranks->count == ranks->size) {
        sort_short(ranks);
        if (ranks->count >= ranks->size / 2 && !grow(&ranks->borders, &ranks->size, sizeof border))
            return false;
    }
    ranks->borders[ranks->count++] = border;
    return true;
}

static bool add_long(struct ranks *ranks, struct address border)
{
    if (ranks->long_count == ranks->long_size) {
        sort_long(ranks);
        if (ranks->long_count >= ranks->long_size / 2 && !grow(&ranks->long_borders, &ranks->long_size, sizeof border))
            return false;
    }
    ranks->long_borders[ranks->long_count++] = border;
    return true;
}

bool ranks_init(struct ranks *ranks, uint64_t base)
{
    *ranks = (struct ranks){.base = base};
    /* The lowest long value. */
    struct address lowest = {0, base == 0 ? UINT64_C(1) << 32 : 0};
    return add_short(ranks, 0) && add_long(ranks, lowest);
}

void ranks_fini(struct ranks *ranks)
{
    free(ranks->borders);
    free(ranks->heads);
    free(ranks->direct);
    free(ranks->long_borders);
}

/* What RANGE holds of the short values; false: nothing. */
static bool short_part(const struct ranks *ranks, const struct address_range *range, struct address_range *part)
{
    const struct address first = {0, ranks->base}, last = {0, ranks->base | UINT32_MAX};
    part->first = address_compare(range->first, first) < 0 ? first : range->first;
    part->last = address_compare(range->last, last) > 0 ? last : range->last;
    return address_compare(part->first, part->last) <= 0;
}

static bool is_short(const struct ranks *ranks, struct address value)
{
    return value.high == 0 && value.low >> 32 == ranks->base >> 32;
}

/* The hull of what RANGE holds of the long ones; false: nothing. */
static bool long_part(const struct ranks *ranks, const struct address_range *range, struct address_range *part)
{
    *part = *range;
    if (is_short(ranks, part->first))
        part->first = address_next((struct address){0, ranks->base | UINT32_MAX});
    if (is_short(ranks, part->last)) {
        if (ranks->base == 0)
            return false;
        part->last = (struct address){0, ranks->base - 1};
    }
    return address_compare(part->first, part->last) <= 0;
}

bool ranks_add(struct ranks *ranks, struct address_range range)
{
    struct address_range part;
    if (short_part(ranks, &range, &part) &&
        (!add_short(ranks, (uint32_t)part.first.low) || !add_short(ranks, (uint32_t)part.last.low + 1)))
        return false;
    if (!long_part(ranks, &range, &part))
        return true;
    struct address behind = address_next(part.last);
    /* Behind the last address of all there is none. */
    bool at_the_end = behind.high == 0 && behind.low == 0;
    return add_long(ranks, part.first) && (at_the_end || add_long(ranks, behind));
}

/* Moves the short borders to where blocks begin with a line of the cache, and writes their heads. */
bool ranks_finish(struct ranks *ranks)
{
    sort_short(ranks);
    sort_long(ranks);
    size_t blocks = (ranks->count + RANKS_BLOCK - 1) / RANKS_BLOCK, block_bytes = RANKS_BLOCK * sizeof *ranks->borders;
    uint32_t *borders = aligned_alloc(block_bytes, blocks * block_bytes);
    ranks->heads = malloc(blocks * sizeof *ranks->heads);
    if (borders == NULL || ranks->heads == NULL) {
        free(borders);
        return false;
    }
    memcpy(borders, ranks->borders, ranks->count * sizeof *borders);
    for (size_t i = 0; i < blocks; i++)
        ranks->heads[i] = borders[i * RANKS_BLOCK];
    free(ranks->borders);
    ranks->borders = borders;
    ranks->size = blocks * RANKS_BLOCK;
    if (ranks->base != 0)
        return true;
    uint32_t *direct = malloc(RANKS_DIRECT * sizeof *direct);
    for (uint64_t i = 0; direct != NULL && i < RANKS_DIRECT; i++)
        direct[i] = ranks_of(ranks, (struct address){0, i});
    ranks->direct = direct;
    return direct != NULL;
}

/* Adds a span behind COUNT others, joined with the last one if they touch; returns how many there are. */
static size_t put_span(const struct ranks *ranks, const struct address_range *part, struct span *spans, size_t count)
{
    struct span span = {ranks_of(ranks, part->first), ranks_of(ranks, part->last)};
    if (count > 0 && span.first <= spans[count - 1].last + 1) {
        spans[count - 1].last = span.last;
        return count;
    }
    spans[count] = span;
    return count + 1;
}

size_t ranks_spans(const struct ranks *ranks, const struct rangeset *set, struct span *spans)
{
    struct address_range part;
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++)
        if (short_part(ranks, &set->ranges[i], &part))
            count = put_span(ranks, &part, spans, count);
    for (size_t i = 0; i < set->count; i++)
        if (long_part(ranks, &set->ranges[i], &part))
            count = put_span(ranks, &part, spans, count);
    return count;
}

size_t ranks_bytes(const struct ranks *ranks)
{
    return (ranks->size + ranks->size / RANKS_BLOCK) * sizeof *ranks->borders +
           ranks->long_size * sizeof *ranks->long_borders + (ranks->direct != NULL ? RANKS_DIRECT * sizeof *ranks->direct : 0);
}
