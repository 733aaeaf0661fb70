/*
 * What lexer.l and grammar.y share: the state of reading one file. Private to the parser.
 */
#ifndef PARSER_SCANNER_H
#define PARSER_SCANNER_H

#include "parser/syntax.h"

struct arena;

struct scanner {
    const struct source *source;
    struct arena *arena;              /* of the syntax tree */
    struct diagnostics *diagnostics;

    /* Where the scanner stands. */
    size_t offset;                    /* in the source's text */
    const char *line_text;
    unsigned line, column;

    /* What stands open. */
    unsigned depth;                   /* of braces */
    struct location open;             /* the outermost open brace */
    bool line_begins;                 /* nothing but blanks in this line yet */
    bool statement_begins;            /* no token of the statement yet */
    int begun;                        /* the token that the statement began with */
    bool skipping;                    /* the rest of the statement is passed over: its error was reported */
    int held;                         /* a token to be given next, 0: none */
    unsigned words;                   /* and marks so far */
    struct word_node *misnamed;       /* reserved words that were used as names, each reported once */

    /* What the grammar makes. */
    struct statement *statements;     /* in reverse */
};

/* Reports an error of the text at AT. */
void scanner_error(struct scanner *scanner, struct location at, enum diagnostic_code code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Reads SOURCE into statements, in the order of the text, in the arena. Errors go to DIAGNOSTICS; the statements that were
 * read without one are returned all the same, so that one run finds the errors of all.
 */
struct statement *syntax_read(const struct source *source, struct arena *arena, struct diagnostics *diagnostics);

#endif
