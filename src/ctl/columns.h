/*
 * A table for people: columns as wide as what stands in them. On a terminal that is too narrow for a line, the columns that do
 * not fit stand below the others, indented, in each line the same: nothing is cut off and nothing breaks inside a word.
 */
#ifndef CTL_COLUMNS_H
#define CTL_COLUMNS_H

#include <stdbool.h>
#include <stdio.h>

/* Most columns of a table. */
#define COLUMNS_MAX 12

struct column {
    const char *title; /* NULL in each: there is no line of titles */
    bool right;        /* numbers end below each other */
};

struct columns;

/* The columns that OUT is wide as a terminal; 0: it is none, or nobody knows. */
unsigned columns_width(FILE *out);

/* A table of COUNT columns (borrowed) on OUT, folded to WIDTH, 0: never. NULL: there is no memory. */
struct columns *columns_new(FILE *out, unsigned width, const struct column *columns, unsigned count);

/* The next cell of a line; after the last one the next line begins. Long tables are printed in parts. */
void columns_cell(struct columns *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints what has not been printed, and frees the table. */
void columns_end(struct columns *table);

/* How many places the UTF-8 TEXT takes. */
unsigned columns_places(const char *text);

#endif
