#include "parser/fragment.h"

#include <stdio.h>
#include <string.h>

#include "parser/scanner.h"

static struct source *source_of(const struct fragment *fragment, const char *text, struct arena *arena)
{
    size_t length = strlen(fragment->before) + strlen(text) + strlen(fragment->after);
    char *whole = arena_take(arena, length + 2, 1); /* zeroed: flex wants two of them behind it */
    snprintf(whole, length + 1, "%s%s%s", fragment->before, text, fragment->after);
    struct source *source = arena_take(arena, 1, sizeof *source);
    *source = (struct source){.path = fragment->what, .text = whole, .length = length};
    return source;
}

struct check fragment_check(struct files *files, struct ruleset *ruleset)
{
    struct arena *arena = files->arena;
    struct check check = {.files = files, .diagnostics = files->diagnostics, .arena = arena, .ruleset = ruleset,
                          .names = {.arena = arena}, .services = {.arena = arena}, .rules = {.arena = arena},
                          .schedule_names = {.arena = arena}};
    struct definition *definitions = arena_take(arena, ruleset->zone_count, sizeof *definitions);
    for (size_t i = 1; i < ruleset->zone_count; i++) {
        definitions[i].kind = DEFINES_ZONE;
        definitions[i].zone = (uint16_t)i;
        names_add(&check.names, ruleset->zones[i].name, &definitions[i]);
    }
    return check;
}

const struct statement *fragment_read(const struct fragment *fragment, const char *text, const struct files *files)
{
    const struct statement *statement = syntax_read(source_of(fragment, text, files->arena), files->arena, files->diagnostics);
    return statement != NULL && statement->next == NULL ? statement : NULL;
}

void fragment_place(const struct fragment *fragment, const char *text, struct diagnostics *diagnostics, size_t first)
{
    unsigned before = (unsigned)strlen(fragment->before), end = (unsigned)strlen(text) + 1;
    for (size_t i = first; i < diagnostics->count; i++) {
        struct diagnostic *record = &diagnostics->records[i];
        if (record->source == NULL)
            continue;
        record->column = record->column > before ? record->column - before : 1;
        if (record->column > end)
            record->column = end;
        if (record->end_column > before)
            record->end_column -= before;
        record->source = arena_text(diagnostics->arena, text, strlen(text));
    }
}
