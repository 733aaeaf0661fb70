/*
 * What is remembered of one direction of a control stream, between two of its segments: which byte comes next, the beginning
 * of a message that has not ended, and segments that came too early. Room alg reads streams; this file is only the memory.
 *
 * Bytes are kept in blocks of one size from a pool, taken when something must be kept and given back as soon as nothing must.
 */
#ifndef STATE_STREAM_H
#define STATE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#define BLOCK_NONE 0u
#define BLOCK_BYTES 8192u /* the longest message that is read, and the longest segment that waits for an earlier one */
#define BLOCKS_MAX 4096u  /* of all streams: 32 MiB, touched only as far as used */

#define STREAM_EARLY_MAX 4u /* segments that may wait for an earlier one */

struct early {
    uint32_t seq, length;
    uint32_t block;
};

struct stream {
    bool begun;            /* `next` is known */
    bool ended;            /* its FIN has come in order */
    uint8_t early_count;
    uint32_t next;         /* sequence number of the next byte that is new */
    uint32_t skip;         /* so many bytes from there on are nobody's to read */
    uint32_t kept_bytes;   /* of a message that has not ended */
    uint32_t kept;         /* the block that they are in */
    struct early early[STREAM_EARLY_MAX]; /* in no order */
};

struct blocks;

struct blocks *blocks_new(void); /* NULL when memory is refused */
void blocks_free(struct blocks *blocks);

/* Takes a block; BLOCK_NONE when all are in use. */
uint32_t blocks_take(struct blocks *blocks);

/* Gives one back; BLOCK_NONE is allowed. */
void blocks_give(struct blocks *blocks, uint32_t block);

/* The BLOCK_BYTES of a block. */
uint8_t *blocks_at(struct blocks *blocks, uint32_t block);

/* Gives back all that STREAM keeps. */
void stream_clear(struct stream *stream, struct blocks *blocks);

uint32_t blocks_used(struct blocks *blocks);

#endif
