#include "ctl/failure.h"

#include <stdio.h>

#include "ctl/ask.h"
#include "ctl/field.h"

static void show_rehearsed(void *context, const json_t *answer)
{
    (void)context;
    printf("%s is rehearsed for %.1f s, and ends by itself: %s\n", text_of(answer, "failure"),
           json_number_value(json_object_get(answer, "seconds")), text_of(answer, "then"));
}

static void show_stopped(void *context, const json_t *answer)
{
    (void)context;
    printf("stopping: %s\n", text_of(answer, "then"));
}

void failure_show_status(const json_t *answer)
{
    const json_t *rehearsal = json_object_get(answer, "rehearsal");
    if (json_is_object(rehearsal))
        printf("rehearsal    of %s, %.0f s more\n", text_of(rehearsal, "failure"),
               json_number_value(json_object_get(rehearsal, "left")));
}

int failure_rehearse_run(const struct given *given)
{
    static const struct ask_shows shows = {.last = show_rehearsed};
    if (given->count != 2)
        return usage_error("'rehearse' takes daemon-down, overload or inspect-error, and a duration such as 5s");
    return ask(given, json_pack("{s:s, s:s, s:s}", "command", "rehearse", "failure", given->words[0], "for", given->words[1]), NULL,
               &shows);
}

int failure_stop_run(const struct given *given)
{
    /* Its end is the daemon's: what was to be removed is. */
    static const struct ask_shows shows = {.last = show_stopped, .to_end = true};
    if (given->count > 0)
        return usage_error("'stop' takes no argument but --open");
    return ask(given, json_pack("{s:s, s:b}", "command", "stop", "open", given->open), NULL, &shows);
}
