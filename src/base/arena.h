/*
 * An arena: many small allocations that live and die together (a compiled ruleset, a syntax tree).
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena;

/* Returns an empty arena, or NULL when there is no memory. */
struct arena *arena_new(void);

/* Frees the arena and everything that was taken from it. NULL is allowed. */
void arena_free(struct arena *arena);

/*
 * Returns COUNT * SIZE zeroed bytes, aligned for any type, valid until arena_free. Never NULL for lack of memory: the
 * callers (compilers, never the packet path) could not go on, so the process aborts with a core as it does on an
 * overflow of the product.
 */
void *arena_take(struct arena *arena, size_t count, size_t size);

/* Returns a copy of the LENGTH bytes at TEXT, terminated. */
char *arena_text(struct arena *arena, const char *text, size_t length);

/*
 * Where the arena stands now, and back to there: everything that was taken since is given up. For searches that try and throw
 * away.
 */
struct arena_mark {
    const void *block;
    size_t used;
};
struct arena_mark arena_mark(const struct arena *arena);
void arena_release(struct arena *arena, struct arena_mark mark);

/* How many bytes the arena holds in all. */
size_t arena_bytes(const struct arena *arena);

#endif
