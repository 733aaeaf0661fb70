/*
 * One file's text to statements: sets the scanner up, runs the grammar, brings the statements into order.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "parser/scanner.h"
#include "parser/grammar.h"

typedef struct yy_buffer_state *YY_BUFFER_STATE;
int spid_yylex_init_extra(struct scanner *scanner, void **lexer);
int spid_yylex_destroy(void *lexer);
YY_BUFFER_STATE spid_yy_scan_buffer(char *base, size_t size, void *lexer);

#include <stdarg.h>
#include <stdio.h>

#define MESSAGE_BYTES 1024

void scanner_error(struct scanner *scanner, struct location at, enum diagnostic_code code, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    location_report(scanner->diagnostics, at, SEVERITY_ERROR, code, "%s", message);
}

struct statement *syntax_read(const struct source *source, struct arena *arena, struct diagnostics *diagnostics)
{
    struct scanner scanner = {
        .source = source,
        .arena = arena,
        .diagnostics = diagnostics,
        .line_text = source->text,
        .line = 1,
        .column = 1,
        .line_begins = true,
        .statement_begins = true,
    };
    void *lexer;
    /* The scanner writes into its buffer while it works; the source's own text stays whole for the messages. */
    char *buffer = malloc(source->length + 2);
    if (buffer == NULL || spid_yylex_init_extra(&scanner, &lexer) != 0) {
        free(buffer);
        struct location whole = {.source = source};
        scanner_error(&scanner, whole, CODE_UNREADABLE, "no memory to read this file");
        return NULL;
    }
    memcpy(buffer, source->text, source->length);
    buffer[source->length] = buffer[source->length + 1] = '\0';
    spid_yy_scan_buffer(buffer, source->length + 2, lexer);
    spid_yyparse(lexer, &scanner);
    spid_yylex_destroy(lexer);
    free(buffer);
    return list_reversed(scanner.statements);
}
