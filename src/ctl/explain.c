#include "ctl/explain.h"

#include <stdio.h>
#include <string.h>

#include "control/explain_text.h"
#include "ctl/ask.h"
#include "ctl/field.h"
#include "ctl/states.h"

static void show_found(const char *what, const json_t *connection)
{
    if (!json_is_object(connection))
        return;
    printf("%s: ", what);
    states_show_one(connection);
    if (json_object_get(connection, "alg") != NULL && strcmp(text_of(connection, "hears"), "listening") != 0)
        printf("  its alg listens no more (%s): what is announced there opens nothing\n", text_of(connection, "hears"));
}

static void show_explained(void *context, const json_t *answer)
{
    (void)context;
    show_found("in the table", json_object_get(answer, "connection"));
    show_found("between the two", json_object_get(answer, "unheard"));
    explain_print(answer);
    if (json_is_string(json_object_get(answer, "broken")))
        printf("its packets are denied all the same, by its alg: %s (on inspect-error drop)\n", text_of(answer, "broken"));
    if (json_is_true(json_object_get(answer, "table_full")))
        printf("the table is full: new connections are denied but for rules with 'priority'\n");
}

int explain_run(const struct given *given)
{
    static const struct ask_shows shows = {.last = show_explained};
    if (given->count == 0)
        return usage_error("'explain' takes a packet, such as \"192.168.10.20@lan to 203.0.113.5 tcp 443\"");
    return ask(given, ask_request(given, "query"), "query", &shows);
}
