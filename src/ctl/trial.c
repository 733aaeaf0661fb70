#include "ctl/trial.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ask.h"
#include "ctl/columns.h"
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
    static const struct column columns[] = {{NULL, true}, {NULL, false}, {NULL, false}, {NULL, false}};
    char text[DECIDER_BYTES];
    long long left_out = number_of(answer, "left_out");
    size_t index;
    printf("connections: %lld keep their rule, %lld change it, %lld lose it", number_of(sums, "keep"), number_of(sums, "change"),
           number_of(sums, "lose"));
    if (number_of(sums, "return") + number_of(sums, "denied") > 0)
        printf("; of those that were cut %lld return, %lld stay cut", number_of(sums, "return"), number_of(sums, "denied"));
    printf("\n");
    struct columns *table = columns_new(stdout, columns_width(stdout), columns, sizeof columns / sizeof columns[0]);
    json_array_foreach(groups, index, group) {
        if (index >= LINES_MAX) {
            left_out += number_of(group, "connections");
            continue;
        }
        columns_cell(table, "%lld", number_of(group, "connections"));
        columns_cell(table, "%s", text_of(group, "fate"));
        columns_cell(table, "%s", decider_text(text, sizeof text, json_object_get(group, "old")));
        columns_cell(table, "> %s", decider_text(text, sizeof text, json_object_get(group, "new")));
    }
    columns_end(table);
    if (left_out > 0)
        printf("%lld more\n", left_out);
}

static void show_reloaded(void *context, const json_t *answer)
{
    long long confirm = number_of(answer, "confirm");
    (void)context;
    if (json_is_true(json_object_get(answer, "dry_run")))
        printf("dry run, nothing is changed: ");
    else
        printf("reloaded: generation %lld, ", number_of(answer, "generation"));
    printf("%lld rules, %lld tests passed, %lld warnings\n", number_of(answer, "rules"), number_of(answer, "tests"),
           number_of(answer, "warnings"));
    print_groups(answer);
    if (confirm > 0)
        printf("on trial: the rules before come back in %lld s, unless you say 'spidctl confirm'\n", confirm);
}

static void show_confirmed(void *context, const json_t *answer)
{
    (void)context;
    printf("confirmed: generation %lld stays\n", number_of(answer, "generation"));
}

static void show_rolled_back(void *context, const json_t *answer)
{
    (void)context;
    printf("rolled back: generation %lld, %lld rules; the file is not changed\n", number_of(answer, "generation"),
           number_of(answer, "rules"));
    print_groups(answer);
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

int trial_reload_run(const struct given *given)
{
    static const struct ask_shows shows = {.last = show_reloaded};
    const char *confirm = given->confirm;
    char *end = NULL;
    long seconds = confirm != NULL ? strtol(confirm, &end, 10) : 0;
    if (given->count > 0)
        return usage_error("'reload' takes no argument but --confirm SECONDS or --dry-run");
    if (confirm != NULL && (end == confirm || *end != '\0' || seconds < 1))
        return usage_error("'--confirm' takes a number of seconds, not '%s'", confirm);
    if (confirm != NULL && given->dry_run)
        return usage_error("a dry run changes nothing: '--confirm' does not go with it");
    json_t *request = json_pack("{s:s}", "command", "reload");
    if (confirm != NULL)
        json_object_set_new(request, "confirm", json_integer(seconds));
    if (given->dry_run)
        json_object_set_new(request, "dry_run", json_true());
    return ask(given, request, NULL, &shows);
}

int trial_confirm_run(const struct given *given)
{
    static const struct ask_shows shows = {.last = show_confirmed};
    int wrong = usage_no_words(given);
    return wrong != 0 ? wrong : ask(given, ask_request(given, NULL), NULL, &shows);
}

int trial_rollback_run(const struct given *given)
{
    static const struct ask_shows shows = {.last = show_rolled_back};
    int wrong = usage_no_words(given);
    return wrong != 0 ? wrong : ask(given, ask_request(given, NULL), NULL, &shows);
}
