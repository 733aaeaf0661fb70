#include "daemon/judges.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "daemon/fast.h"
#include "daemon/log.h"
#include "daemon/private.h"
#include "io/hook.h"
#include "rules/failure.h"

/* The table's address space: so many connections can be allowed by a reload without a restart; only what is used takes memory. */
#define TABLE_CAPACITY 4194304u

#define ERROR_BYTES 600

void judges_limit(struct daemon *daemon)
{
    struct table_limits limits = engine_limits(daemon->policy->ruleset);
    table_limit(daemon->table, &limits);
}

static bool make_table(struct daemon *daemon)
{
    struct table_config config = {.capacity = TABLE_CAPACITY, .estate = daemon->heritage.own};
    if (daemon->policy->ruleset->connections_max > config.capacity)
        config.capacity = daemon->policy->ruleset->connections_max;
    if (getrandom(&config.key, sizeof config.key, 0) != (ssize_t)sizeof config.key) {
        log_line(LOG_LEVEL_ERROR, "no random key for the state table: %s", strerror(errno));
        return false;
    }
    daemon->table = table_new(&config);
    if (daemon->table == NULL) {
        log_line(LOG_LEVEL_ERROR, "no memory for a state table of %u connections", config.capacity);
        return false;
    }
    judges_limit(daemon);
    heritage_take_over(daemon);
    return true;
}

void judges_choose(struct daemon *daemon)
{
    const struct ruleset *ruleset = daemon->policy->ruleset;
    struct hook hook;
    hook_choose(&hook, &daemon->options->wish, ruleset);
    daemon->queue_first = hook.queue_first;
    daemon->queue_last = hook.queue_last;
    daemon->hooks = hook.chains;
    daemon->down = ruleset->on[FAILURE_DAEMON_DOWN];
}

static bool open_queues(struct nfqueue **queues, const struct daemon *daemon, unsigned count)
{
    char error[ERROR_BYTES];
    for (unsigned i = 0; i < count; i++) {
        queues[i] = nfqueue_open((uint16_t)(daemon->queue_first + i), error, sizeof error);
        if (queues[i] != NULL)
            continue;
        log_line(LOG_LEVEL_ERROR, "%s", error);
        while (i-- > 0)
            nfqueue_close(queues[i]);
        return false;
    }
    return true;
}

void judges_warn(const struct daemon *daemon, const struct ruleset *ruleset)
{
    for (unsigned i = 0; i < FAILURE_SETTINGS && daemon->fast == NULL; i++)
        if (ruleset->on[i] == ON_EXISTING)
            log_line(LOG_LEVEL_WARNING, "`on %s existing` needs the fast path: without it that is `drop`", failure_name(i));
}

/* The fast path is not to be, for the reason that stands in fast_error. False: the rules want it. */
static bool without_fast(struct daemon *daemon)
{
    const struct ruleset *ruleset = daemon->policy->ruleset;
    fast_stop(daemon->fast, true);
    fastpath_unpin(daemon->fast_folder); /* an earlier daemon may have had one */
    daemon->fast = NULL;
    if (ruleset->fastpath == FASTPATH_ON) {
        log_line(LOG_LEVEL_ERROR, "no fast path, and the rules say `fastpath on`: %s", daemon->fast_error);
        return false;
    }
    if (ruleset->fastpath == FASTPATH_AUTO)
        log_line(LOG_LEVEL_NOTICE, "no fast path, every packet is queued: %s", daemon->fast_error);
    judges_warn(daemon, ruleset);
    return true;
}

static const char *fast_unwanted(const struct daemon *daemon)
{
    if (daemon->policy->ruleset->fastpath == FASTPATH_OFF)
        return "off in the rules file";
    if (daemon->options->verbose)
        return "each packet is to be told of (-v)";
    return daemon->hooks & CHAIN_BIT(CHAIN_FORWARD) ? NULL : "`forward` is not hooked";
}

static bool start_fast(struct daemon *daemon)
{
    const struct ruleset *ruleset = daemon->policy->ruleset;
    const struct fast_config config = {
        .table = daemon->table,
        .policy = daemon->policy,
        .most = ruleset->fastpath_max,
        .folder = daemon->fast_folder,
        .passed_unseen = daemon->heritage.passed_unseen,
        .death = ruleset->on[FAILURE_DAEMON_DOWN] == ON_DROP ? FAST_DEATH_DROPS : FAST_DEATH_PASSES,
    };
    const char *unwanted = fast_unwanted(daemon);
    fastpath_folder(daemon->fast_folder);
    if (unwanted != NULL)
        snprintf(daemon->fast_error, sizeof daemon->fast_error, "%s", unwanted);
    else
        daemon->fast = fast_start(&config, daemon->fast_error, sizeof daemon->fast_error);
    if (daemon->fast == NULL)
        return without_fast(daemon);
    daemon->privileges.needs_bpf = privileges_need_bpf(fast_is_readable, daemon->fast);
    uint32_t adopted = fast_use(daemon->fast).adopted;
    if (adopted > 0)
        log_line(LOG_LEVEL_NOTICE, "%u connections of the fast path go on as the daemon before left them", adopted);
    return true;
}

/* What is to be installed; false, logged: rules of others would let packets past it. */
static bool choose_hook(struct daemon *daemon)
{
    char error[ERROR_BYTES];
    daemon->hook = (struct hook){
        .chains = hook_whole(daemon->hooks),
        .queue_first = daemon->queue_first,
        .queue_last = daemon->queue_last,
        .fastpath = daemon->fast != NULL ? fast_program(daemon->fast) : NULL,
        .bypass = daemon->policy->ruleset->on[FAILURE_DAEMON_DOWN] == ON_ACCEPT,
        .mark = daemon->options->mark,
    };
    if (daemon->hooks == 0 || hook_clash(&daemon->hook, error, sizeof error) == 0)
        return true;
    log_line(LOG_LEVEL_ERROR, "not starting, packets would get past spid: %s", error);
    return false;
}

static bool install_hook(struct daemon *daemon)
{
    char error[ERROR_BYTES];
    unsigned missing;
    if (!choose_hook(daemon))
        return false;
    if (daemon->hooks == 0)
        return true;
    int failed = hook_install(&daemon->hook, &missing, error, sizeof error);
    if (failed != 0 && daemon->hook.fastpath != NULL) {
        /* The match may be missing, in the kernel or in iptables. */
        snprintf(daemon->fast_error, sizeof daemon->fast_error, "%s", error);
        if (!without_fast(daemon))
            return false;
        daemon->hook.fastpath = NULL;
        failed = hook_install(&daemon->hook, &missing, error, sizeof error);
    }
    if (failed != 0) {
        log_line(LOG_LEVEL_ERROR, "cannot install the hook: %s", error);
        return false;
    }
    if (missing & HOOK_NO_IPV6)
        log_line(LOG_LEVEL_NOTICE, "this kernel has no IPv6; only IPv4 is hooked");
    if (missing & (HOOK_NO_DEFRAGMENTATION_V4 | HOOK_NO_DEFRAGMENTATION_V6))
        log_line(LOG_LEVEL_WARNING, "the kernel cannot be made to reassemble %s fragments (the match `socket` is missing: "
                                    "modprobe xt_socket); they will be denied as bad-fragment",
                 missing & HOOK_NO_DEFRAGMENTATION_V4 ? "IPv4" : "IPv6");
    return guard_prepare(daemon);
}

static int cpu_of(const struct daemon_options *options, unsigned worker)
{
    return options->cpu_count == 0 ? -1 : options->cpus[worker % options->cpu_count];
}

static bool start_worker(struct daemon *daemon, struct nfqueue *queue, struct inject *inject)
{
    struct worker_config config = {
        .number = daemon->worker_count,
        .workers = (unsigned)(daemon->queue_last - daemon->queue_first) + 1,
        .table = daemon->table,
        .queue = queue,
        .inject = inject,
        .policy = daemon->policy,
        .fast = daemon->fast,
        .pickup_until_ms = daemon->heritage.pickup_until_ms,
        .cpu = cpu_of(daemon->options, daemon->worker_count),
        .verbose = daemon->options->verbose,
    };
    struct worker *worker = worker_start(&config);
    if (worker == NULL && config.cpu >= 0 && errno == EINVAL)
        log_line(LOG_LEVEL_ERROR, "--cpus: processor %d is not there, or not for this process (see Cpus_allowed_list in /proc/self/status)",
                 config.cpu);
    else if (worker == NULL)
        log_line(LOG_LEVEL_ERROR, "a worker's thread is refused: %s", strerror(errno));
    if (worker == NULL)
        return false;
    daemon->workers[daemon->worker_count++] = worker;
    return true;
}

/* Raw sockets stay open: who has them needs no capability to send. */
static void open_injects(struct inject **injects, unsigned count, uint32_t mark)
{
    char error[ERROR_BYTES];
    for (unsigned i = 0; i < count; i++) {
        injects[i] = inject_new(mark, error, sizeof error);
        if (injects[i] == NULL && i == 0)
            log_line(LOG_LEVEL_WARNING, "%s; rejected packets are dropped without an answer", error);
    }
}

/* The last that is done with the privileges of the start. */
static bool drop_privileges(const struct daemon *daemon)
{
    char error[ERROR_BYTES];
    bool dropped = privileges_drop(&daemon->privileges, error, sizeof error);
    if (!dropped)
        log_line(LOG_LEVEL_ERROR, "%s", error);
    return dropped;
}

/* A thread for each queue; what no worker has is closed. */
static bool start_threads(struct daemon *daemon, struct nfqueue **queues, struct inject **injects, unsigned count, bool started)
{
    sigset_t all, before;
    /* Signals are the main thread's. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    for (unsigned i = 0; i < count; i++) {
        if (started) {
            started = start_worker(daemon, queues[i], injects[i]);
        } else {
            nfqueue_close(queues[i]);
            inject_free(injects[i]);
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static bool start_workers(struct daemon *daemon)
{
    struct nfqueue *queues[RULESET_QUEUES_MAX];
    struct inject *injects[RULESET_QUEUES_MAX];
    unsigned count = (unsigned)(daemon->queue_last - daemon->queue_first) + 1;
    if (!open_queues(queues, daemon, count))
        return false;
    open_injects(injects, count, daemon->options->mark.value);
    heritage_settle(daemon);
    return start_threads(daemon, queues, injects, count, install_hook(daemon) && drop_privileges(daemon));
}

bool judges_start(struct daemon *daemon)
{
    return heritage_open(daemon) && make_table(daemon) && start_fast(daemon) && start_workers(daemon);
}
