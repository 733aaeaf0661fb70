#include "command/explain.h"

#include <stdio.h>
#include <stdlib.h>

#include "command/report.h"
#include "control/explain.h"
#include "load/civil.h"
#include "load/load.h"
#include "parser/parser.h"
#include "rules/moving.h"
#include "rules/surroundings.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "default";
}

static void print_outcome(const char *before, const json_t *outcome)
{
    const char *name = json_string_value(json_object_get(outcome, "name"));
    printf("%s%s %s by %s%s%s%s\n", before, text_of(outcome, "verdict"), text_of(outcome, "state"), text_of(outcome, "rule"),
           name != NULL ? " \"" : "", name != NULL ? name : "", name != NULL ? "\"" : "");
}

static void print_member(const char *end, const json_t *member)
{
    if (member != NULL)
        printf("  the %s is in %s: %s\n", end, text_of(member, "set"), text_of(member, "by"));
}

static void print_text(const json_t *answer)
{
    size_t index;
    const json_t *step, *limit;
    json_array_foreach(json_object_get(answer, "path"), index, step) {
        const char *name = json_string_value(json_object_get(step, "name"));
        printf("%s%s%s%s: ", text_of(step, "rule"), name != NULL ? " \"" : "", name != NULL ? name : "",
               name != NULL ? "\"" : "");
        if (json_is_true(json_object_get(step, "matched")))
            printf("matches, %s\n", text_of(step, "action"));
        else
            printf("%s is %s, not %s\n", text_of(step, "failed"), text_of(step, "got"), text_of(step, "wanted"));
        print_member("source", json_object_get(step, "source_member"));
        print_member("destination", json_object_get(step, "destination_member"));
    }
    json_array_foreach(json_object_get(answer, "limits"), index, limit)
        printf("limited to %s\n", json_string_value(limit));
    print_outcome("", answer);
    print_outcome("the reply: ", json_object_get(answer, "reply"));
}

int command_explain(const struct explain_options *options)
{
    struct loaded loaded;
    struct rangeset self = {0, NULL};
    struct ruleset_test packet;
    bool ok = load_rules(&loaded, options->config, &self) &&
              parser_query(options->packet, loaded.ruleset, &packet, &loaded.diagnostics);
    if (!ok) {
        report_diagnostics(&loaded.diagnostics);
    } else {
        struct civil now = civil_at(time(NULL));
        struct surroundings *surroundings = surroundings_new(NULL, 0, NULL, 0);
        if (surroundings == NULL)
            abort();
        if (packet.at_given)
            now = (struct civil){packet.at.day != 0 ? packet.at.day : now.day, packet.at.second_of_week};
        moving_assume(loaded.ruleset);
        surroundings->schedules = ruleset_schedules_at(loaded.ruleset, now);
        json_t *answer = explain_answer(loaded.ruleset, surroundings, &packet.query);
        if (options->json) {
            json_dumpf(answer, stdout, JSON_COMPACT);
            putchar('\n');
        } else {
            print_text(answer);
        }
        json_decref(answer);
        surroundings_free(surroundings);
    }
    load_fini(&loaded);
    return ok ? 0 : 1;
}
