/* Packets that never came to a worker: the kernel dropped them because a queue, or its socket, was full. Looked at each second. */
#ifndef DAEMON_LOSSES_H
#define DAEMON_LOSSES_H

struct daemon;

/* Looks, and logs what has been dropped since the last line about it; at most one line in ten seconds. In the main thread. */
void losses_look(struct daemon *daemon);

#endif
