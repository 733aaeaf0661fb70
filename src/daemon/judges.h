/*
 * What judges packets, put together: state table, fast path, queues, hook, workers. In the main thread.
 *
 * The order of the start: table, with what the daemon before has left; queues; hook; workers. Until the hook stands
 * nothing is queued, and from then on somebody owns the queues, so no packet passes unjudged and none waits for nobody.
 */
#ifndef DAEMON_JUDGES_H
#define DAEMON_JUDGES_H

#include <stdbool.h>

struct daemon;
struct ruleset;

/* Which queues there will be, and which chains are hooked: by the command line, else by the rules, which are read already. */
void judges_choose(struct daemon *daemon);

/* Starts them all. False: the log says why; what has been started is in DAEMON, to be ended with it. */
bool judges_start(struct daemon *daemon);

/* Says where RULESET promises what needs the fast path, and there is none. */
void judges_warn(const struct daemon *daemon, const struct ruleset *ruleset);

/* The table holds as many connections as the rules allow from now on. */
void judges_limit(struct daemon *daemon);

#endif
