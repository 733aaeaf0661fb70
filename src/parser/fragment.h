/*
 * Words that are part of a statement, read as that statement: a packet is the middle of a `test`, connections are what stands
 * behind `protect`. Private to the parser.
 */
#ifndef PARSER_FRAGMENT_H
#define PARSER_FRAGMENT_H

#include "parser/check.h"

struct fragment {
    const char *what;           /* for messages: "the packet" */
    const char *before, *after; /* what stands around the words */
};

/* What the words are held against: the zones of RULESET (borrowed) have their names, and nothing else has one yet. */
struct check fragment_check(struct files *files, struct ruleset *ruleset);

/* The statement that TEXT makes, in the arena of FILES; NULL where it makes none, or several. */
const struct statement *fragment_read(const struct fragment *fragment, const char *text, const struct files *files);

/* The places of the diagnostics from FIRST on are in TEXT itself from here on, not in the statement that was made of it. */
void fragment_place(const struct fragment *fragment, const char *text, struct diagnostics *diagnostics, size_t first);

#endif
