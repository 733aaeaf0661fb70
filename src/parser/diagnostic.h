/*
 * What the parser has to say about a rules file: records with positions, collected, all reported, printed by the caller.
 */
#ifndef PARSER_DIAGNOSTIC_H
#define PARSER_DIAGNOSTIC_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

/* The codes of interfaces.md, as `spid --check --json` shows them. */
enum diagnostic_code {
    CODE_SYNTAX,
    CODE_UNDEFINED,
    CODE_REDEFINED,
    CODE_CYCLE,
    CODE_RANGE,
    CODE_FAMILY,
    CODE_UNREADABLE,
    CODE_TEST,
    CODE_UNHOOKED,
    CODE_NO_CONTINUATION,
    CODE_INTERFACE,
    CODE_SHADOWED,
    CODE_REDUNDANT,
    CODE_NO_OPENER,
    CODE_WIDE_SELF,
    CODE_NO_ALG,
    CODE_WIDE_ALG,
    CODE_EXPIRED,
    CODE_PROTECT,
    CODE_NEVER,
    CODE_COUNT
};

struct diagnostic {
    enum severity severity;
    enum diagnostic_code code;
    const char *file;
    unsigned line, column;   /* from 1; columns count characters, a tab as one; 0, 0: the file as a whole */
    unsigned width;          /* characters under the caret line, at least 1 */
    unsigned end_line, end_column; /* the last character's line, and the column behind it; 0, 0: not known */
    const char *message;     /* one line, without file, position and severity */
    const char *source;      /* the line of text, or NULL where there is none */
    const char *witness;     /* a packet that shows it, or NULL */
    const char *by;          /* "office.rules:9, office.rules:12": the rules that have to do with it, or NULL */
    const char *mend;        /* a line that would do what is missed, or NULL */
    const char *included_from; /* "office.rules:3, spid.rules:10": the include chain, or NULL */
};

/* The most that is kept; further ones are only counted. */
#define DIAGNOSTICS_MAX 200

struct diagnostics {
    struct arena *arena; /* owns the strings */
    struct diagnostic *records;
    size_t count;        /* kept, in the order of the text */
    size_t left_out;
    size_t errors, warnings; /* all, kept or not */
};

/* Starts empty; diagnostics_fini frees what was collected. Returns false when there is no memory. */
bool diagnostics_init(struct diagnostics *diagnostics);
void diagnostics_fini(struct diagnostics *diagnostics);

/* Adds a record; the strings of RECORD are copied, the message is made as printf would. */
void diagnostics_add(struct diagnostics *diagnostics, const struct diagnostic *record, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Brings the records of each file into the order of its text; files stay in the order in which they were first named. */
void diagnostics_sort(struct diagnostics *diagnostics);

/* "syntax", "undefined" ... */
const char *diagnostic_code_name(enum diagnostic_code code);

/* "error" or "warning". */
const char *severity_name(enum severity severity);

struct text;

/*
 * Appends the record as people read it:
 *   office.rules:4:33: error: unknown state 'relted', expected ... (did you mean 'related'?)
 *     allow a to b tcp 80 established,relted
 *                                     ^~~~~~
 */
void diagnostic_to_text(struct text *text, const struct diagnostic *diagnostic);

#endif
