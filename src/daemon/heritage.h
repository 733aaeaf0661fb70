/*
 * The file that outlasts the daemon: where it lies, whose it was, what of it is taken over, and how it is left. What
 * stands in it is state/estate.h's, and what of that is believed state/inherit.h's. In the main thread.
 *
 * The old file stays as it is, and in its place, until all is taken over into a new one and this daemon owns the
 * queues: whoever dies before leaves it to the next.
 */
#ifndef DAEMON_HERITAGE_H
#define DAEMON_HERITAGE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/answer.h"
#include "daemon/members.h"
#include "state/inherit.h"

struct daemon;
struct daemon_options;

struct heritage {
    char path[PATH_MAX], path_new[PATH_MAX + 8];
    struct estate *own;    /* NULL: nothing outlasts this daemon ... */
    char why[PATH_MAX + 300]; /* ... and why; or why nothing was taken over; else empty */
    struct estate *former; /* while it is taken over */
    int own_fd, former_fd; /* -1: none */
    bool passed_unseen; /* packets have passed since the daemon before */
    bool taken_over, settled, told_full, told_small;
    uint64_t pickup_until_ms; /* connections are picked up midway until then */
    struct inheritance inheritance;
    struct members members; /* of sets that move */
    uint32_t members_restored;
};

/* Where OPTIONS have the file. */
void heritage_path(const struct daemon_options *options, char path[PATH_MAX]);

/*
 * Looks at what the daemon before has left, and makes room for one's own. Where that is impossible the log says so,
 * and nothing outlasts this daemon. False: another daemon lives there.
 */
bool heritage_open(struct daemon *daemon);

/* Takes over what was left, into the daemon's table, which was made in the estate, and into the sets of its rules. */
void heritage_take_over(struct daemon *daemon);

/* All is taken over, and the queues are ours: what the daemon before has left is gone, and the next one finds ours. */
void heritage_settle(struct daemon *daemon);

/* Keeps what has changed in sets that move, and says once what the administrator should know. Every second. */
void heritage_watch(struct daemon *daemon);

/* The end is near: no worker writes any more, and the rules are still there. */
void heritage_prepare_end(struct daemon *daemon);

/* The end, when nobody writes any more and the table is gone. DISCARD: the next daemon is to know of nothing. */
void heritage_close(struct daemon *daemon, bool discard);

struct heritage_view heritage_view(const struct daemon *daemon);

#endif
