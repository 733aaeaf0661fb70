/* What the daemon answers to `rehearse` and `stop`, as text. */
#ifndef CTL_FAILURE_H
#define CTL_FAILURE_H

#include <jansson.h>

/* The answer to COMMAND. */
void failure_show(const char *command, const json_t *answer);

/* The line of `status` about a rehearsal, where one is on. */
void failure_show_status(const json_t *answer);

#endif
