#include "daemon/trial.h"

#include <malloc.h>

#include "control/answer.h"
#include "daemon/follow.h"
#include "daemon/judges.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/preview.h"
#include "daemon/private.h"
#include "daemon/reload.h"

static bool is_on(const struct daemon *daemon)
{
    return ev_is_active(&daemon->trial.end);
}

static void warn_of_restart(const struct daemon *daemon, const struct ruleset *ruleset)
{
    bool queues = !daemon->options->wish.queues_given && ruleset->queue_given &&
                  (ruleset->queue_first != daemon->queue_first || ruleset->queue_last != daemon->queue_last);
    bool hooks = !daemon->options->wish.chains_given && ruleset->hooks != daemon->hooks;
    const struct ruleset *old = daemon->policy->ruleset;
    bool fastpath = ruleset->fastpath != old->fastpath || ruleset->fastpath_max != old->fastpath_max;
    bool down = ruleset->on[FAILURE_DAEMON_DOWN] != old->on[FAILURE_DAEMON_DOWN];
    if (queues || hooks || fastpath || down)
        log_line(LOG_LEVEL_WARNING, "the file's `%s` has changed; that takes effect at the next start",
                 queues ? "queue" : hooks ? "hook" : fastpath ? "fastpath" : "on daemon-down");
}

void trial_take_hooks(const struct daemon *daemon, struct policy *policy)
{
    if (daemon->options->wish.chains_given && daemon->options->wish.chains != 0)
        policy->ruleset->hooks = daemon->options->wish.chains;
    else if (daemon->hooks != 0)
        policy->ruleset->hooks = daemon->hooks;
}

/* ---- from one policy to another ---- */

/* POLICY is over; NEXT: as policy_free has it. Rules can be large, and malloc would keep their memory for others like them. */
static void forget(struct policy *policy, const struct policy *next)
{
    policy_free(policy, next);
    malloc_trim(0);
}

/* POLICY, not in use, is ready to follow the one that holds: the same members in its sets. Returns what it will do, for an answer. */
static json_t *prepare(const struct daemon *daemon, struct policy *policy)
{
    struct preview preview;
    ruleset_adopt(policy->ruleset, daemon->policy->ruleset, clock_now_ms());
    follow_prefixes(policy->ruleset);
    preview_make(&preview, daemon, policy);
    log_line(LOG_LEVEL_NOTICE, "of the connections %llu keep their rule, %llu change it, %llu lose it, %llu return",
             (unsigned long long)preview.fates[FATE_KEEP], (unsigned long long)preview.fates[FATE_CHANGE],
             (unsigned long long)preview.fates[FATE_LOSE], (unsigned long long)preview.fates[FATE_RETURN]);
    json_t *answer = json_pack("{s:b, s:I}", "ok", 1, "rules", (json_int_t)policy->ruleset->rule_count);
    preview_answer(&preview, answer);
    return answer;
}

/* POLICY holds, under a generation of its own, so that every connection is matched anew. Returns what held before. */
static struct policy *install(struct daemon *daemon, struct policy *policy)
{
    struct policy *old = daemon->policy;
    policy->ruleset->generation = ++daemon->generation;
    daemon_publish(daemon, policy, false);
    return old;
}

static void hold_rejects(const struct daemon *daemon, bool held)
{
    for (unsigned i = 0; i < daemon->worker_count; i++)
        worker_hold_rejects(daemon->workers[i], held);
}

static void end_trial(struct daemon *daemon)
{
    ev_timer_stop(daemon->loop, &daemon->trial.end);
    hold_rejects(daemon, false);
}

/* The rules before the last reload hold again; there are some. WHY begins the line in the log. */
static json_t *go_back(struct daemon *daemon, const char *why)
{
    struct trial *trial = &daemon->trial;
    uint32_t generation = trial->before->ruleset->generation;
    struct policy *policy = reload_again(trial->before, daemon->policy);
    trial->before = NULL;
    json_t *answer = prepare(daemon, policy);
    forget(install(daemon, policy), policy);
    end_trial(daemon);
    trial->rolled_back = true;
    log_line(LOG_LEVEL_WARNING, "%s: the rules of generation %u hold again, as generation %u; mend %s before the next reload "
                                "or start", why, generation, daemon->generation, daemon->config);
    return answer;
}

/* systemd is told of what holds now. */
static void tell_ready(const struct daemon *daemon)
{
    notify_ready("%s, generation %u, %zu rules%s", daemon->config, daemon->generation, daemon->policy->ruleset->rule_count,
                 is_on(daemon) ? ", on trial" : daemon->trial.rolled_back ? ", rolled back" : "");
}

static void on_end(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    json_decref(go_back(watcher->data, "not confirmed in time"));
    tell_ready(watcher->data);
}

static void begin_trial(struct daemon *daemon, unsigned seconds)
{
    struct trial *trial = &daemon->trial;
    /* Reading the rules has taken its time. */
    ev_now_update(daemon->loop);
    ev_timer_stop(daemon->loop, &trial->end);
    ev_timer_init(&trial->end, on_end, seconds, 0.);
    trial->end.data = daemon;
    trial->ends_ms = clock_now_ms() + seconds * UINT64_C(1000);
    ev_timer_start(daemon->loop, &trial->end);
    log_line(LOG_LEVEL_WARNING, "generation %u is on trial: unless 'spidctl confirm' comes within %u s the rules of generation %u "
                                "hold again", daemon->generation, seconds, trial->before->ruleset->generation);
}

/* What held before is what a rollback brings back; rules on trial are not worth it. */
static void keep(struct daemon *daemon, struct policy *old)
{
    struct trial *trial = &daemon->trial;
    struct policy *forgotten = is_on(daemon) ? old : trial->before;
    forget(forgotten, daemon->policy);
    if (forgotten != old)
        trial->before = old;
}

static void read_file(const struct daemon *daemon, struct reload_result *result)
{
    reload_read(result, daemon->config, daemon->generation + 1, daemon->worker_count + 1, table_use(daemon->table).capacity);
    if (result->policy != NULL)
        trial_take_hooks(daemon, result->policy);
}

static json_t *refuse(const char *message)
{
    log_line(LOG_LEVEL_ERROR, "reload refused, the old rules stay: %s", message);
    return answer_error("%s", message);
}

static void add_read(json_t *answer, const struct daemon *daemon, const struct reload_result *result)
{
    json_object_set_new(answer, "generation", json_integer(daemon->generation));
    json_object_set_new(answer, "tests", json_integer((json_int_t)result->tests));
    json_object_set_new(answer, "warnings", json_integer((json_int_t)result->warnings));
}

/* SECONDS 0: nobody is asked to confirm. Returns the answer. */
static json_t *reload_rules(struct daemon *daemon, unsigned seconds)
{
    struct reload_result result;
    if (is_on(daemon) && seconds == 0)
        return refuse("rules are on trial: 'spidctl confirm' or 'spidctl rollback' ends that, 'spidctl reload --confirm' tries "
                      "others");
    read_file(daemon, &result);
    if (result.policy == NULL)
        return refuse(result.message);
    warn_of_restart(daemon, result.policy->ruleset);
    judges_warn(daemon, result.policy->ruleset);
    json_t *answer = prepare(daemon, result.policy);
    if (seconds > 0)
        hold_rejects(daemon, true);
    keep(daemon, install(daemon, result.policy));
    daemon->trial.rolled_back = false;
    log_line(LOG_LEVEL_NOTICE, "reloaded %s: %zu rules, %zu tests passed, generation %u", daemon->config,
             daemon->policy->ruleset->rule_count, result.tests, daemon->generation);
    add_read(answer, daemon, &result);
    if (seconds > 0) {
        begin_trial(daemon, seconds);
        json_object_set_new(answer, "confirm", json_integer(seconds));
    }
    return answer;
}

static json_t *reload(struct daemon *daemon, unsigned seconds)
{
    notify_reloading();
    json_t *answer = reload_rules(daemon, seconds);
    tell_ready(daemon);
    return answer;
}

void trial_hang_up(struct daemon *daemon)
{
    json_decref(reload(daemon, 0));
}

/* ---- commands ---- */

static json_t *dry_run(const struct daemon *daemon)
{
    struct reload_result result;
    log_line(LOG_LEVEL_NOTICE, "%s is read for a dry run: nothing changes", daemon->config);
    read_file(daemon, &result);
    if (result.policy == NULL)
        return answer_error("%s", result.message);
    json_t *answer = prepare(daemon, result.policy);
    forget(result.policy, daemon->policy);
    add_read(answer, daemon, &result);
    json_object_set_new(answer, "dry_run", json_true());
    return answer;
}

json_t *trial_reload(void *context, const json_t *request)
{
    struct daemon *daemon = context;
    const json_t *confirm = json_object_get(request, "confirm");
    json_int_t seconds = json_integer_value(confirm);
    bool dry = json_is_true(json_object_get(request, "dry_run"));
    if (confirm != NULL && (seconds < 1 || seconds > TRIAL_SECONDS_MAX))
        return answer_error("the time to confirm is 1 to %d seconds", TRIAL_SECONDS_MAX);
    if (confirm != NULL && dry)
        return answer_error("a dry run changes nothing: there is nothing to confirm");
    return dry ? dry_run(daemon) : reload(daemon, (unsigned)seconds);
}

json_t *trial_confirm(void *context, const json_t *request)
{
    (void)request;
    struct daemon *daemon = context;
    if (!is_on(daemon))
        return answer_error("no rules are on trial%s", daemon->trial.rolled_back ? ": the last ones were rolled back" : "");
    end_trial(daemon);
    log_line(LOG_LEVEL_NOTICE, "generation %u is confirmed", daemon->generation);
    tell_ready(daemon);
    return json_pack("{s:b, s:I}", "ok", 1, "generation", (json_int_t)daemon->generation);
}

json_t *trial_rollback(void *context, const json_t *request)
{
    (void)request;
    struct daemon *daemon = context;
    if (daemon->trial.before == NULL)
        return answer_error("there are no rules to go back to: %s", daemon->trial.rolled_back
                                                                        ? "those before the last reload hold again"
                                                                        : "nothing was reloaded since the start");
    json_t *answer = go_back(daemon, "rolled back");
    tell_ready(daemon);
    json_object_set_new(answer, "generation", json_integer(daemon->generation));
    return answer;
}

struct trial_view trial_view(const struct daemon *daemon)
{
    const struct trial *trial = &daemon->trial;
    uint64_t now_ms = clock_now_ms();
    return (struct trial_view){
        .on = is_on(daemon),
        .left_ms = is_on(daemon) && trial->ends_ms > now_ms ? trial->ends_ms - now_ms : 0,
        .before = trial->before != NULL ? trial->before->ruleset->generation : 0,
        .rolled_back = trial->rolled_back,
    };
}

void trial_stop(struct daemon *daemon)
{
    if (is_on(daemon))
        log_line(LOG_LEVEL_WARNING, "the rules on trial were not confirmed: the next start reads %s as it is then", daemon->config);
    policy_free(daemon->trial.before, daemon->policy);
}
