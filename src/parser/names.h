/* Names and what they stand for: a hash table in an arena. */
#ifndef PARSER_NAMES_H
#define PARSER_NAMES_H

#include <stddef.h>

#include "parser/words.h"

struct arena;

struct names {
    struct arena *arena;
    struct name *slots;
    size_t size, count; /* size: 0 or a power of two */
};

struct name {
    const char *text; /* NULL: the slot is free */
    void *value;
};

/* What NAME stands for, or NULL. */
void *names_find(const struct names *names, const char *name);

/* Lets NAME, which stays in memory, stand for VALUE (not NULL). It must not be there yet. */
void names_add(struct names *names, const char *name, void *value);

/* Offers all names as candidates. */
void names_offer(const struct names *names, struct suggestion *suggestion);

#endif
