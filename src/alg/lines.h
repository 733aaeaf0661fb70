/*
 * Text protocols: lines out of bytes, words and numbers out of lines. Bounded, never past the end, no allocation.
 */
#ifndef ALG_LINES_H
#define ALG_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/address.h"

/* Some bytes of what was said; borrowed. */
struct span {
    const uint8_t *at;
    size_t length;
};

/* The first line of LENGTH bytes at BYTES, without its LF or CR LF, into *LINE; returns its length with them, 0 when it has not ended. */
size_t lines_first(const uint8_t *bytes, size_t length, struct span *line);

/* Does LINE begin with WORD, whatever the case (ASCII), and does the word end there (blank, '/', ':' or the end)? */
bool span_begins(struct span line, const char *word);

/* Is SPAN the WORD, whatever the case? */
bool span_is(struct span span, const char *word);

/* Have both the same bytes? */
bool span_equal(struct span a, struct span b);

/* Takes blanks and tabs off the front and the end. */
struct span span_trim(struct span span);

/* Takes the word up to the next blank or tab off the front of *REST, blanks before it and behind it too. Empty at the end. */
struct span span_word(struct span *rest);

/* Takes what stands before SEPARATOR off the front of *REST, and the separator; all of it where there is none. */
struct span span_until(struct span *rest, char separator);

/* Takes a decimal number of at most MOST off the front of *REST; false without a digit, or above MOST. */
bool span_number(struct span *rest, uint32_t most, uint32_t *number);

/* Takes CHARACTER off the front. */
bool span_take(struct span *rest, char character);

/* Reads an address of either family in its usual text form, all of SPAN; IPv6 may stand in brackets. */
bool span_address(struct span span, struct address *address);

/* Is there a byte 0, or one of 128 and above? */
bool span_has_nul(struct span span);
bool span_has_8bit(struct span span);

#endif
