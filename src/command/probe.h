/*
 * What the kernel and iptables can do for spid, tried out: in a network namespace that is made for it and gone afterwards, so that
 * nothing of the machine's own rules is touched.
 */
#ifndef COMMAND_PROBE_H
#define COMMAND_PROBE_H

#include <stdbool.h>

#include "io/hook.h"

#define PROBE_TEXT_BYTES 600

struct probe {
    int refused;                     /* 0, or the errno for which there is no namespace: the rest is not known then */
    bool queue;                      /* a queue could be bound ... */
    char queue_error[PROBE_TEXT_BYTES];
    int receive_bytes;               /* ... and its socket takes so many */
    bool hook;                       /* the hook could be installed, for both families ... */
    char hook_error[PROBE_TEXT_BYTES];
    unsigned missing;                /* ... but for these enum hook_missing */
    bool fastpath;                   /* the program could be loaded, pinned and matched */
    char fastpath_error[PROBE_TEXT_BYTES];
};

/* Tries the chains and queues of HOOK, and the fast path. False: no memory or no process for it. */
bool probe_kernel(const struct hook *hook, struct probe *probe);

#endif
