#include "ctl/sets.h"

#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/columns.h"
#include "ctl/field.h"

static void show_members(void *context, const json_t *answer)
{
    static const struct column columns[] = {{NULL, false}, {NULL, false}};
    struct columns *table = columns_new(stdout, columns_width(stdout), columns, sizeof columns / sizeof columns[0]);
    const json_t *members = json_object_get(answer, "members"), *member;
    size_t index;
    (void)context;
    json_array_foreach(members, index, member) {
        const json_t *left = json_object_get(member, "left");
        double age = json_number_value(json_object_get(member, "age"));
        columns_cell(table, "%s", text_of(member, "address"));
        if (json_is_number(left))
            columns_cell(table, "since %.0fs, leaves in %.0fs, by %s", age, json_number_value(left), text_of(member, "by"));
        else
            columns_cell(table, "since %.0fs, by %s", age, text_of(member, "by"));
    }
    columns_end(table);
    if (json_is_array(members))
        printf("%lld of %lld members\n", number_of(answer, "count"), number_of(answer, "max"));
}

int sets_run(const struct given *given)
{
    static const struct ask_shows shows = {.last = show_members};
    char *const *words = given->words;
    int count = given->count;
    const char *action = count > 1 ? words[1] : "";
    bool lists = count == 2 && strcmp(action, "list") == 0, deletes = count == 3 && strcmp(action, "delete") == 0;
    bool adds = (count == 3 || (count == 5 && strcmp(words[3], "for") == 0)) && strcmp(action, "add") == 0;
    if (!lists && !deletes && !adds)
        return usage_error("'set' takes NAME list, NAME add ADDRESS [for DURATION], or NAME delete ADDRESS");
    return ask(given,
               json_pack("{s:s, s:s, s:s*, s:s*}", "command", lists ? "set-list" : adds ? "set-add" : "set-delete", "set", words[0],
                         "address", lists ? NULL : words[2], "for", count == 5 ? words[4] : NULL),
               NULL, &shows);
}
