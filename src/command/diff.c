#include "command/diff.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/diff.h"
#include "analysis/witness.h"
#include "base/text.h"
#include "command/report.h"
#include "load/civil.h"
#include "load/load.h"

#define EXIT_REFUSED 1
#define EXIT_DIFFERENT 3
#define WORDS_BYTES 400

static bool load(struct loaded *loaded, const char *path)
{
    struct rangeset self = {0, NULL};
    if (load_rules(loaded, path, &self))
        return true;
    report_diagnostics(&loaded->diagnostics);
    return false;
}

static void add_rule(struct text *text, const struct ruleset *ruleset, uint32_t rule)
{
    if (rule == RULE_DEFAULT)
        text_add(text, "default");
    else
        text_add(text, "%s:%u", ruleset->rules[rule].file, ruleset->rules[rule].line);
}

/* One change, in words or as an object. */
struct shown {
    char old_bytes[WORDS_BYTES], new_bytes[WORDS_BYTES], witness_bytes[WORDS_BYTES];
};

static void show(struct shown *shown, const struct loaded *old, const struct loaded *fresh,
                 const struct ruleset *space, const struct change *change)
{
    struct text old_text, new_text, witness;
    text_init(&old_text, shown->old_bytes, sizeof shown->old_bytes);
    text_init(&new_text, shown->new_bytes, sizeof shown->new_bytes);
    text_init(&witness, shown->witness_bytes, sizeof shown->witness_bytes);
    add_rule(&old_text, old->ruleset, change->old_rule);
    add_rule(&new_text, fresh->ruleset, change->new_rule);
    witness_to_text(&witness, space, &change->witness, true);
}

static void print_json(const struct differences *differences, const struct loaded *old, const struct loaded *fresh,
                       const struct ruleset *space)
{
    json_t *changes = json_array();
    struct shown shown;
    for (size_t i = 0; i < differences->count; i++) {
        const struct change *change = &differences->changes[i];
        show(&shown, old, fresh, space, change);
        json_array_append_new(changes, json_pack("{s:s, s:s, s:s, s:s, s:s}", "old", shown.old_bytes, "new", shown.new_bytes,
                                                 "old_verdict", action_name(change->old_action), "new_verdict",
                                                 action_name(change->new_action), "witness", shown.witness_bytes));
    }
    json_t *root = json_pack("{s:b, s:o}", "equivalent", differences->count == 0 && !differences->given_up, "changes", changes);
    json_dumpf(root, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(root);
}

static void print_text(const struct differences *differences, const struct loaded *old, const struct loaded *fresh,
                       const struct ruleset *space)
{
    struct shown shown;
    for (size_t i = 0; i < differences->count; i++) {
        const struct change *change = &differences->changes[i];
        show(&shown, old, fresh, space, change);
        printf("%s -> %s: %s becomes %s, such as %s\n", shown.old_bytes, shown.new_bytes,
               action_name(change->old_action), action_name(change->new_action), shown.witness_bytes);
    }
    if (differences->given_up)
        printf("the files are too large to compare to the end: there may be more\n");
    else if (differences->count == 0)
        printf("equivalent\n");
}

int command_diff(const struct diff_options *options)
{
    struct loaded old, fresh = {.ruleset = NULL};
    struct differences differences;
    int status = EXIT_REFUSED;
    if (load(&old, options->old)) {
        if (load(&fresh, options->fresh)) {
            differences_of(old.ruleset, fresh.ruleset, civil_at(time(NULL)).day, &differences);
            /* Witnesses speak of the zones of both. */
            struct zone *zones = calloc(differences.zone_count, sizeof *zones);
            if (zones == NULL)
                abort();
            for (size_t i = 0; i < differences.zone_count; i++)
                zones[i].name = differences.zones[i];
            struct ruleset space = *old.ruleset;
            space.zones = zones;
            space.zone_count = differences.zone_count;
            (options->json ? print_json : print_text)(&differences, &old, &fresh, &space);
            status = differences.count == 0 && !differences.given_up ? 0 : EXIT_DIFFERENT;
            free(zones);
            differences_fini(&differences);
        }
        load_fini(&fresh);
    }
    load_fini(&old);
    return status;
}
