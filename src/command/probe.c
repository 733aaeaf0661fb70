#include "command/probe.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fastpath/fastpath.h"
#include "io/nfqueue.h"

/* As few as a map of the fast path takes without trouble. */
#define PROBE_ENTRIES 64

static void try_queue(const struct hook *hook, struct probe *probe)
{
    struct nfqueue *queue = nfqueue_open(hook->queue_first, probe->queue_error, sizeof probe->queue_error);
    if (queue == NULL)
        return;
    socklen_t length = sizeof probe->receive_bytes;
    if (getsockopt(nfqueue_fd(queue), SOL_SOCKET, SO_RCVBUF, &probe->receive_bytes, &length) != 0)
        probe->receive_bytes = 0;
    probe->queue = true;
    nfqueue_close(queue);
}

static void try_hook(const struct hook *hook, struct probe *probe)
{
    struct hook plain = *hook;
    plain.fastpath = NULL;
    probe->hook = hook_install(&plain, &probe->missing, probe->hook_error, sizeof probe->hook_error) == 0;
}

static void try_fastpath(const struct hook *hook, struct probe *probe)
{
    char folder[FASTPATH_FOLDER_BYTES];
    unsigned missing;
    bool inherited;
    fastpath_folder(folder);
    const struct fastpath_config config = {folder, PROBE_ENTRIES};
    struct fastpath *fastpath = fastpath_open(&config, &inherited, probe->fastpath_error, sizeof probe->fastpath_error);
    if (fastpath == NULL)
        return;
    struct hook quick = *hook;
    quick.chains = CHAIN_BIT(CHAIN_FORWARD);
    quick.fastpath = fastpath_program(fastpath);
    probe->fastpath = hook_install(&quick, &missing, probe->fastpath_error, sizeof probe->fastpath_error) == 0;
    fastpath_close(fastpath);
    fastpath_unpin(folder);
}

static void try_all(const struct hook *hook, struct probe *probe)
{
    if (unshare(CLONE_NEWNET) != 0) {
        probe->refused = errno;
        return;
    }
    try_queue(hook, probe);
    try_hook(hook, probe);
    try_fastpath(hook, probe);
}

bool probe_kernel(const struct hook *hook, struct probe *probe)
{
    struct probe *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return false;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        try_all(hook, shared);
        _exit(0);
    }
    int status = 0;
    bool done = child > 0;
    while (done && waitpid(child, &status, 0) < 0)
        done = errno == EINTR;
    *probe = *shared;
    munmap(shared, sizeof *shared);
    return done && WIFEXITED(status);
}
