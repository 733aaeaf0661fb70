/* What the live view shows, as lines of text for a terminal of any width. Knows the daemon's answers and no terminal. */
#ifndef CTL_TOP_VIEW_H
#define CTL_TOP_VIEW_H

#include <jansson.h>
#include <stddef.h>

/* The bytes of a line; what is longer is cut. */
#define TOP_LINE_BYTES 1024

enum top_sort { SORT_RATE, SORT_BYTES, SORT_PACKETS, SORT_AGE, SORT_RULE, SORT_COUNT };

/* Its name, as the daemon takes it. */
const char *top_sort_name(enum top_sort sort);

/*
 * The state of the daemon by NOW, an answer to `top`; what is a second by the one BEFORE it, NULL: there is none. At most MOST
 * lines of WIDTH places; returns how many.
 */
unsigned top_view_head(const json_t *before, const json_t *now, unsigned width, char lines[][TOP_LINE_BYTES], unsigned most);

/* The titles of the columns that fit; the one by which connections are sorted in capitals. */
void top_view_titles(char line[TOP_LINE_BYTES], unsigned width, enum top_sort sort);

/* The line of a connection, in the same columns. */
void top_view_row(char line[TOP_LINE_BYTES], unsigned width, enum top_sort sort, const json_t *connection);

/* Cuts TEXT to so many places, with '~' at the end where something is gone; what would steer a terminal becomes '?'. */
void top_view_cut(char *text, unsigned places);

#endif
