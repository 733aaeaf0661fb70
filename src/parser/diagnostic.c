#include "parser/diagnostic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"

#define MESSAGE_BYTES 2048

bool diagnostics_init(struct diagnostics *diagnostics)
{
    *diagnostics = (struct diagnostics){.arena = arena_new()};
    if (diagnostics->arena == NULL)
        return false;
    diagnostics->records = arena_take(diagnostics->arena, DIAGNOSTICS_MAX, sizeof *diagnostics->records);
    return true;
}

void diagnostics_fini(struct diagnostics *diagnostics)
{
    arena_free(diagnostics->arena);
    *diagnostics = (struct diagnostics){0};
}

static const char *copy(struct arena *arena, const char *text)
{
    return text == NULL ? NULL : arena_text(arena, text, strlen(text));
}

void diagnostics_add(struct diagnostics *diagnostics, const struct diagnostic *record, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (record->severity == SEVERITY_ERROR)
        diagnostics->errors++;
    else
        diagnostics->warnings++;
    if (diagnostics->count == DIAGNOSTICS_MAX) {
        diagnostics->left_out++;
        return;
    }
    struct diagnostic *kept = &diagnostics->records[diagnostics->count++];
    *kept = *record;
    kept->message = copy(diagnostics->arena, message);
    kept->file = copy(diagnostics->arena, record->file);
    kept->source = copy(diagnostics->arena, record->source);
    kept->witness = copy(diagnostics->arena, record->witness);
    kept->by = copy(diagnostics->arena, record->by);
    kept->mend = copy(diagnostics->arena, record->mend);
    kept->included_from = copy(diagnostics->arena, record->included_from);
}

static bool comes_later(const struct diagnostic *a, const struct diagnostic *b)
{
    if (strcmp(a->file, b->file) != 0)
        return false;
    return a->line != b->line ? a->line > b->line : a->column > b->column;
}

/* There are few, and they are almost in order: the passes of the checker each run through the text. */
void diagnostics_sort(struct diagnostics *diagnostics)
{
    struct diagnostic *records = diagnostics->records;
    for (size_t i = 1; i < diagnostics->count; i++) {
        struct diagnostic record = records[i];
        size_t place = i;
        for (size_t k = i; k-- > 0;)
            if (comes_later(&records[k], &record))
                place = k;
        memmove(&records[place + 1], &records[place], (i - place) * sizeof *records);
        records[place] = record;
    }
}

const char *diagnostic_code_name(enum diagnostic_code code)
{
    static const char *const names[CODE_COUNT] = {
        [CODE_SYNTAX] = "syntax",       [CODE_UNDEFINED] = "undefined",
        [CODE_REDEFINED] = "redefined", [CODE_CYCLE] = "cycle",
        [CODE_RANGE] = "range",         [CODE_FAMILY] = "family",
        [CODE_UNREADABLE] = "unreadable", [CODE_TEST] = "test",
        [CODE_UNHOOKED] = "unhooked",   [CODE_NO_CONTINUATION] = "no-continuation",
        [CODE_INTERFACE] = "interface", [CODE_SHADOWED] = "shadowed",
        [CODE_REDUNDANT] = "redundant", [CODE_NO_OPENER] = "no-opener",
        [CODE_WIDE_SELF] = "wide-self", [CODE_NO_ALG] = "no-alg", [CODE_WIDE_ALG] = "wide-alg", [CODE_EXPIRED] = "expired",
        [CODE_PROTECT] = "protect",     [CODE_NEVER] = "never",
    };
    return names[code];
}

const char *severity_name(enum severity severity)
{
    return severity == SEVERITY_ERROR ? "error" : "warning";
}

/* The caret line: as many columns of blanks as stand before the place, tabs kept, then ^~~~. */
static void add_caret(struct text *text, const struct diagnostic *diagnostic)
{
    const char *at = diagnostic->source;
    text_add(text, "  ");
    for (unsigned column = 1; column < diagnostic->column && *at != '\0'; column++) {
        text_add(text, "%c", *at == '\t' ? '\t' : ' ');
        do
            at++;
        while (((unsigned char)*at & 0xc0) == 0x80);
    }
    text_add(text, "^");
    for (unsigned i = 1; i < diagnostic->width && *at != '\0'; i++) {
        do
            at++;
        while (((unsigned char)*at & 0xc0) == 0x80);
        text_add(text, "%s", *at != '\0' ? "~" : "");
    }
    text_add(text, "\n");
}

void diagnostic_to_text(struct text *text, const struct diagnostic *diagnostic)
{
    text_add(text, "%s:", diagnostic->file);
    if (diagnostic->line > 0)
        text_add(text, "%u:%u:", diagnostic->line, diagnostic->column);
    text_add(text, " %s: %s\n", severity_name(diagnostic->severity), diagnostic->message);
    if (diagnostic->source != NULL) {
        text_add(text, "  %s\n", diagnostic->source);
        add_caret(text, diagnostic);
    }
    if (diagnostic->included_from != NULL)
        text_add(text, "  included from %s\n", diagnostic->included_from);
}
