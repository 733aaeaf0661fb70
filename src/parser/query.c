/*
 * A packet in words, as `spid --explain` takes it: the middle of a `test` statement, and read as one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parser/fragment.h"
#include "parser/parser.h"

#define MESSAGE_BYTES 500

static const struct fragment packet_words = {.what = "the packet", .before = "test \"the packet\" ", .after = " expect allow\n"};

/* What stands behind the words is not theirs. */
static void end_words(struct diagnostics *diagnostics, size_t first)
{
    static const char behind[] = "unexpected 'expect'";
    for (size_t i = first; i < diagnostics->count; i++) {
        struct diagnostic *record = &diagnostics->records[i];
        char message[MESSAGE_BYTES];
        if (strncmp(record->message, behind, strlen(behind)) != 0)
            continue;
        snprintf(message, sizeof message, "the packet ends too early%s", record->message + strlen(behind));
        record->message = arena_text(diagnostics->arena, message, strlen(message));
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
    size_t errors = diagnostics->errors, first = diagnostics->count;
    const struct statement *statement = fragment_read(&packet_words, text, &files);
    if (diagnostics->errors == errors && (statement == NULL || statement->kind != STATEMENT_TEST))
        diagnostics_add(diagnostics, &(struct diagnostic){.severity = SEVERITY_ERROR, .file = packet_words.what},
                        "a packet is written so: 192.168.10.20@lan to 203.0.113.5 tcp 443");
    if (diagnostics->errors == errors) {
        struct check check = fragment_check(&files, &zones);
        check.surroundings = surroundings;
        check.test_list = arena_take(arena, 1, sizeof *check.test_list);
        check_test(&check, statement);
        *packet = check.test_list[0];
        packet->file = packet->name = packet->by = NULL;
        packet->quote = NULL;
    }
    end_words(diagnostics, first);
    fragment_place(&packet_words, text, diagnostics, first);
    arena_free(arena);
    return diagnostics->errors == errors;
}
