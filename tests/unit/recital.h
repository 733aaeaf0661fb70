/*
 * A text said over TCP to an ALG that writes down what it hears: the stream reader must tell it the text, whatever happens
 * to the segments on their way, or end the listening.
 *
 * Messages are lines. A line "#N" has a body of N bytes that are not to be heard.
 */
#ifndef TESTS_RECITAL_H
#define TESTS_RECITAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/family.h"
#include "state/stream.h"

#define RECITAL_TEXT_MAX 70000u
#define RECITAL_LINE_MAX 300u       /* message_bytes_max of the ALG */
#define RECITAL_START 0xffffff00u   /* the text's first sequence number: soon they wrap around */

struct recital {
    struct family family;
    struct blocks *blocks;
    bool strict;
    bool closed; /* and what cannot be heard */
    const char *refused;            /* of the last segment */
    unsigned heard_lines;
    size_t heard_bytes, wanted_bytes;
    uint8_t heard[RECITAL_TEXT_MAX], wanted[RECITAL_TEXT_MAX];
};

/* Begins: a SYN has been seen, and TEXT (LENGTH up to RECITAL_TEXT_MAX) is what will be said; `wanted` becomes what should be heard. */
void recital_begin(struct recital *recital, const uint8_t *text, size_t length);
void recital_end(struct recital *recital);

/* A segment of the speaker: LENGTH bytes from OFFSET of the text on. Returns whether it may pass. */
bool recital_say(struct recital *recital, uint32_t offset, const uint8_t *bytes, size_t length);

/* The listener acknowledges the text up to OFFSET. */
bool recital_acknowledge(struct recital *recital, uint32_t offset);

/* How far the text was read. */
uint32_t recital_offset(const struct recital *recital);

/* Is what was heard a beginning of what should be, and all of it if everything was READ? */
bool recital_true(const struct recital *recital, bool read);

#endif
