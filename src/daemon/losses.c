#include "daemon/losses.h"

#include "daemon/log.h"
#include "daemon/private.h"
#include "io/owner.h"

#define PROC_BYTES 65536
#define QUIET_MS 10000

void losses_look(struct daemon *daemon)
{
    static char text[PROC_BYTES];
    struct losses *losses = &daemon->losses;
    uint64_t queue_full = 0, socket_full = 0, now_ms = clock_now_ms();
    owner_read_queues(daemon->queues_fd, text, sizeof text);
    for (unsigned i = 0; i < daemon->worker_count; i++) {
        struct nfqueue_kernel kernel;
        if (!nfqueue_kernel_read(text, (uint16_t)(daemon->queue_first + i), &kernel))
            continue;
        queue_full += kernel.queue_dropped;
        socket_full += kernel.user_dropped;
    }
    /* What a rehearsal drops is no news; and a queue that is taken again counts anew. */
    if (rehearsal_is_on(daemon) || queue_full + socket_full < losses->told)
        losses->told = queue_full + socket_full;
    if (queue_full + socket_full == losses->told || now_ms < losses->quiet_until_ms)
        return;
    log_line(LOG_LEVEL_WARNING, "the kernel dropped %llu packets that waited for a worker (%llu in all as a queue was full, %llu "
                                "as its socket was); more queues have more workers",
             (unsigned long long)(queue_full + socket_full - losses->told), (unsigned long long)queue_full,
             (unsigned long long)socket_full);
    losses->told = queue_full + socket_full;
    losses->quiet_until_ms = now_ms + QUIET_MS;
}
