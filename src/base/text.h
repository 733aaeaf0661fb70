/*
 * A text buffer of fixed size in the caller's memory. It is always terminated, never overrun; what does not fit is
 * left out and `cut` is set.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *data;    /* the caller's, terminated */
    size_t size;   /* bytes at data, terminator included; at least 1 */
    size_t length; /* bytes in use, terminator excluded */
    bool cut;      /* something did not fit */
};

/* Starts an empty text in the caller's SIZE bytes (at least 1) at DATA. */
void text_init(struct text *text, char *data, size_t size);

/* Appends as printf would. Returns TEXT's data, for use in expressions. */
const char *text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
