/*
 * Denied packets with their bytes, for `log packets to`: a bounded ring from one worker to the main thread. A packet costs its
 * worker a copy, and never a wait; what does not fit, or comes faster than DENIED_A_SECOND, is counted and left out.
 */
#ifndef DAEMON_DENIED_H
#define DAEMON_DENIED_H

#include "base/ring.h"
#include "daemon/events.h"

#define DENIED_MAX 1024         /* a worker; a power of two */
#define DENIED_BYTES 1024       /* of each packet, from the IP header on: what the kernel hands over of most (io/nfqueue.h) */
#define DENIED_A_SECOND 1000    /* a worker: some MB a second on a disk in a flood, and no more */

struct denied {
    struct event event;
    uint32_t captured;
    uint8_t bytes[DENIED_BYTES];
};

struct denials {
    struct ring ring;
    struct log_meter meter;
    struct denied list[DENIED_MAX];
};

/* Worker: EVENT is the verdict on the packet of CAPTURED bytes at BYTES. */
void denials_put(struct denials *denials, const struct event *event, const uint8_t *bytes, size_t captured);

/* Main thread: takes the oldest. False when there is none. */
bool denials_take(struct denials *denials, struct denied *denied);

#endif
