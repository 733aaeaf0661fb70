#include "ctl/rules.h"

#include <stdio.h>

#include "ctl/ask.h"
#include "ctl/columns.h"
#include "ctl/field.h"

static void ago_cell(struct columns *table, const json_t *value)
{
    if (json_is_number(value))
        columns_cell(table, "%.1fs", json_number_value(value));
    else
        columns_cell(table, "never");
}

static void show_rules(void *context, const json_t *answer)
{
    static const struct column columns[] = {
        {"action", false}, {"packets", true},  {"bytes", true}, {"conns", true},
        {"first hit", true}, {"last hit", true}, {"rule", false},
    };
    struct columns *table = columns_new(stdout, columns_width(stdout), columns, sizeof columns / sizeof columns[0]);
    size_t index;
    const json_t *rule;
    (void)context;
    json_array_foreach(json_object_get(answer, "rules"), index, rule) {
        const char *name = json_string_value(json_object_get(rule, "name"));
        columns_cell(table, "%s", text_of(rule, "action"));
        columns_cell(table, "%lld", number_of(rule, "packets"));
        columns_cell(table, "%lld", number_of(rule, "bytes"));
        columns_cell(table, "%lld", number_of(rule, "connections"));
        ago_cell(table, json_object_get(rule, "first_hit_ago"));
        ago_cell(table, json_object_get(rule, "last_hit_ago"));
        columns_cell(table, "%s%s%s%s", text_of(rule, "rule"), name ? " \"" : "", name ? name : "", name ? "\"" : "");
    }
    columns_end(table);
}

int rules_run(const struct given *given)
{
    static const struct ask_shows shows = {.last = show_rules};
    int wrong = usage_no_words(given);
    return wrong != 0 ? wrong : ask(given, ask_request(given, NULL), NULL, &shows);
}
