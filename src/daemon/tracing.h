/*
 * `trace`: verdicts as they happen, to clients of the control socket. Workers tell the main thread of every verdict while
 * somebody traces; it does the choosing, the words and the sending. A worker never waits: what does not fit his ring is
 * counted, as is what comes faster than a client may be told, or reads.
 */
#ifndef DAEMON_TRACING_H
#define DAEMON_TRACING_H

#include <ev.h>
#include <jansson.h>
#include <stdint.h>

#include "daemon/events.h"
#include "daemon/worker.h"

struct client;
struct daemon;

/* Clients that trace at once; lines a second that one of them is told. */
#define TRACERS_MAX 4
#define TRACER_LINES_A_SECOND 1000

struct tracer {
    struct client *client;  /* NULL: the place is free */
    struct selection *selection;
    struct log_meter meter;
    uint64_t left_out;      /* since the last line about it */
};

struct tracing {
    struct tracer tracers[TRACERS_MAX];
    struct events *rings[RULESET_QUEUES_MAX];
    uint64_t missed; /* by the rings, as far as told */
    ev_timer turn, sum_up;
};

/*
 * CLIENT is told of the verdicts that the request's "filter" names (as that of `states`, either direction), until
 * tracing_leave. What is wrong as an answer, or NULL. For struct control_actions, as the next one.
 */
json_t *tracing_join(void *daemon, struct client *client, const json_t *request);

void tracing_leave(void *daemon, struct client *client);

#endif
