#include "command/diff.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- what stands outside of the rules and decides too ---- */

static const struct zone *zone_called(const struct ruleset *ruleset, const char *name)
{
    for (size_t i = 1; i < ruleset->zone_count; i++)
        if (strcmp(ruleset->zones[i].name, name) == 0)
            return &ruleset->zones[i];
    return NULL;
}

/* Is there a zone of A that B has not, or otherwise, as far as WANTED tells? */
static bool zones_differ(const struct ruleset *a, const struct ruleset *b,
                         bool (*differs)(const struct zone *zone, const struct zone *other))
{
    for (size_t i = 1; i < a->zone_count; i++)
        if (differs(&a->zones[i], zone_called(b, a->zones[i].name)))
            return true;
    return false;
}

static bool antispoof_differs(const struct zone *zone, const struct zone *other)
{
    if (!zone->antispoof)
        return false;
    return other == NULL || !other->antispoof || zone->nets.count != other->nets.count ||
           memcmp(zone->nets.ranges, other->nets.ranges, zone->nets.count * sizeof *zone->nets.ranges) != 0;
}

static bool dhcp_differs(const struct zone *zone, const struct zone *other)
{
    return zone->dhcp && (other == NULL || !other->dhcp);
}

#define SETTINGS_MAX 4

/* The settings that decide about packets and differ: their keywords. Returns how many. */
static size_t settings(const struct ruleset *old, const struct ruleset *fresh, const char *words[SETTINGS_MAX])
{
    size_t count = 0;
    if (old->hooks != fresh->hooks)
        words[count++] = "hook";
    if (zones_differ(old, fresh, antispoof_differs) || zones_differ(fresh, old, antispoof_differs))
        words[count++] = "antispoof";
    if (old->implicit_nd != fresh->implicit_nd)
        words[count++] = "implicit nd";
    if (old->implicit_dhcp != fresh->implicit_dhcp ||
        (old->implicit_dhcp && (zones_differ(old, fresh, dhcp_differs) || zones_differ(fresh, old, dhcp_differs))))
        words[count++] = "implicit dhcp";
    return count;
}

static bool equivalent(const struct differences *differences, const struct loaded *old, const struct loaded *fresh)
{
    const char *words[SETTINGS_MAX];
    return differences->count == 0 && !differences->given_up && settings(old->ruleset, fresh->ruleset, words) == 0;
}

/* ---- the report ---- */

static void print_json(const struct differences *differences, const struct loaded *old, const struct loaded *fresh,
                       const struct ruleset *space)
{
    json_t *changes = json_array(), *changed = json_array();
    struct shown shown;
    const char *words[SETTINGS_MAX];
    size_t count = settings(old->ruleset, fresh->ruleset, words);
    for (size_t i = 0; i < differences->count; i++) {
        const struct change *change = &differences->changes[i];
        show(&shown, old, fresh, space, change);
        json_array_append_new(changes, json_pack("{s:s, s:s, s:s, s:s, s:s}", "old", shown.old_bytes, "new", shown.new_bytes,
                                                 "old_verdict", action_name(change->old_action), "new_verdict",
                                                 action_name(change->new_action), "witness", shown.witness_bytes));
    }
    for (size_t i = 0; i < count; i++)
        json_array_append_new(changed, json_string(words[i]));
    json_t *root = json_pack("{s:b, s:o, s:o, s:b}", "equivalent", equivalent(differences, old, fresh), "changes", changes,
                             "settings", changed, "complete", !differences->given_up);
    json_dumpf(root, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(root);
}

/* A chain that one of them hooks: the other leaves its packets to the kernel, whatever its rules say. */
static void print_hooks(const struct diff_options *options, const struct loaded *old, const struct loaded *fresh)
{
    static const char *const packets[CHAIN_COUNT] = {[CHAIN_FORWARD] = "forwarded packets",
                                                     [CHAIN_INPUT] = "packets to the gateway",
                                                     [CHAIN_OUTPUT] = "packets from the gateway"};
    for (unsigned chain = 0; chain < CHAIN_COUNT; chain++)
        if ((old->ruleset->hooks ^ fresh->ruleset->hooks) & CHAIN_BIT(chain))
            printf("'hook' differs: %s are judged by %s only\n", packets[chain],
                   old->ruleset->hooks & CHAIN_BIT(chain) ? options->old : options->fresh);
}

static void print_text(const struct diff_options *options, const struct differences *differences, const struct loaded *old,
                       const struct loaded *fresh, const struct ruleset *space)
{
    struct shown shown;
    const char *words[SETTINGS_MAX];
    size_t count = settings(old->ruleset, fresh->ruleset, words);
    for (size_t i = 0; i < differences->count; i++) {
        const struct change *change = &differences->changes[i];
        show(&shown, old, fresh, space, change);
        printf("%s -> %s: %s becomes %s, such as %s\n", shown.old_bytes, shown.new_bytes,
               action_name(change->old_action), action_name(change->new_action), shown.witness_bytes);
    }
    print_hooks(options, old, fresh);
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], "hook") != 0)
            printf("'%s' differs\n", words[i]);
    if (differences->given_up)
        printf("left out: the rules overlap too much to be compared to the end: there may be more\n");
    else if (differences->count + count == 0)
        printf("equivalent\n");
}

/* Witnesses speak of the zones and the sets of both: as of a ruleset that has them all. */
static void report(const struct diff_options *options, const struct differences *differences, const struct loaded *old,
                   const struct loaded *fresh)
{
    struct zone *zones = calloc(differences->zone_count, sizeof *zones);
    struct moving_set *moving = calloc(differences->moving_count + 1, sizeof *moving);
    if (zones == NULL || moving == NULL)
        abort(); /* as an arena does */
    for (size_t i = 0; i < differences->zone_count; i++)
        zones[i].name = differences->zones[i].name;
    for (size_t i = 0; i < differences->moving_count; i++)
        moving[i].name = differences->moving[i].name;
    const struct ruleset space = {.zones = zones, .zone_count = differences->zone_count, .moving = moving,
                                  .moving_count = differences->moving_count};
    if (options->json)
        print_json(differences, old, fresh, &space);
    else
        print_text(options, differences, old, fresh, &space);
    free(zones);
    free(moving);
}

int command_diff(const struct diff_options *options)
{
    struct loaded old, fresh = {.ruleset = NULL};
    struct differences differences;
    int status = EXIT_REFUSED;
    if (load(&old, options->old)) {
        if (load(&fresh, options->fresh)) {
            differences_of(old.ruleset, fresh.ruleset, civil_at(time(NULL)).day, &differences);
            report(options, &differences, &old, &fresh);
            status = equivalent(&differences, &old, &fresh) ? 0 : EXIT_DIFFERENT;
            differences_fini(&differences);
        }
        load_fini(&fresh);
    }
    load_fini(&old);
    return status;
}
