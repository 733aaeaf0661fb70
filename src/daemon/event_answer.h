/* Events as the control socket tells of them: the fields of `spid --replay --json`, and where the packet came from. */
#ifndef DAEMON_EVENT_ANSWER_H
#define DAEMON_EVENT_ANSWER_H

#include <jansson.h>

#include "daemon/events.h"

/* The wall clock, in seconds, when the engine's clock showed zero. */
double event_epoch(void);

/*
 * EVENT as an object; its time is on the wall clock, by EPOCH. The rule is where RULESET, which may be a later one than the
 * event's, has it; null where it has it no more.
 */
json_t *event_answer(const struct event *event, const struct ruleset *ruleset, double epoch);

#endif
