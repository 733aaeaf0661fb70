/*
 * Packed encoding rules of ASN.1, in their basic aligned variant (ITU-T X.691, 02/2002; its sections are named below):
 * bits in, numbers and bytes out. Bounded, never past the end, no allocation; total on any bytes.
 *
 * PER has no tags: who wants a field must step over all that stands before it. What matters to an ALG is read by hand,
 * the rest is stepped over by its type, which is a table (struct per_type). What later versions have added carries its
 * length and is stepped over whole.
 *
 * Reading what is not there returns zero and sets `failed`, which stays set. Not read, and `failed` too: lists of more
 * than PER_LIST_MAX, types deeper than PER_DEPTH_MAX, strings in fragments (10.9.3.8, from 16384 bytes on).
 */
#ifndef ALG_PER_H
#define ALG_PER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alg/lines.h"

#define PER_LIST_MAX 256u /* elements of a SEQUENCE OF */
#define PER_DEPTH_MAX 12u /* types within types */

struct per {
    const uint8_t *bytes; /* borrowed; NULL: an addition that is absent */
    size_t bits, at;      /* how many there are, and the next one */
    bool failed;          /* something cannot be read */
    bool beyond;          /* for it says that it is longer than what it stands in */
};

struct per per_over(struct span span);

/* The next COUNT bits, at most 32, as a number. */
uint32_t per_bits(struct per *per, unsigned count);

/* INTEGER(LOW..HIGH) (10.5.7). */
uint32_t per_integer(struct per *per, uint32_t low, uint32_t high);

/* A length or a number of elements without bounds (10.9.3.5 to 10.9.3.7). */
uint32_t per_length(struct per *per);

/* OCTET STRING(SIZE(LOW..HIGH)); HIGH UINT32_MAX: without bounds (16). */
struct span per_octets(struct per *per, uint32_t low, uint32_t high);

/* What stands in an open type: additions, and alternatives that were added (10.2). */
struct per per_open(struct per *per);

/* INNER, which stood in PER, has been read: what could not be read of it could not be read of PER. */
void per_join(struct per *per, const struct per *inner);

/* The head of a SEQUENCE: was something added to it, and which of its OPTIONAL fields are here (18.1 to 18.3)? */
struct per_head {
    bool extended;
    uint8_t optional;
    uint32_t present;
};
struct per_head per_head(struct per *per, bool extensible, unsigned optional);

/* Is the OPTIONAL field of this INDEX, counted among them, here? */
bool per_has(const struct per_head *head, unsigned index);

/* Reads the additions of a SEQUENCE, of which the fields before the three dots are read, into COUNT readers (18.7 to
   18.9). */
void per_additions(struct per *per, const struct per_head *head, struct per *additions, unsigned count);

/* The index of a CHOICE's alternative among ROOTS; ROOTS and above: one that was added, which is an open type (22). */
uint32_t per_choice(struct per *per, bool extensible, unsigned roots);

/* ---- what is stepped over ---- */

struct per_field {
    const struct per_type *type;
    bool optional;
};

struct per_type {
    enum {
        PER_BITS,     /* HIGH of them: BOOLEAN is one, NULL none */
        PER_INTEGER,  /* (LOW..HIGH) */
        PER_OCTETS,   /* OCTET STRING(SIZE(LOW..HIGH)) */
        PER_TEXT,     /* a string of characters of COUNT bits (SIZE(LOW..HIGH)), longer than 16 bits at most */
        PER_SEQUENCE, /* of COUNT FIELDS */
        PER_LIST,     /* SEQUENCE OF the only one of FIELDS, without bounds */
        PER_CHOICE    /* of COUNT FIELDS */
    } kind;
    bool extensible;
    uint8_t count;
    uint32_t low, high;
    const struct per_field *fields;
};

#define PER_TYPE_FIELDS(...)                                \
    .fields = (const struct per_field[]){__VA_ARGS__},      \
    .count = sizeof((struct per_field[]){__VA_ARGS__}) / sizeof(struct per_field)
#define PER_TYPE_SEQUENCE(more, ...) {.kind = PER_SEQUENCE, .extensible = (more), PER_TYPE_FIELDS(__VA_ARGS__)}
#define PER_TYPE_CHOICE(more, ...) {.kind = PER_CHOICE, .extensible = (more), PER_TYPE_FIELDS(__VA_ARGS__)}
#define PER_TYPE_LIST(type) {.kind = PER_LIST, PER_TYPE_FIELDS({&(type), false})}
#define PER_TYPE_INTEGER(least, most) {.kind = PER_INTEGER, .low = (least), .high = (most)}
#define PER_TYPE_OCTETS(least, most) {.kind = PER_OCTETS, .low = (least), .high = (most)}
#define PER_TYPE_BITS(number) {.kind = PER_BITS, .high = (number)}

/* Steps over a value of TYPE. */
void per_skip(struct per *per, const struct per_type *type);

#endif
