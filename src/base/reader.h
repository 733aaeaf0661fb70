/*
 * A bounded reader over foreign bytes: the only way spid looks at what others sent.
 *
 * Reading past the end never happens: it returns zero and sets `failed`, which stays set, so that a parser may read
 * a whole header and ask once. Multi-byte numbers are big-endian (network order).
 */
#ifndef BASE_READER_H
#define BASE_READER_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
    const uint8_t *at;  /* next byte to be read */
    const uint8_t *end; /* one past the last byte */
    bool failed;        /* something was asked for that was not there */
};

/* Starts reading LENGTH bytes at BYTES, which are borrowed. */
static inline struct reader reader_over(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    return (struct reader){.at = at, .end = at + length, .failed = false};
}

/* How many bytes are left to read. */
static inline size_t reader_left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* Returns the next LENGTH bytes (borrowed) and steps over them; NULL when there are fewer. */
static inline const uint8_t *reader_bytes(struct reader *reader, size_t length)
{
    if (reader->failed || reader_left(reader) < length) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->at;
    reader->at += length;
    return bytes;
}

/* The number that begins at BYTES, which reader_bytes has given with so many behind it. */
static inline uint16_t number_u16(const uint8_t *bytes)
{
    uint16_t number;
    memcpy(&number, bytes, sizeof number);
    return be16toh(number);
}

static inline uint32_t number_u32(const uint8_t *bytes)
{
    uint32_t number;
    memcpy(&number, bytes, sizeof number);
    return be32toh(number);
}

static inline uint8_t reader_u8(struct reader *reader)
{
    const uint8_t *b = reader_bytes(reader, 1);
    return b ? b[0] : 0;
}

static inline uint16_t reader_u16(struct reader *reader)
{
    const uint8_t *b = reader_bytes(reader, 2);
    return b ? number_u16(b) : 0;
}

static inline uint32_t reader_u32(struct reader *reader)
{
    const uint8_t *b = reader_bytes(reader, 4);
    return b ? number_u32(b) : 0;
}

static inline uint64_t reader_u64(struct reader *reader)
{
    uint64_t high = reader_u32(reader);
    return high << 32 | reader_u32(reader);
}

#endif
