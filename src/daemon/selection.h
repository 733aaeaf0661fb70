/* Some of the connections: those that a filter in words names. For the control socket; in the main thread. */
#ifndef DAEMON_SELECTION_H
#define DAEMON_SELECTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct connection;
struct daemon;
struct event;

/* Entries of the table that are looked at under one lock. */
#define WALK_BUDGET 256

struct selection;

/*
 * The connections of DAEMON that FILTER names, as parser_filter reads it; NULL: all. NULL where it cannot be read, and *WRONG has
 * the answer that says why.
 */
struct selection *selection_new(const struct daemon *daemon, const char *filter, json_t **wrong);
void selection_free(struct selection *selection);

/*
 * Before each use: looks at the clock, and reads the filter again where other rules hold than at the last time. False: these have
 * taken a name away that it has; *WRONG, unless WRONG is NULL, has the answer that says so.
 */
bool selection_renew(struct selection *selection, json_t **wrong);

/* Is CONNECTION, whose stripe is locked, among them? A child is matched as its own addresses say, not as its parent. */
bool selection_holds(const struct selection *selection, const struct connection *connection);

/* Is the packet of EVENT one of theirs, in either direction? */
bool selection_holds_event(const struct selection *selection, const struct event *event);

/*
 * Cuts the connections of the request's "filter": they are forgotten, so that their next packets are judged as a stranger's.
 * A command of the control socket.
 */
json_t *selection_kill(void *daemon, const json_t *request);

#endif
