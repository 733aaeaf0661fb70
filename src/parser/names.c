#include "parser/names.h"

#include <string.h>

#include "base/arena.h"

/* FNV-1a. A file's author can make collisions only against himself. */
static size_t hash(const char *text)
{
    uint64_t h = 14695981039346656037u;
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

static struct name *slot_of(const struct names *names, const char *name)
{
    size_t i = hash(name) & (names->size - 1);
    while (names->slots[i].text != NULL && strcmp(names->slots[i].text, name) != 0)
        i = (i + 1) & (names->size - 1);
    return &names->slots[i];
}

void *names_find(const struct names *names, const char *name)
{
    return names->size == 0 ? NULL : slot_of(names, name)->value;
}

void names_add(struct names *names, const char *name, void *value)
{
    if (names->count * 2 >= names->size) {
        struct names larger = {.arena = names->arena, .size = names->size == 0 ? 16 : names->size * 2};
        larger.slots = arena_take(names->arena, larger.size, sizeof *larger.slots);
        for (size_t i = 0; i < names->size; i++)
            if (names->slots[i].text != NULL)
                *slot_of(&larger, names->slots[i].text) = names->slots[i];
        larger.count = names->count;
        *names = larger;
    }
    *slot_of(names, name) = (struct name){name, value};
    names->count++;
}

void names_offer(const struct names *names, struct suggestion *suggestion)
{
    for (size_t i = 0; i < names->size; i++)
        if (names->slots[i].text != NULL)
            suggestion_offer(suggestion, names->slots[i].text);
}
