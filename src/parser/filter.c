/*
 * Connections in words, as `spidctl states` and `kill` take them: what stands behind `protect`, and read as that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parser/check.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "parser/words.h"

#define BEFORE "protect "

static struct source *source_of(struct arena *arena, const char *text)
{
    size_t length = strlen(BEFORE) + strlen(text) + 1;
    char *whole = arena_take(arena, length + 1, 1);
    snprintf(whole, length + 1, "%s%s\n", BEFORE, text);
    struct source *source = arena_take(arena, 1, sizeof *source);
    *source = (struct source){.path = "the filter", .text = whole, .length = length};
    return source;
}

/* The ruleset's zones and sets as definitions; its services have no names any more. */
static void define_names(struct check *check, const struct ruleset *ruleset)
{
    struct definition *definitions = arena_take(check->arena, ruleset->zone_count + ruleset->set_count, sizeof *definitions);
    for (size_t i = 1; i < ruleset->zone_count; i++) {
        definitions->kind = DEFINES_ZONE;
        definitions->zone = (uint16_t)i;
        names_add(&check->names, ruleset->zones[i].name, definitions++);
    }
    for (size_t i = 0; i < ruleset->set_count; i++) {
        definitions->kind = DEFINES_SET;
        /* It is resolved, and nobody writes to it. */
        definitions->set = (struct set *)(uintptr_t)ruleset->sets[i];
        definitions->progress = RESOLVED;
        names_add(&check->names, ruleset->sets[i]->name, definitions++);
    }
}

static struct rule *resolve(struct check *check, const struct statement *statement, const struct ruleset *ruleset)
{
    struct rule *rule = check->protect_list = arena_take(check->arena, 1, sizeof *rule);
    struct ruleset everywhere = *ruleset;
    everywhere.hooks = CHAIN_BIT(CHAIN_FORWARD) | CHAIN_BIT(CHAIN_INPUT) | CHAIN_BIT(CHAIN_OUTPUT);
    check->ruleset = &everywhere; /* what is not hooked has no connections, and may be asked for */
    /* A copy, and full: nothing is added to what the ruleset has. */
    check->moving_list = arena_take(check->arena, RULESET_MOVING_MAX, sizeof *check->moving_list);
    memcpy(check->moving_list, ruleset->moving, ruleset->moving_count * sizeof *check->moving_list);
    check->moving = RULESET_MOVING_MAX;
    define_names(check, ruleset);
    check_protect(check, statement);
    rule->states = STATE_BIT(STATE_NEW) | STATE_BIT(STATE_ESTABLISHED) | STATE_BIT(STATE_RELATED);
    return rule;
}

const struct rule *parser_filter(const char *text, const struct ruleset *ruleset, struct arena *arena,
                                 struct diagnostics *diagnostics)
{
    struct files files = {.arena = arena, .diagnostics = diagnostics};
    struct check check = {.files = &files, .diagnostics = diagnostics, .arena = arena, .names = {.arena = arena},
                          .services = {.arena = arena}, .rules = {.arena = arena}, .schedule_names = {.arena = arena}};
    size_t errors = diagnostics->errors, first = diagnostics->count;
    const struct statement *statement = syntax_read(source_of(arena, text), arena, diagnostics);
    const struct rule *rule = NULL;
    if (diagnostics->errors == errors && (statement == NULL || statement->kind != STATEMENT_PROTECT || statement->next != NULL))
        diagnostics_add(diagnostics, &(struct diagnostic){.severity = SEVERITY_ERROR, .file = "the filter"},
                        "connections are written so: lan to any tcp 22");
    else if (diagnostics->errors == errors)
        rule = resolve(&check, statement, ruleset);
    for (size_t i = first; i < diagnostics->count; i++) {
        unsigned column = diagnostics->records[i].column, before = (unsigned)strlen(BEFORE);
        diagnostics->records[i].column = column > before ? column - before : 1;
    }
    return diagnostics->errors == errors ? rule : NULL;
}

bool parser_duration(const char *text, uint64_t *ms)
{
    return word_is_duration(text, ms);
}
