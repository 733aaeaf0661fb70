#include "ctl/failure.h"

#include <stdio.h>
#include <string.h>

#include "ctl/field.h"

void failure_show(const char *command, const json_t *answer)
{
    if (strcmp(command, "stop") == 0)
        printf("stopping: %s\n", text_of(answer, "then"));
    else
        printf("%s is rehearsed for %.1f s, and ends by itself: %s\n", text_of(answer, "failure"),
               json_number_value(json_object_get(answer, "seconds")), text_of(answer, "then"));
}

void failure_show_status(const json_t *answer)
{
    const json_t *rehearsal = json_object_get(answer, "rehearsal");
    if (json_is_object(rehearsal))
        printf("rehearsal    of %s, %.0f s more\n", text_of(rehearsal, "failure"),
               json_number_value(json_object_get(rehearsal, "left")));
}
