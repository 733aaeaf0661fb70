/*
 * A packet in words, as `spid --explain` takes it: the middle of a `test` statement, and read as one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parser/check.h"
#include "parser/parser.h"
#include "parser/scanner.h"

#define BEFORE "test \"the packet\" "
#define MESSAGE_BYTES 500
#define AFTER " expect allow\n"

static struct source *source_of(struct arena *arena, const char *text)
{
    size_t length = strlen(BEFORE) + strlen(text) + strlen(AFTER);
    char *whole = arena_take(arena, length + 2, 1);
    snprintf(whole, length + 1, "%s%s%s", BEFORE, text, AFTER);
    struct source *source = arena_take(arena, 1, sizeof *source);
    *source = (struct source){.path = "the packet", .text = whole, .length = length};
    return source;
}

/* The ruleset's zones as definitions, so that names behind '@' are found. */
static void define_zones(struct check *check, const struct ruleset *ruleset)
{
    for (size_t i = 1; i < ruleset->zone_count; i++) {
        struct definition *definition = arena_take(check->arena, 1, sizeof *definition);
        definition->kind = DEFINES_ZONE;
        definition->zone = (uint16_t)i;
        names_add(&check->names, ruleset->zones[i].name, definition);
    }
}

/* The places from FIRST on are those in the words themselves, not in the statement that was made of them. */
static void shift_places(struct diagnostics *diagnostics, size_t first, const char *text)
{
    for (size_t i = first; i < diagnostics->count; i++) {
        struct diagnostic *record = &diagnostics->records[i];
        if (record->source == NULL)
            continue;
        unsigned before = (unsigned)strlen(BEFORE), end = (unsigned)strlen(text) + 1;
        record->column = record->column > before ? record->column - before : 1;
        if (record->column > end)
            record->column = end;
        /* What stands behind the words is not theirs. */
        static const char behind[] = "unexpected 'expect'";
        if (strncmp(record->message, behind, strlen(behind)) == 0) {
            char message[MESSAGE_BYTES];
            snprintf(message, sizeof message, "the packet ends too early%s", record->message + strlen(behind));
            record->message = arena_text(diagnostics->arena, message, strlen(message));
        }
        record->source = arena_text(diagnostics->arena, text, strlen(text));
        if (record->end_column > before)
            record->end_column -= before;
    }
}

bool parser_query(const char *text, const struct ruleset *ruleset, const struct surroundings *surroundings,
                  struct ruleset_test *packet, struct diagnostics *diagnostics)
{
    struct arena *arena = arena_new();
    if (arena == NULL)
        abort(); /* as an arena does */
    struct ruleset zones = *ruleset;
    struct files files = {.arena = arena, .diagnostics = diagnostics};
    struct check check = {.files = &files, .diagnostics = diagnostics, .arena = arena, .ruleset = &zones,
                          .names = {.arena = arena}, .services = {.arena = arena}, .rules = {.arena = arena},
                          .schedule_names = {.arena = arena}, .surroundings = surroundings};
    size_t errors = diagnostics->errors, first = diagnostics->count;
    const struct statement *statement = syntax_read(source_of(arena, text), arena, diagnostics);
    if (diagnostics->errors == errors && (statement == NULL || statement->kind != STATEMENT_TEST || statement->next != NULL))
        diagnostics_add(diagnostics, &(struct diagnostic){.severity = SEVERITY_ERROR, .file = "the packet"},
                        "a packet is written so: 192.168.10.20@lan to 203.0.113.5 tcp 443");
    if (diagnostics->errors == errors) {
        check.test_list = arena_take(arena, 1, sizeof *check.test_list);
        define_zones(&check, ruleset);
        check_test(&check, statement);
        *packet = check.test_list[0];
        packet->file = packet->name = packet->by = NULL;
        packet->quote = NULL;
    }
    shift_places(diagnostics, first, text);
    arena_free(arena);
    return diagnostics->errors == errors;
}
