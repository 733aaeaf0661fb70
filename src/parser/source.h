/*
 * The text of one rules file, and places in it.
 */
#ifndef PARSER_SOURCE_H
#define PARSER_SOURCE_H

#include <stddef.h>

#include "parser/diagnostic.h"

struct arena;

struct source {
    const char *path;          /* as it is shown */
    const char *text;          /* terminated by two NULs, as flex wants it */
    size_t length;
    const char *included_from; /* the include chain, or NULL */
};

/* A run of characters in one line. */
struct location {
    const struct source *source;
    const char *line_text;     /* where the line begins in the source's text */
    unsigned line, column;     /* from 1 */
    unsigned width;            /* characters */
    unsigned end_line, end_column; /* of a run over more lines: its last line, and the column behind it; 0, 0: it ends in LINE */
};

/* The location that begins with FIRST and ends with LAST; where that is in another line, the width is FIRST's line's. */
struct location location_span(struct location first, struct location last);

/* Adds an error or a warning at the location. */
void location_report(struct diagnostics *diagnostics, struct location location, enum severity severity,
                     enum diagnostic_code code, const char *format, ...) __attribute__((format(printf, 5, 6)));

struct quote;

/* The words at LOCATION, copied to ARENA. */
struct quote location_quote(struct arena *arena, struct location location);

/* A diagnostic's place, of a quote. */
struct diagnostic quote_record(const struct quote *quote, enum severity severity, enum diagnostic_code code);

/* How many characters the LENGTH bytes of UTF-8 at TEXT are; a broken byte counts as one. */
unsigned characters_in(const char *text, size_t length);

#endif
