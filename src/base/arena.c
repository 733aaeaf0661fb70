#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Blocks grow with what is asked of the arena; the first is small because most syntax trees are. */
#define FIRST_BLOCK_BYTES 4096
#define LARGEST_BLOCK_BYTES (1u << 20)

struct block {
    struct block *next;
    size_t size, used;
    alignas(max_align_t) char bytes[];
};

struct arena {
    struct block *newest;
    size_t bytes;
};

struct arena *arena_new(void)
{
    return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    for (struct block *block = arena->newest, *next; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

static struct block *block_add(struct arena *arena, size_t least)
{
    size_t size = arena->newest ? arena->newest->size * 2 : FIRST_BLOCK_BYTES;
    if (size > LARGEST_BLOCK_BYTES)
        size = LARGEST_BLOCK_BYTES;
    if (size < least)
        size = least;
    struct block *block = calloc(1, sizeof *block + size);
    if (block == NULL)
        abort();
    block->size = size;
    block->next = arena->newest;
    arena->newest = block;
    arena->bytes += sizeof *block + size;
    return block;
}

void *arena_take(struct arena *arena, size_t count, size_t size)
{
    size_t wanted;
    const size_t grain = alignof(max_align_t);
    if (__builtin_mul_overflow(count, size, &wanted) || wanted > SIZE_MAX / 2)
        abort();
    wanted = (wanted + grain - 1) / grain * grain;
    struct block *block = arena->newest;
    if (block == NULL || block->size - block->used < wanted)
        block = block_add(arena, wanted);
    void *taken = block->bytes + block->used;
    block->used += wanted;
    return taken;
}

char *arena_text(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_take(arena, length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){arena->newest, arena->newest != NULL ? arena->newest->used : 0};
}

void arena_release(struct arena *arena, struct arena_mark mark)
{
    while (arena->newest != mark.block) {
        struct block *block = arena->newest;
        arena->newest = block->next;
        arena->bytes -= sizeof *block + block->size;
        free(block);
    }
    if (arena->newest == NULL)
        return;
    /* What is taken is zeroed: so is what is taken again. */
    memset(arena->newest->bytes + mark.used, 0, arena->newest->used - mark.used);
    arena->newest->used = mark.used;
}

size_t arena_bytes(const struct arena *arena)
{
    return arena->bytes;
}
