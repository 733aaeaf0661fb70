/* `rehearse` and `stop`: what happens when something fails, or ends. */
#ifndef CTL_FAILURE_H
#define CTL_FAILURE_H

#include <jansson.h>

struct given;

/* Each returns the exit status. */
int failure_rehearse_run(const struct given *given);
int failure_stop_run(const struct given *given);

/* The line of `status` about a rehearsal, where one is on. */
void failure_show_status(const json_t *answer);

#endif
