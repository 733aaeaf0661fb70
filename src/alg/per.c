#include "alg/per.h"

struct per per_over(struct span span)
{
    return (struct per){.bytes = span.at, .bits = 8 * span.length};
}

static void fail(struct per *per)
{
    per->failed = true;
    per->at = per->bits;
}

/* May COUNT more bits be read? */
static bool need(struct per *per, size_t count)
{
    if (!per->failed && count <= per->bits - per->at)
        return true;
    per->beyond |= !per->failed;
    fail(per);
    return false;
}

static void align(struct per *per)
{
    per->at = (per->at + 7) / 8 * 8; /* the bits end with a byte */
}

uint32_t per_bits(struct per *per, unsigned count)
{
    uint32_t number = 0;
    if (!need(per, count))
        return 0;
    for (unsigned i = 0; i < count; i++, per->at++)
        number = number << 1 | (per->bytes[per->at / 8] >> (7 - per->at % 8) & 1);
    return number;
}

static struct span take_bytes(struct per *per, size_t count)
{
    align(per);
    if (!need(per, 8 * count))
        return (struct span){NULL, 0};
    struct span span = {per->bytes + per->at / 8, count};
    per->at += 8 * count;
    return span;
}

static unsigned bits_for(uint32_t most)
{
    unsigned bits = 0;
    for (; most > 0; most >>= 1)
        bits++;
    return bits;
}

/* A number of at most MOST, which is counted from the least one. */
static uint32_t read_offset(struct per *per, uint32_t most)
{
    if (most < 255)
        return per_bits(per, bits_for(most));
    unsigned bytes = most == 255 ? 1 : 2;
    if (most > UINT16_MAX)
        bytes = 1 + per_bits(per, bits_for((bits_for(most) + 7) / 8 - 1));
    align(per);
    return per_bits(per, 8 * bytes);
}

uint32_t per_integer(struct per *per, uint32_t low, uint32_t high)
{
    uint32_t offset = read_offset(per, high - low);
    if (offset > high - low) {
        fail(per);
        return 0;
    }
    return per->failed ? 0 : low + offset;
}

uint32_t per_length(struct per *per)
{
    align(per);
    uint32_t length = per_bits(per, 8);
    if (length < 0x80)
        return length;
    if (length >= 0xc0) {
        fail(per);
        return 0;
    }
    length = (length & 0x3f) << 8 | per_bits(per, 8);
    return per->failed ? 0 : length;
}

/* How many bytes, characters: within bounds, or without (10.9.4). */
static uint32_t read_size(struct per *per, uint32_t low, uint32_t high)
{
    return high > UINT16_MAX ? per_length(per) : per_integer(per, low, high);
}

struct span per_octets(struct per *per, uint32_t low, uint32_t high)
{
    static const struct span nothing = {NULL, 0};
    uint32_t length = read_size(per, low, high);
    /* Two bytes or fewer, always as many, are not aligned (16.6); nor does anybody want them. */
    if (low == high && length <= 2) {
        per_bits(per, 8 * length);
        return nothing;
    }
    return per->failed || length == 0 ? nothing : take_bytes(per, length);
}

struct per per_open(struct per *per)
{
    struct span span = take_bytes(per, per_length(per));
    struct per inner = per_over(span);
    inner.failed = per->failed;
    return inner;
}

void per_join(struct per *per, const struct per *inner)
{
    per->failed |= inner->failed;
    per->beyond |= inner->beyond;
}

/* A number that is small almost always (10.6). */
static uint32_t read_small(struct per *per)
{
    if (per_bits(per, 1) == 0)
        return per_bits(per, 6);
    fail(per); /* 64 and above: nobody has added so many */
    return 0;
}

struct per_head per_head(struct per *per, bool extensible, unsigned optional)
{
    struct per_head head = {.optional = (uint8_t)optional};
    head.extended = extensible && per_bits(per, 1) != 0;
    head.present = per_bits(per, optional);
    return head;
}

bool per_has(const struct per_head *head, unsigned index)
{
    return head->present >> (head->optional - 1 - index) & 1;
}

void per_additions(struct per *per, const struct per_head *head, struct per *additions, unsigned count)
{
    uint64_t present = 0;
    unsigned total = head->extended ? 1 + read_small(per) : 0;
    for (unsigned i = 0; i < total; i++)
        present |= (uint64_t)per_bits(per, 1) << i;
    for (unsigned i = 0; i < count; i++)
        additions[i] = (struct per){.bytes = NULL};
    for (unsigned i = 0; i < total && !per->failed; i++) {
        if ((present >> i & 1) == 0)
            continue;
        struct per addition = per_open(per);
        if (i < count)
            additions[i] = addition;
    }
}

uint32_t per_choice(struct per *per, bool extensible, unsigned roots)
{
    if (extensible && per_bits(per, 1) != 0)
        return roots + read_small(per);
    return per_integer(per, 0, roots - 1);
}

/* ---- what is stepped over ---- */

static void skip(struct per *per, const struct per_type *type, unsigned depth);

static void skip_sequence(struct per *per, const struct per_type *type, unsigned depth)
{
    unsigned optional = 0, index = 0;
    for (unsigned i = 0; i < type->count; i++)
        optional += type->fields[i].optional;
    struct per_head head = per_head(per, type->extensible, optional);
    for (unsigned i = 0; i < type->count; i++)
        if (!type->fields[i].optional || per_has(&head, index++))
            skip(per, type->fields[i].type, depth);
    per_additions(per, &head, NULL, 0);
}

static void skip_list(struct per *per, const struct per_type *type, unsigned depth)
{
    uint32_t count = per_length(per);
    if (count > PER_LIST_MAX)
        fail(per);
    for (uint32_t i = 0; i < count && !per->failed; i++)
        skip(per, type->fields[0].type, depth);
}

static void skip_text(struct per *per, const struct per_type *type)
{
    size_t bits = (size_t)read_size(per, type->low, type->high) * type->count;
    align(per);
    if (need(per, bits))
        per->at += bits;
}

static void skip(struct per *per, const struct per_type *type, unsigned depth)
{
    uint32_t index;
    if (depth == PER_DEPTH_MAX)
        fail(per);
    if (per->failed)
        return;
    switch (type->kind) {
    case PER_BITS:
        per_bits(per, type->high);
        break;
    case PER_INTEGER:
        per_integer(per, type->low, type->high);
        break;
    case PER_OCTETS:
        per_octets(per, type->low, type->high);
        break;
    case PER_TEXT:
        skip_text(per, type);
        break;
    case PER_SEQUENCE:
        skip_sequence(per, type, depth + 1);
        break;
    case PER_LIST:
        skip_list(per, type, depth + 1);
        break;
    case PER_CHOICE:
        index = per_choice(per, type->extensible, type->count);
        if (index < type->count)
            skip(per, type->fields[index].type, depth + 1);
        else
            per_open(per);
        break;
    }
}

void per_skip(struct per *per, const struct per_type *type)
{
    skip(per, type, 0);
}
