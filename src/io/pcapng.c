#include "io/pcapng.h"

#include <stdbool.h>
#include <string.h>

/* Block types, 4.1, 4.2, 4.3; options, 3.5, 4.1, 4.2. */
#define SECTION_HEADER 0x0a0d0d0au
#define INTERFACE_DESCRIPTION 1u
#define ENHANCED_PACKET 6u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define OPTION_END 0
#define OPTION_COMMENT 1
#define OPTION_APPLICATION 4 /* shb_userappl */
#define OPTION_RESOLUTION 9  /* if_tsresol */
#define LINK_TYPE_RAW 101    /* a packet begins with its IP header */

struct block {
    uint8_t *bytes;
    size_t size, length;
    bool full;
};

static void put(struct block *block, const void *bytes, size_t count)
{
    if (block->full || block->size - block->length < count) {
        block->full = true;
        return;
    }
    memcpy(block->bytes + block->length, bytes, count);
    block->length += count;
}

static void put16(struct block *block, uint16_t value)
{
    put(block, &value, sizeof value);
}

static void put32(struct block *block, uint32_t value)
{
    put(block, &value, sizeof value);
}

/* Everything ends on 32 bits. */
static void put_padded(struct block *block, const void *bytes, size_t count)
{
    static const uint8_t zeros[4];
    put(block, bytes, count);
    put(block, zeros, (4 - count % 4) % 4);
}

static void put_option(struct block *block, uint16_t code, const void *bytes, size_t count)
{
    put16(block, code);
    put16(block, (uint16_t)count);
    put_padded(block, bytes, count);
}

/* A block's length stands at both of its ends. */
static size_t begin(struct block *block, uint32_t type)
{
    size_t at = block->length;
    put32(block, type);
    put32(block, 0);
    return at;
}

static void end(struct block *block, size_t at)
{
    put16(block, OPTION_END);
    put16(block, 0);
    uint32_t length = (uint32_t)(block->length - at + sizeof length);
    put32(block, length);
    if (!block->full)
        memcpy(block->bytes + at + sizeof(uint32_t), &length, sizeof length);
}

size_t pcapng_head(uint8_t head[PCAPNG_HEAD_BYTES], uint32_t snap)
{
    static const char application[] = "spid";
    static const uint8_t microseconds = 6, unknown[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct block block = {.bytes = head, .size = PCAPNG_HEAD_BYTES};
    size_t section = begin(&block, SECTION_HEADER);
    put32(&block, BYTE_ORDER_MAGIC);
    put16(&block, 1); /* version 1.0 */
    put16(&block, 0);
    put(&block, unknown, sizeof unknown); /* the section's length */
    put_option(&block, OPTION_APPLICATION, application, sizeof application - 1);
    end(&block, section);
    size_t interface = begin(&block, INTERFACE_DESCRIPTION);
    put16(&block, LINK_TYPE_RAW);
    put16(&block, 0);
    put32(&block, snap);
    put_option(&block, OPTION_RESOLUTION, &microseconds, 1);
    end(&block, interface);
    return block.length;
}

size_t pcapng_packet(uint8_t *to, size_t size, uint64_t time_us, const uint8_t *bytes, uint32_t captured, uint32_t length,
                     const char *comment)
{
    struct block block = {.bytes = to, .size = size};
    size_t at = begin(&block, ENHANCED_PACKET);
    put32(&block, 0); /* the interface */
    put32(&block, (uint32_t)(time_us >> 32));
    put32(&block, (uint32_t)time_us);
    put32(&block, captured);
    put32(&block, length);
    put_padded(&block, bytes, captured);
    put_option(&block, OPTION_COMMENT, comment, strlen(comment));
    end(&block, at);
    return block.full ? 0 : block.length;
}
