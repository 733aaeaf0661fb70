/*
 * The main thread: start, signals, what workers have to tell, the control socket, the end.
 *
 * The order of the start: rules; what judges by them (judges.c); ready.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/exporter.h"
#include "daemon/fast.h"
#include "daemon/follow.h"
#include "daemon/guard.h"
#include "daemon/headroom.h"
#include "daemon/judges.h"
#include "daemon/landlock.h"
#include "daemon/log.h"
#include "daemon/losses.h"
#include "daemon/notify.h"
#include "daemon/private.h"
#include "daemon/reload.h"
#include "daemon/rules_access.h"
#include "daemon/selection.h"
#include "daemon/set_command.h"
#include "daemon/steward.h"
#include "daemon/views.h"
#include "engine/opener.h"
#include "io/interfaces.h"
#include "io/netlink.h"
#include "io/owner.h"
#include "load/civil.h"
#include "rules/failure.h"

/* How often what workers tell is written, and what they left out is summed up. */
#define DRAIN_SECONDS 0.05
#define SUM_UP_SECONDS 1.0

/* Changes of interfaces come in bursts: they are taken in so long after the first. */
#define SETTLE_SECONDS 0.1
#define SETTLE_AGAIN_SECONDS 1.0 /* after a failure */

#define ERROR_BYTES 600

/* What is said of what happens. */
#define WORDS_BYTES 400

/* ---- what workers judge by ---- */

/* Nobody judges by OLD any more, but by POLICY. */
static void close_ledger(struct daemon *daemon, const struct policy *old, const struct policy *policy)
{
    const struct policy *const kept[] = {policy, old, daemon->trial.before};
    if (!ledger_close(&daemon->ledger, old, kept, sizeof kept / sizeof kept[0]))
        log_line(LOG_LEVEL_ERROR, "no memory to go on counting for the rules of generation %u: they begin at 0",
                 old->ruleset->generation);
}

void daemon_publish(struct daemon *daemon, struct policy *policy, bool moved)
{
    struct policy *old = daemon->policy;
    bool reloaded = policy->ruleset != old->ruleset;
    if (reloaded)
        ruleset_adopt(policy->ruleset, old->ruleset, clock_now_ms());
    follow_prefixes(policy->ruleset);
    if (daemon->fast != NULL)
        fast_publish(daemon->fast, policy, reloaded || moved);
    for (unsigned i = 0; i < daemon->worker_count; i++)
        worker_publish(daemon->workers[i], policy);
    if (reloaded) {
        ruleset_adopt(policy->ruleset, old->ruleset, clock_now_ms());
        close_ledger(daemon, old, policy);
    }
    /* What is still to be told was decided by the old rules: now, while their names are there. */
    recorder_drain(daemon, old->ruleset);
    if (reloaded)
        recorder_sum_up(daemon);
    daemon->policy = policy;
    if (reloaded)
        recorder_use(daemon);
    judges_limit(daemon);
}

/* The same rules in other surroundings; MOVED: as daemon_publish has it. */
static void move_on(struct daemon *daemon, struct policy *policy, bool moved)
{
    struct policy *old = daemon->policy;
    daemon_publish(daemon, policy, moved);
    policy_free(old, policy);
}

/* The rules of a schedule begin or end to match, to the second. */
static void follow_schedules(struct daemon *daemon)
{
    const struct policy *policy = daemon->policy;
    time_t now = time(NULL);
    if (now == daemon->schedules_read || policy->ruleset->schedule_count == 0)
        return;
    daemon->schedules_read = now;
    uint64_t active = ruleset_schedules_at(policy->ruleset, civil_at(now));
    uint64_t changed = active ^ policy->surroundings->schedules;
    if (changed == 0)
        return;
    struct surroundings *surroundings = surroundings_at(policy->surroundings, active);
    struct policy *next = surroundings != NULL ? policy_with(policy, surroundings) : NULL;
    if (next == NULL) {
        surroundings_free(surroundings);
        daemon->schedules_read = 0; /* again at the next turn */
        return;
    }
    move_on(daemon, next, false);
    opener_schedule_edge(daemon->table, daemon->policy->ruleset, changed, clock_now_ms());
    for (size_t i = 0; i < daemon->policy->ruleset->schedule_count; i++)
        if (changed >> i & 1 && daemon->policy->ruleset->schedules[i].name != NULL)
            log_line(LOG_LEVEL_NOTICE, "schedule %s %s", daemon->policy->ruleset->schedules[i].name,
                     active >> i & 1 ? "begins" : "ends");
}

static void on_drain(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct daemon *daemon = watcher->data;
    (void)loop;
    (void)events;
    recorder_drain(daemon, daemon->policy->ruleset);
    table_tend(daemon->table);
    opener_flush(daemon->table, daemon->policy->ruleset, clock_now_ms());
    follow_schedules(daemon);
    if (daemon->fast != NULL)
        fast_turn(daemon->fast, clock_now_ms());
}

static void on_sum_up(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct daemon *daemon = watcher->data;
    uint64_t refused = 0;
    (void)loop;
    (void)events;
    recorder_second(daemon);
    for (unsigned i = 0; i < daemon->worker_count; i++)
        refused += worker_queue_counters(daemon->workers[i])->refused;
    if (refused > daemon->refused_told && daemon->refused_told == 0)
        log_line(LOG_LEVEL_ERROR, "the kernel refuses verdicts; spid needs CAP_NET_ADMIN while it runs");
    daemon->refused_told = refused;
}

static void on_second(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    losses_look(watcher->data);
    rehearsal_look(watcher->data);
    heritage_watch(watcher->data);
    guard_second(watcher->data);
    headroom_reserve();
}

/* ---- interfaces ---- */

static void on_interfaces(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct daemon *daemon = watcher->data;
    (void)events;
    netlink_drain(daemon->watch_fd);
    if (!ev_is_active(&daemon->settle)) {
        ev_timer_set(&daemon->settle, SETTLE_SECONDS, 0.);
        ev_timer_start(loop, &daemon->settle);
    }
}

static void on_settled(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct daemon *daemon = watcher->data;
    (void)events;
    struct surroundings *surroundings = interfaces_surroundings(daemon->policy->ruleset);
    struct policy *policy = surroundings != NULL ? policy_with(daemon->policy, surroundings) : NULL;
    if (policy != NULL) {
        surroundings->schedules = daemon->policy->surroundings->schedules;
        move_on(daemon, policy, policy->ruleset->antispoof);
        return;
    }
    surroundings_free(surroundings);
    log_line(LOG_LEVEL_ERROR, "the interfaces have changed and could not be read anew; the old picture stays for now");
    ev_timer_set(watcher, SETTLE_AGAIN_SECONDS, 0.);
    ev_timer_start(loop, watcher);
}

/* ---- the control socket ---- */

/* What the stop that is under way leaves behind. */
static const char *stopped_text(const struct daemon *daemon, char *text, size_t size)
{
    char words[WORDS_BYTES / 2];
    if (daemon->hooks == 0)
        snprintf(text, size, "no hook was installed");
    else if (daemon->remove_hook)
        snprintf(text, size, "%s", rehearsal_text(daemon, FAILURE_REMOVED, words, sizeof words));
    else
        snprintf(text, size, "the hook stays; until the next start %s",
                 rehearsal_text(daemon, FAILURE_DAEMON_DOWN, words, sizeof words));
    return text;
}

/* "open": what was installed goes, as at SIGINT; else it stays, as at SIGTERM. */
static json_t *stop_command(void *context, const json_t *request)
{
    struct daemon *daemon = context;
    char text[WORDS_BYTES];
    daemon->remove_hook = json_is_true(json_object_get(request, "open"));
    ev_break(daemon->loop, EVBREAK_ALL);
    return json_pack("{s:b, s:s}", "ok", 1, "then", stopped_text(daemon, text, sizeof text));
}

static const struct control_command commands[] = {
    {"status", false, views_status},        {"rules", false, views_rules},          {"explain", false, views_explain},
    {"set-list", false, set_command_list},  {"set-add", true, set_command_add},     {"set-delete", true, set_command_delete},
    {"kill", true, selection_kill},         {"reload", true, trial_reload},         {"confirm", true, trial_confirm},
    {"rollback", true, trial_rollback},     {"drops", false, views_drops},          {"metrics", false, views_metrics},
    {"rehearse", true, rehearsal_begin},    {"stop", true, stop_command},
};

static const struct control_stream streams[] = {
    {"trace", "tracing", tracing_join, tracing_leave},
    {"top", "watching", top_join, top_leave},
};

/* ---- signals ---- */

static void on_hup(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)loop;
    (void)events;
    trial_hang_up(watcher->data);
}

static void on_term(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct daemon *daemon = watcher->data;
    (void)events;
    daemon->remove_hook = watcher->signum == SIGINT;
    ev_break(loop, EVBREAK_ALL);
}

static void on_usr1(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)loop;
    (void)events;
    unsigned files = recorder_reopen(watcher->data);
    if (files > 0)
        log_line(LOG_LEVEL_NOTICE, "%u log files are opened anew", files);
    else
        log_line(LOG_LEVEL_NOTICE, "there are no log files to reopen: no rule says 'log to' or 'log packets to' a file");
}

/* ---- start and end ---- */

static void start_watchers(struct daemon *daemon)
{
    struct ev_loop *loop = daemon->loop;
    ev_signal_init(&daemon->hup, on_hup, SIGHUP);
    ev_signal_init(&daemon->term, on_term, SIGTERM);
    ev_signal_init(&daemon->interrupt, on_term, SIGINT);
    ev_signal_init(&daemon->usr1, on_usr1, SIGUSR1);
    ev_timer_init(&daemon->drain, on_drain, DRAIN_SECONDS, DRAIN_SECONDS);
    ev_timer_init(&daemon->sum_up, on_sum_up, SUM_UP_SECONDS, SUM_UP_SECONDS);
    ev_timer_init(&daemon->settle, on_settled, SETTLE_SECONDS, 0.);
    ev_timer_init(&daemon->second, on_second, 1., 1.);
    daemon->second.data = daemon;
    daemon->hup.data = daemon->term.data = daemon->interrupt.data = daemon->usr1.data = daemon;
    daemon->drain.data = daemon->sum_up.data = daemon->settle.data = daemon->interfaces.data = daemon;
    ev_signal_start(loop, &daemon->hup);
    ev_signal_start(loop, &daemon->term);
    ev_signal_start(loop, &daemon->interrupt);
    ev_signal_start(loop, &daemon->usr1);
    ev_timer_start(loop, &daemon->drain);
    ev_timer_start(loop, &daemon->sum_up);
    ev_timer_start(loop, &daemon->second);
    daemon->watch_fd = interfaces_watch();
    if (daemon->watch_fd < 0) {
        log_line(LOG_LEVEL_WARNING, "changes of interfaces cannot be followed (%s); reload after them",
                 strerror(-daemon->watch_fd));
        return;
    }
    ev_io_init(&daemon->interfaces, on_interfaces, daemon->watch_fd, EV_READ);
    daemon->interfaces.data = daemon;
    ev_io_start(loop, &daemon->interfaces);
    /* What changed between the first look and now was told to nobody: once more. */
    ev_timer_start(loop, &daemon->settle);
}

/* While that is still permitted, and not where a link leads; NULL: none is wanted, or it cannot be. */
static FILE *open_pidfile(const char *path)
{
    if (path == NULL)
        return NULL;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL)
        log_line(LOG_LEVEL_WARNING, "pid file %s: %s", path, strerror(errno));
    return file;
}

static void write_pidfile(FILE *file)
{
    if (file == NULL)
        return;
    if (fprintf(file, "%ld\n", (long)getpid()) < 0)
        log_line(LOG_LEVEL_WARNING, "the pid file: %s", strerror(errno));
    fclose(file);
}

static bool start(struct daemon *daemon)
{
    char error[ERROR_BYTES];
    struct reload_result result;
    const struct control_actions actions = {commands, sizeof commands / sizeof commands[0], streams,
                                            sizeof streams / sizeof streams[0], views_states, daemon};
    daemon->generation = 1;
    daemon->started_ms = clock_now_ms();
    /* The number of workers may stand in the file itself: counters are made for as many as there can be. */
    reload_read(&result, daemon->config, daemon->generation, RULESET_QUEUES_MAX + 1, CONNECTIONS_MAX);
    if (result.policy == NULL) {
        log_line(LOG_LEVEL_ERROR, "the rules are refused, not starting: %s", result.message);
        return false;
    }
    daemon->policy = result.policy;
    follow_prefixes(daemon->policy->ruleset);
    trial_take_hooks(daemon, daemon->policy);
    judges_choose(daemon);
    recorder_open(daemon);
    privileges_make_folder_of(&daemon->privileges, daemon->options->socket);
    daemon->control = control_socket_open(daemon->loop, daemon->options->socket, &actions, error, sizeof error);
    if (daemon->control == NULL) {
        log_line(LOG_LEVEL_ERROR, "%s", error);
        return false;
    }
    const char *metrics = daemon->options->metrics;
    daemon->exporter = metrics != NULL ? exporter_start(daemon, metrics, error, sizeof error) : NULL;
    if (metrics != NULL && daemon->exporter == NULL) {
        log_line(LOG_LEVEL_ERROR, "%s", error);
        return false;
    }
    landlock_keep_folder_of(daemon->options->socket);
    FILE *pidfile = open_pidfile(daemon->options->pidfile);
    daemon->queues_fd = owner_open_queues();
    if (!judges_start(daemon))
        return false;
    recorder_start(daemon);
    start_watchers(daemon);
    if (!follow_start(daemon))
        return false;
    guard_start(daemon);
    log_line(LOG_LEVEL_NOTICE, "ready: %s, %zu rules, %zu tests passed, queues %u-%u", daemon->config,
             daemon->policy->ruleset->rule_count, result.tests, daemon->queue_first, daemon->queue_last);
    write_pidfile(pidfile);
    notify_watch(daemon);
    notify_ready("%s, generation %u, %zu rules", daemon->config, daemon->generation, daemon->policy->ruleset->rule_count);
    return true;
}

static void stop(struct daemon *daemon)
{
    char error[ERROR_BYTES];
    /* The hook goes before the queues: packets that come in between pass by the filter rules alone, as was asked. */
    if (daemon->remove_hook && daemon->hooks != 0 && !steward_remove_hook(error, sizeof error))
        log_line(LOG_LEVEL_ERROR, "the hook could not be removed: %s", error);
    exporter_stop(daemon->exporter);
    /* Who traces looks at workers. */
    if (control_socket_close(daemon->control))
        steward_remove_socket();
    if (daemon->worker_count > 0)
        recorder_drain(daemon, daemon->policy->ruleset);
    for (unsigned i = 0; i < daemon->worker_count; i++)
        worker_stop(daemon->workers[i]);
    recorder_stop(daemon);
    fast_stop(daemon->fast, daemon->remove_hook);
    heritage_prepare_end(daemon);
    follow_stop(daemon);
    guard_stop(daemon);
    if (daemon->watch_fd >= 0)
        close(daemon->watch_fd);
    trial_stop(daemon);
    policy_free(daemon->policy, NULL);
    ledger_free(&daemon->ledger);
    table_free(daemon->table);
    if (daemon->queues_fd >= 0)
        close(daemon->queues_fd);
    heritage_close(daemon, daemon->remove_hook);
    if (daemon->options->pidfile != NULL)
        steward_remove_pidfile();
    steward_stop();
}

static int serve(const struct daemon_options *options, void (*ready)(void *context), void *context)
{
    struct daemon daemon = {.options = options, .watch_fd = -1, .queues_fd = -1, .heritage = {.former_fd = -1}};
    char error[ERROR_BYTES], text[WORDS_BYTES];
    if (!steward_start(options, error, sizeof error)) {
        log_line(LOG_LEVEL_ERROR, "%s", error);
        return 1;
    }
    privileges_find(&daemon.privileges);
    rules_access_for(&daemon.privileges);
    daemon.config = realpath(options->config, NULL);
    if (daemon.config == NULL) {
        log_line(LOG_LEVEL_ERROR, "cannot read the rules file %s: %s", options->config, strerror(errno));
        steward_stop();
        return 1;
    }
    headroom_reserve();
    daemon.loop = ev_default_loop(EVFLAG_AUTO);
    bool started = daemon.loop != NULL && start(&daemon);
    if (started) {
        ready(context);
        ev_run(daemon.loop, 0);
        notify_stopping();
        log_line(LOG_LEVEL_NOTICE, "stopping: %s", stopped_text(&daemon, text, sizeof text));
    }
    stop(&daemon);
    free(daemon.config);
    return started ? 0 : 1;
}

static void stay(void *context)
{
    (void)context;
}

/* The child is ready: its starter may go, and standard error with it. */
static void let_go(void *context)
{
    int *report = context, null = open("/dev/null", O_RDWR | O_CLOEXEC);
    log_to_stderr(false);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        close(null);
    }
    if (write(*report, "", 1) < 0)
        log_line(LOG_LEVEL_WARNING, "who started spid did not wait for it");
    close(*report);
}

/* The starter waits until the daemon is ready, so that its exit status tells whether it is. */
static int detach(const struct daemon_options *options)
{
    int report[2];
    char byte;
    if (pipe2(report, O_CLOEXEC) != 0) {
        log_line(LOG_LEVEL_ERROR, "cannot detach: %s", strerror(errno));
        return 1;
    }
    pid_t child = fork();
    if (child == 0) {
        close(report[0]);
        setsid();
        return serve(options, let_go, &report[1]);
    }
    close(report[1]);
    bool ready = child > 0 && read(report[0], &byte, 1) == 1;
    if (child < 0)
        log_line(LOG_LEVEL_ERROR, "cannot detach: %s", strerror(errno));
    close(report[0]);
    return ready ? 0 : 1;
}

int daemon_run(const struct daemon_options *options)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a log file above a limit is an error of the log, and no end */
    return options->foreground ? serve(options, stay, NULL) : detach(options);
}
