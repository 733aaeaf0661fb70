/* Content that moves: the names of dns sets are looked up, and the prefixes of zones followed. */
#ifndef DAEMON_FOLLOW_H
#define DAEMON_FOLLOW_H

#include <stdbool.h>

struct daemon;
struct ruleset;

/* Begins to look names up. False, logged: that cannot be had; dns sets stay as they are. */
bool follow_start(struct daemon *daemon);
void follow_stop(struct daemon *daemon);

/* Lets the moving prefixes of RULESET be those that the interfaces have. Before workers judge by it, and when they change. */
void follow_prefixes(struct ruleset *ruleset);

#endif
