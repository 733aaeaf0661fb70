/*
 * Rules files to a compiled ruleset. Reads files only through what its caller gives, prints nothing, exits never: any
 * bytes end in a ruleset or in diagnostics. The stages: lexer.l and grammar.y make a syntax tree (syntax.h), check.c
 * resolves it to a ruleset.
 */
#ifndef PARSER_PARSER_H
#define PARSER_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "parser/diagnostic.h"

struct arena;
struct rule;
struct ruleset;
struct ruleset_test;
struct surroundings;

/* Bounds, so that no file can exhaust the machine; above them is an error that says so. */
#define PARSER_FILE_BYTES_MAX (64u << 20)
#define PARSER_FILES_MAX 1000
#define PARSER_INCLUDE_DEPTH_MAX 16
#define PARSER_NESTING_MAX 64 /* braces in braces, sets in sets, services in services */
#define PARSER_WORDS_MAX 5000000u /* of one file */
#define PARSER_SERVICES_MAX 65536 /* ports, ranges and types of one list of services */

/* How the parser gets at files. */
struct file_access {
    /* Reads the file at PATH whole (at most PARSER_FILE_BYTES_MAX) into malloc'ed memory, which the parser frees. Returns 0 or -errno (-EFBIG above the bound, -ENOTSUP for what is no file). */
    int (*read)(void *context, const char *path, char **bytes, size_t *length);
    /* Calls FOUND with each path that PATTERN (glob(7)) fits, sorted. Returns 0 or -errno; no match is 0. */
    int (*expand)(void *context, const char *pattern, void (*found)(void *taker, const char *path), void *taker);
    void *context;
};

/* The usual access: open(2) and glob(3). */
extern const struct file_access file_access_system;

/*
 * Reads the rules file at PATH with all that it includes. Adds everything there is to say to DIAGNOSTICS; returns the
 * ruleset (generation 0, ownership passes to the caller) or NULL when there was an error. Paths are shown as they are
 * written: PATH itself, and included files relative to the directory of PATH's where the include was relative.
 */
struct ruleset *parser_read(const char *path, const struct file_access *access, struct diagnostics *diagnostics);

/*
 * Reads the file at PATH (includes are not followed) and gives it back in its canonical form in malloc'ed text, or NULL
 * with diagnostics when it has a syntax error. Printing the canonical form again gives the same text, and both compile
 * to the same ruleset.
 */
char *parser_canonical(const char *path, const struct file_access *access, struct diagnostics *diagnostics);

/*
 * Reads a packet in words, "192.168.10.20@lan port 4000 to 203.0.113.5 tcp 443 established", by the zones of RULESET: its query,
 * and the moment where the words name one. `self` is the first own address in SURROUNDINGS. False: DIAGNOSTICS say why.
 */
bool parser_query(const char *text, const struct ruleset *ruleset, const struct surroundings *surroundings,
                  struct ruleset_test *packet, struct diagnostics *diagnostics);

/*
 * Reads connections in words, "lan to any tcp 22": endpoints and services as in a rule, by the zones and sets of RULESET. What it
 * gives matches their packets in any state; it lies in ARENA, and as long as the RULESET lives. NULL: DIAGNOSTICS say why.
 */
const struct rule *parser_filter(const char *text, const struct ruleset *ruleset, struct arena *arena,
                                 struct diagnostics *diagnostics);

/* Reads a time with its unit, such as 30s or 1h. */
bool parser_duration(const char *text, uint64_t *ms);

#endif
