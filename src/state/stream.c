#include "state/stream.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mapping.h"

struct blocks {
    pthread_mutex_t lock;
    uint32_t free;  /* head of the list of free blocks, linked through their first word */
    uint32_t fresh; /* the lowest that was never used */
    uint32_t used;
    uint8_t *bytes; /* BLOCKS_MAX + 1 blocks: index 0 is BLOCK_NONE */
};

#define BLOCKS_BYTES ((size_t)(BLOCKS_MAX + 1) * BLOCK_BYTES)

struct blocks *blocks_new(void)
{
    struct blocks *blocks = calloc(1, sizeof *blocks);
    if (blocks == NULL)
        return NULL;
    blocks->bytes = mapping_new(BLOCKS_BYTES);
    if (blocks->bytes == NULL) {
        free(blocks);
        return NULL;
    }
    pthread_mutex_init(&blocks->lock, NULL);
    blocks->fresh = 1;
    return blocks;
}

void blocks_free(struct blocks *blocks)
{
    if (blocks == NULL)
        return;
    mapping_free(blocks->bytes, BLOCKS_BYTES);
    free(blocks);
}

uint8_t *blocks_at(struct blocks *blocks, uint32_t block)
{
    return blocks->bytes + (size_t)block * BLOCK_BYTES;
}

/* The link to the next free block. */
static uint32_t *link_of(struct blocks *blocks, uint32_t block)
{
    return (uint32_t *)(void *)blocks_at(blocks, block);
}

uint32_t blocks_take(struct blocks *blocks)
{
    pthread_mutex_lock(&blocks->lock);
    uint32_t block = blocks->free;
    if (block != BLOCK_NONE)
        blocks->free = *link_of(blocks, block);
    else if (blocks->fresh <= BLOCKS_MAX)
        block = blocks->fresh++;
    blocks->used += block != BLOCK_NONE;
    pthread_mutex_unlock(&blocks->lock);
    return block;
}

void blocks_give(struct blocks *blocks, uint32_t block)
{
    if (block == BLOCK_NONE)
        return;
    pthread_mutex_lock(&blocks->lock);
    *link_of(blocks, block) = blocks->free;
    blocks->free = block;
    blocks->used--;
    pthread_mutex_unlock(&blocks->lock);
}

uint32_t blocks_used(struct blocks *blocks)
{
    pthread_mutex_lock(&blocks->lock);
    uint32_t used = blocks->used;
    pthread_mutex_unlock(&blocks->lock);
    return used;
}

void stream_clear(struct stream *stream, struct blocks *blocks)
{
    blocks_give(blocks, stream->kept);
    stream->kept = BLOCK_NONE;
    stream->kept_bytes = 0;
    for (unsigned i = 0; i < stream->early_count; i++)
        blocks_give(blocks, stream->early[i].block);
    stream->early_count = 0;
}
