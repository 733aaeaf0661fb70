#include "ctl/trial.h"

#include <stdio.h>
#include <string.h>

#include "ctl/field.h"

/* Lines of the table that are printed; all of them are in the JSON. */
#define LINES_MAX 30

#define DECIDER_BYTES 200

/* "allow office.rules:12 "web"" */
static const char *decider_text(char *text, size_t size, const json_t *decider)
{
    const char *name = json_string_value(json_object_get(decider, "name"));
    snprintf(text, size, "%s %s%s%s%s", text_of(decider, "action"), text_of(decider, "rule"), name != NULL ? " \"" : "",
             name != NULL ? name : "", name != NULL ? "\"" : "");
    return text;
}

static void print_groups(const json_t *answer)
{
    const json_t *sums = json_object_get(answer, "connections"), *groups = json_object_get(answer, "groups"), *group;
    char old[DECIDER_BYTES], new[DECIDER_BYTES];
    long long left_out = number_of(answer, "left_out");
    size_t index;
    printf("connections: %lld keep their rule, %lld change it, %lld lose it", number_of(sums, "keep"), number_of(sums, "change"),
           number_of(sums, "lose"));
    if (number_of(sums, "return") + number_of(sums, "denied") > 0)
        printf("; of those that were cut %lld return, %lld stay cut", number_of(sums, "return"), number_of(sums, "denied"));
    printf("\n");
    json_array_foreach(groups, index, group) {
        if (index < LINES_MAX)
            printf("%8lld %-6s  %-40s > %s\n", number_of(group, "connections"), text_of(group, "fate"),
                   decider_text(old, sizeof old, json_object_get(group, "old")),
                   decider_text(new, sizeof new, json_object_get(group, "new")));
        else
            left_out += number_of(group, "connections");
    }
    if (left_out > 0)
        printf("%8lld more\n", left_out);
}

void trial_show(const char *command, const json_t *answer)
{
    long long generation = number_of(answer, "generation"), confirm = number_of(answer, "confirm");
    if (strcmp(command, "confirm") == 0) {
        printf("confirmed: generation %lld stays\n", generation);
        return;
    }
    if (strcmp(command, "rollback") == 0)
        printf("rolled back: generation %lld, %lld rules; the file is not changed\n", generation, number_of(answer, "rules"));
    else if (json_is_true(json_object_get(answer, "dry_run")))
        printf("dry run, nothing is changed: %lld rules, %lld tests passed, %lld warnings\n", number_of(answer, "rules"),
               number_of(answer, "tests"), number_of(answer, "warnings"));
    else
        printf("reloaded: generation %lld, %lld rules, %lld tests passed, %lld warnings\n", generation, number_of(answer, "rules"),
               number_of(answer, "tests"), number_of(answer, "warnings"));
    print_groups(answer);
    if (confirm > 0)
        printf("on trial: the rules before come back in %lld s, unless you say 'spidctl confirm'\n", confirm);
}

void trial_show_status(const json_t *answer)
{
    const json_t *trial = json_object_get(answer, "trial");
    if (json_is_object(trial))
        printf("on trial     %.0f s more, then the rules of generation %lld come back, unless 'spidctl confirm' is said\n",
               json_number_value(json_object_get(trial, "left")), number_of(answer, "before"));
    if (json_is_true(json_object_get(answer, "rolled_back")))
        printf("rolled back  these are the rules before the last reload; the file is not changed\n");
}
