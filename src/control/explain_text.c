#include "control/explain_text.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "default";
}

static void print_outcome(const char *before, const json_t *outcome)
{
    const char *name = json_string_value(json_object_get(outcome, "name"));
    const char *by = text_of(outcome, json_object_get(outcome, "before") != NULL ? "before" : "rule");
    printf("%s%s %s by %s%s%s%s\n", before, text_of(outcome, "verdict"), text_of(outcome, "state"), by,
           name != NULL ? " \"" : "", name != NULL ? name : "", name != NULL ? "\"" : "");
}

static void print_member(const char *end, const json_t *member)
{
    if (member != NULL)
        printf("  the %s is in %s: %s\n", end, text_of(member, "set"), text_of(member, "by"));
}

void explain_print(const json_t *answer)
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
            printf("%s\n", text_of(step, "words"));
        print_member("source", json_object_get(step, "source_member"));
        print_member("destination", json_object_get(step, "destination_member"));
    }
    json_array_foreach(json_object_get(answer, "limits"), index, limit)
        printf("limited to %s\n", json_string_value(limit));
    print_outcome("", answer);
    /* What does not pass has no reply. */
    if (strcmp(text_of(answer, "verdict"), "allow") == 0)
        print_outcome("the reply: ", json_object_get(answer, "reply"));
}
