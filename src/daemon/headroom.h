/*
 * Is there memory for rules that are to be read? Asked beforehand: a compiler that runs out of it cannot go on, and would take the daemon
 * with it. What no process is told of in time, the end of a control group's memory, this does not see either.
 */
#ifndef DAEMON_HEADROOM_H
#define DAEMON_HEADROOM_H

#include <stdbool.h>
#include <stddef.h>

#include "parser/parser.h"

/*
 * What the compiler needs at most for each byte of rules, and for itself. Measured (peak of `spid --check`): 275 to 370 a byte for ten
 * thousand short rules, 465 where each of them has a large set.
 */
#define HEADROOM_FOR_A_BYTE 640u
#define HEADROOM_BYTES (16u << 20)

/* Could so many bytes of rules be read now? */
bool headroom_for(size_t bytes);

/* Reads as ACCESS does, while there is room for all that was read so far; then -ENOMEM. */
struct headroom {
    const struct file_access *access;
    size_t bytes;
};

struct file_access headroom_access(struct headroom *headroom);

/*
 * Holds some memory back for the event loops, which end the process where they are refused any: they get it then. Before the
 * first loop is made, and each second, so that it is there again.
 */
void headroom_reserve(void);

#endif
