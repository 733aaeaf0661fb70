/*
 * What fails is tried: for some seconds the daemon acts as if nobody served its queues, they were full, or its ALGs could not go
 * on, and the kernel and the rules do what they would do then. It ends by itself. In the main thread.
 */
#ifndef DAEMON_REHEARSAL_H
#define DAEMON_REHEARSAL_H

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/answer.h"
#include "rules/ruleset.h"

struct daemon;

/* The longest. */
#define REHEARSAL_SECONDS_MAX 60

struct rehearsal {
    ev_timer end; /* active: one is on */
    enum failure_setting failure;
    uint64_t ends_ms;
    bool missing; /* it is over, and some queue was not to be had again yet */
};

/* A command of the control socket: "failure" by its name, "for" a duration. One at a time. */
json_t *rehearsal_begin(void *daemon, const json_t *request);

bool rehearsal_is_on(const struct daemon *daemon);

/* Once a second: says whether all queues are served again. */
void rehearsal_look(struct daemon *daemon);

/* For `status`. */
struct rehearsal_view rehearsal_view(const struct daemon *daemon);

/* What happens at FAILURE (rules/failure.h) to the daemon as it runs, in the SIZE bytes at TEXT. */
const char *rehearsal_text(const struct daemon *daemon, unsigned failure, char *text, size_t size);

#endif
