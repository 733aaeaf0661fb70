/*
 * Connections in words, as `spidctl states` and `kill` take them: what stands behind `protect`, and read as that.
 */
#include <string.h>

#include "parser/fragment.h"
#include "parser/parser.h"
#include "parser/words.h"

static const struct fragment filter_words = {.what = "the filter", .before = "protect ", .after = "\n"};

/* The ruleset's sets as definitions; its services have no names any more. */
static void define_sets(struct check *check, const struct ruleset *ruleset)
{
    struct definition *definitions = arena_take(check->arena, ruleset->set_count, sizeof *definitions);
    for (size_t i = 0; i < ruleset->set_count; i++) {
        definitions[i].kind = DEFINES_SET;
        /* It is resolved, and nobody writes to it. */
        definitions[i].set = (struct set *)(uintptr_t)ruleset->sets[i];
        definitions[i].progress = RESOLVED;
        names_add(&check->names, ruleset->sets[i]->name, &definitions[i]);
    }
}

static const struct rule *resolve(struct files *files, const struct statement *statement, const struct ruleset *ruleset)
{
    struct ruleset everywhere = *ruleset;
    /* What is not hooked has no connections, and may be asked for. */
    everywhere.hooks = CHAIN_BIT(CHAIN_FORWARD) | CHAIN_BIT(CHAIN_INPUT) | CHAIN_BIT(CHAIN_OUTPUT);
    struct check check = fragment_check(files, &everywhere);
    struct rule *rule = check.protect_list = arena_take(files->arena, 1, sizeof *rule);
    /* A copy, and full: nothing is added to what the ruleset has. */
    check.moving_list = arena_take(files->arena, RULESET_MOVING_MAX, sizeof *check.moving_list);
    memcpy(check.moving_list, ruleset->moving, ruleset->moving_count * sizeof *check.moving_list);
    check.moving = RULESET_MOVING_MAX;
    define_sets(&check, ruleset);
    check_protect(&check, statement);
    rule->states = STATE_BIT(STATE_NEW) | STATE_BIT(STATE_ESTABLISHED) | STATE_BIT(STATE_RELATED);
    return rule;
}

const struct rule *parser_filter(const char *text, const struct ruleset *ruleset, struct arena *arena,
                                 struct diagnostics *diagnostics)
{
    struct files files = {.arena = arena, .diagnostics = diagnostics};
    size_t errors = diagnostics->errors, first = diagnostics->count;
    const struct statement *statement = fragment_read(&filter_words, text, &files);
    const struct rule *rule = NULL;
    if (diagnostics->errors == errors && (statement == NULL || statement->kind != STATEMENT_PROTECT))
        diagnostics_add(diagnostics, &(struct diagnostic){.severity = SEVERITY_ERROR, .file = filter_words.what, .column = 1},
                        "connections are written so: lan to any tcp 22");
    else if (diagnostics->errors == errors)
        rule = resolve(&files, statement, ruleset);
    fragment_place(&filter_words, text, diagnostics, first);
    return diagnostics->errors == errors ? rule : NULL;
}

bool parser_duration(const char *text, uint64_t *ms)
{
    return word_is_duration(text, ms);
}
