/*
 * The values of one field numbered by the borders of what rules say about it: values between which no rule tells a difference
 * have the same rank. So a rule's ranges become short spans of small numbers that lie evenly, however values are given out.
 *
 * Values that are IPv4 addresses, or numbers of 32 bits, are looked up among 32 bits each; all others rank behind them. Ranks
 * keep the order of values within each of the two kinds.
 */
#ifndef RULES_RANKS_H
#define RULES_RANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/rangeset.h"

#define RANKS_BLOCK 16u /* borders; 64 bytes, which are fetched at once */
#define RANKS_DIRECT 256u /* so many of the least numbers have their rank in a table: zones and states are no others */

struct ranks {
    uint64_t base; /* .low of the first value of the 2^32 short ones: ADDRESS_V4_BASE, or 0 where values are numbers */
    uint32_t *borders; /* of the short values, ascending: where ranks begin; the first is 0 */
    uint32_t *heads;   /* every RANKS_BLOCKth of them: together they stay in the processor's first cache */
    uint32_t *direct;  /* the ranks of the numbers below RANKS_DIRECT; NULL where values are addresses */
    struct address *long_borders;
    uint32_t count, long_count;
    size_t size, long_size;
};

/* Ranks, both included. */
struct span {
    uint32_t first, last;
};

/* Makes ranks that know of no range yet, in the memory of the caller; ranks_fini is owed. False: there is no memory. */
bool ranks_init(struct ranks *ranks, uint64_t base);
void ranks_fini(struct ranks *ranks);

/* Puts borders around RANGE. False: there is no memory. */
bool ranks_add(struct ranks *ranks, struct address_range range);

/* No more ranges are added; from here on ranks may be asked for. False: there is no memory. */
bool ranks_finish(struct ranks *ranks);

/*
 * Writes the spans of SET, all of whose ranges were added, to SPANS, which has room for twice as many; ascending, and they do
 * not touch. Returns how many they are.
 */
size_t ranks_spans(const struct ranks *ranks, const struct rangeset *set, struct span *spans);

/* Bytes that they take. */
size_t ranks_bytes(const struct ranks *ranks);

static inline uint32_t ranks_total(const struct ranks *ranks)
{
    return ranks->count + ranks->long_count;
}

/* The index of the last of COUNT ascending numbers that is not above VALUE; the first of them never is. */
static inline uint32_t ranks_search(const uint32_t *numbers, uint32_t count, uint32_t value)
{
    const uint32_t *at = numbers;
    /* Which half a value lies in is a coin toss: the compiler is to select, not to branch. */
    for (; count > 1; count -= count / 2)
        at = at[count / 2] <= value ? at + count / 2 : at;
    return (uint32_t)(at - numbers);
}

/* The rank of VALUE, below ranks_total. */
static inline uint32_t ranks_of(const struct ranks *ranks, struct address value)
{
    if (ranks->direct != NULL && value.high == 0 && value.low < RANKS_DIRECT)
        return ranks->direct[value.low];
    if (value.high == 0 && value.low >> 32 == ranks->base >> 32) {
        uint32_t first = RANKS_BLOCK * ranks_search(ranks->heads, (ranks->count + RANKS_BLOCK - 1) / RANKS_BLOCK, (uint32_t)value.low);
        uint32_t count = ranks->count - first < RANKS_BLOCK ? ranks->count - first : RANKS_BLOCK;
        return first + ranks_search(ranks->borders + first, count, (uint32_t)value.low);
    }
    const struct address *at = ranks->long_borders;
    for (uint32_t count = ranks->long_count; count > 1; count -= count / 2)
        at = address_compare(at[count / 2], value) <= 0 ? at + count / 2 : at;
    return ranks->count + (uint32_t)(at - ranks->long_borders);
}

#endif
