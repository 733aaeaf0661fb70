/*
 * The last packets of a worker that did not pass: a ring that the worker writes and the main thread reads.
 *
 * What is newest matters, so the writer never asks where the reader is: it writes over the oldest place. A place is a seqlock:
 * its number is odd while it is being written, and a reader who finds it odd, or other than before after he has copied, has
 * read a torn place and leaves it out: it has just become a newer one. One writer only, so no lock and no read-modify-write;
 * all is copied in words with relaxed atomics, because a seqlock's reader races by design (H. Boehm, "Can seqlocks get along
 * with programming language memory models?", MSPC 2012).
 */
#ifndef DAEMON_DROPS_H
#define DAEMON_DROPS_H

#include <stdint.h>

#include "daemon/events.h"

#define DROPS_MAX 256u /* a worker; a power of two */

#define EVENT_WORDS (sizeof(struct event) / sizeof(uint64_t))
_Static_assert(sizeof(struct event) % sizeof(uint64_t) == 0, "an event is copied in words");

struct drops {
    uint64_t written; /* how many ever: the next one goes to this place, modulo DROPS_MAX */
    struct {
        uint64_t number; /* 2n + 1 while the nth event is being written, 2n + 2 when it is */
        uint64_t words[EVENT_WORDS];
    } ring[DROPS_MAX];
};

/* Worker: EVENT is the newest. */
void drops_put(struct drops *drops, const struct event *event);

/*
 * Main thread: copies the newest to EVENTS, at most COUNT (which is at most DROPS_MAX), newest first. Returns how many: in a
 * flood fewer than there are, those that stayed long enough to be read.
 */
unsigned drops_last(const struct drops *drops, struct event *events, unsigned count);

#endif
