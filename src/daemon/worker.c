#include "daemon/worker.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/fast.h"

/* Batches in a row before other watchers have their turn. */
#define BATCHES_A_TURN 8

/*
 * Expiry: how often, how soon again while there is more to do, and how many entries a stripe and turn: at most 1 s late, and
 * no packet waits for more than some 1,000 entries, less than 1 ms.
 */
#define EXPIRE_SECONDS 0.1
#define EXPIRE_AGAIN_SECONDS 0.001
#define EXPIRE_BUDGET 16

struct worker {
    struct worker_config config;
    struct engine engine;
    struct engine_offers offers;
    const struct policy *policy;
    struct events events;
    struct drops drops;
    struct events *traced; /* NULL: nobody has traced yet */
    struct denials *denials; /* NULL: no packets have been asked for yet */
    bool tracing;          /* tell of every verdict there; set by the main thread */
    uint64_t now_ms;       /* of the batch */
    uint32_t beat;         /* atomic: how often it looked at its timers */
    pthread_t thread;
    struct ev_loop *loop;
    ev_io readable;
    ev_timer expiry;
    ev_async wake;
    /* Handed over by the main thread. */
    pthread_mutex_t lock;
    pthread_cond_t taken;
    const struct policy *pending;
    bool acted; /* out, what is to be rehearsed */
    enum failure_setting rehearsed; /* FAILURE_SETTINGS: nothing */
    bool stopping;
    bool rejects_held; /* atomic, as what follows */
    int missing; /* -errno: why the queue could not be taken again */
};

static void *array_new(size_t count, size_t size)
{
    return calloc(count > 0 ? count : 1, size);
}

static bool policy_count(struct policy *policy)
{
    size_t rules = policy->ruleset->rule_count + 1;
    policy->counters = array_new(policy->workers, sizeof *policy->counters);
    policy->left_out = array_new(policy->workers, sizeof *policy->left_out);
    policy->meters = array_new(rules, sizeof *policy->meters);
    policy->end_meters = array_new(rules, sizeof *policy->end_meters);
    if (policy->counters == NULL || policy->left_out == NULL || policy->meters == NULL || policy->end_meters == NULL)
        return false;
    for (unsigned i = 0; i < policy->workers; i++) {
        policy->counters[i] = array_new(rules, sizeof **policy->counters);
        policy->left_out[i] = array_new(rules, sizeof **policy->left_out);
        if (policy->counters[i] == NULL || policy->left_out[i] == NULL)
            return false;
    }
    return true;
}

static void policy_free_counts(struct policy *policy)
{
    for (unsigned i = 0; i < policy->workers; i++) {
        if (policy->counters != NULL)
            free(policy->counters[i]);
        if (policy->left_out != NULL)
            free(policy->left_out[i]);
    }
    free(policy->counters);
    free(policy->left_out);
    free(policy->meters);
    free(policy->end_meters);
}

struct policy *policy_new(struct ruleset *ruleset, struct surroundings *surroundings, unsigned workers)
{
    struct policy *policy = calloc(1, sizeof *policy);
    if (policy == NULL)
        return NULL;
    *policy = (struct policy){.ruleset = ruleset, .surroundings = surroundings, .workers = workers};
    if (policy_count(policy))
        return policy;
    policy_free_counts(policy);
    free(policy);
    return NULL;
}

struct policy *policy_with(const struct policy *policy, struct surroundings *surroundings)
{
    struct policy *other = malloc(sizeof *other);
    if (other != NULL) {
        *other = *policy;
        other->surroundings = surroundings;
    }
    return other;
}

void policy_free(struct policy *old, const struct policy *newer)
{
    if (old == NULL)
        return;
    surroundings_free(old->surroundings);
    if (newer == NULL || newer->ruleset != old->ruleset) {
        policy_free_counts(old);
        ruleset_free(old->ruleset);
    }
    free(old);
}

static bool has_alg(const struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->rule_count; i++)
        if (ruleset->rules[i].alg != NULL)
            return true;
    return false;
}

static void use_policy(struct worker *worker, const struct policy *policy)
{
    if (has_alg(policy->ruleset))
        nfqueue_want_whole(worker->config.queue);
    nfqueue_fail_open(worker->config.queue, policy->ruleset->on[FAILURE_OVERLOAD] == ON_ACCEPT);
    worker->policy = policy;
    worker->engine.ruleset = policy->ruleset;
    worker->engine.surroundings = policy->surroundings;
    worker->engine.rule_counters = policy->counters[worker->config.number];
}

/* May one more line be written by the `log` of this rule, or of the default? If not, it is counted. */
static bool may_log(struct worker *worker, uint32_t rule)
{
    const struct policy *policy = worker->policy;
    size_t slot = ruleset_slot(policy->ruleset, rule);
    if (log_meter_pass(&policy->meters[slot], ruleset_log_rate(policy->ruleset, rule), worker->now_ms))
        return true;
    __atomic_fetch_add(&policy->left_out[worker->config.number][slot], 1, __ATOMIC_RELAXED);
    return false;
}

struct telling {
    bool verdict;
    uint8_t audits;
};

/* What of this verdict is to be told of, now? */
static struct telling choose(struct worker *worker, const struct verdict *verdict)
{
    struct telling telling = {.verdict = verdict->log};
    /* What is no event takes nothing from the rate of those that are. */
    if (telling.verdict && worker->policy->ruleset->log_events)
        telling.verdict = event_kind_of(verdict) != EVENT_NONE;
    if (telling.verdict)
        telling.verdict = may_log(worker, verdict->logged_by);
    for (unsigned i = 0; i < verdict->audit_count; i++)
        if (may_log(worker, verdict->audits[i]))
            telling.audits |= (uint8_t)(1u << i);
    return telling;
}

static bool is_held(const struct worker *worker, const struct verdict *verdict)
{
    bool stands = verdict->state == STATE_ESTABLISHED || verdict->state == STATE_RELATED;
    return stands && __atomic_load_n(&worker->rejects_held, __ATOMIC_RELAXED);
}

/* What follows from a verdict beside the answer to the kernel. */
static void follow(struct worker *worker, const struct engine_job *job)
{
    const struct verdict *verdict = &job->verdict;
    struct event event;
    struct telling telling = choose(worker, verdict);
    bool passes = verdict->action == ACTION_ALLOW, told = telling.verdict || telling.audits != 0 || worker->config.verbose;
    bool traced = __atomic_load_n(&worker->tracing, __ATOMIC_ACQUIRE);
    if (verdict->action == ACTION_REJECT && worker->config.inject != NULL && !is_held(worker, verdict))
        inject_reply(worker->config.inject, &job->packet, job->arrival.now_ms);
    if (passes && !told && !traced)
        return;
    event_fill(&event, &job->arrival, worker->policy->ruleset, &job->packet, verdict);
    event.told = telling.verdict;
    event.told_audits = telling.audits;
    if (!passes)
        drops_put(&worker->drops, &event);
    if (!passes && worker->policy->ruleset->log_packets && worker->denials != NULL)
        denials_put(worker->denials, &event, job->bytes, job->captured);
    if (told)
        events_put(&worker->events, &event);
    if (traced)
        events_put(worker->traced, &event);
}

static void judge(void *context, struct engine_job *jobs, unsigned count, struct nfqueue_answer *answers)
{
    struct worker *worker = context;
    engine_batch(&worker->engine, jobs, count);
    for (unsigned i = 0; i < count; i++) {
        const struct verdict *verdict = &jobs[i].verdict;
        answers[i] = (struct nfqueue_answer){verdict->action == ACTION_ALLOW, verdict->mark, verdict->mark_mask};
        follow(worker, &jobs[i]);
    }
    /* Before the verdicts: what they let go is answered at once, and the answer may pass by itself already. */
    if (worker->config.fast != NULL)
        fast_enter(worker->config.fast, worker->policy, &worker->engine);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct worker *worker = watcher->data;
    (void)loop;
    (void)events;
    for (unsigned i = 0; i < BATCHES_A_TURN; i++) {
        worker->now_ms = clock_now_ms();
        if (nfqueue_turn(worker->config.queue, worker->now_ms, judge, worker) < NFQUEUE_BATCH_MAX)
            break;
    }
}

/* The queue was left for a rehearsal that is over. */
static void take_queue(struct worker *worker)
{
    __atomic_store_n(&worker->missing, nfqueue_return(worker->config.queue), __ATOMIC_RELAXED);
}

static void act(struct worker *worker, enum failure_setting failure)
{
    if (failure == FAILURE_DAEMON_DOWN)
        nfqueue_leave(worker->config.queue);
    else
        take_queue(worker);
    nfqueue_be_full(worker->config.queue, failure == FAILURE_OVERLOAD);
    __atomic_store_n(&worker->engine.inspect_error, failure == FAILURE_INSPECT_ERROR, __ATOMIC_RELAXED);
}

static void on_expiry(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct worker *worker = watcher->data;
    (void)events;
    __atomic_fetch_add(&worker->beat, 1, __ATOMIC_RELAXED);
    bool done = engine_expire(&worker->engine, worker->config.number, worker->config.workers, clock_now_ms(), EXPIRE_BUDGET);
    if (worker_missing(worker) != 0)
        take_queue(worker);
    watcher->repeat = done ? EXPIRE_SECONDS : EXPIRE_AGAIN_SECONDS;
    ev_timer_again(loop, watcher);
}

static void on_wake(struct ev_loop *loop, ev_async *watcher, int events)
{
    struct worker *worker = watcher->data;
    (void)events;
    pthread_mutex_lock(&worker->lock);
    if (worker->pending != NULL) {
        use_policy(worker, worker->pending);
        worker->pending = NULL;
        pthread_cond_signal(&worker->taken);
    }
    if (!worker->acted) {
        act(worker, worker->rehearsed);
        worker->acted = true;
        pthread_cond_signal(&worker->taken);
    }
    if (worker->stopping)
        ev_break(loop, EVBREAK_ALL);
    pthread_mutex_unlock(&worker->lock);
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    ev_run(worker->loop, 0);
    return NULL;
}

/* 0 or an error's number. */
static int create_thread(struct worker *worker)
{
    pthread_attr_t attributes;
    cpu_set_t cpus;
    pthread_attr_init(&attributes);
    CPU_ZERO(&cpus);
    if (worker->config.cpu >= 0) {
        CPU_SET((size_t)worker->config.cpu, &cpus);
        pthread_attr_setaffinity_np(&attributes, sizeof cpus, &cpus);
    }
    int refused = pthread_create(&worker->thread, &attributes, run, worker);
    pthread_attr_destroy(&attributes);
    return refused;
}

static void worker_free(struct worker *worker)
{
    if (worker->loop != NULL)
        ev_loop_destroy(worker->loop);
    nfqueue_close(worker->config.queue);
    inject_free(worker->config.inject);
    free(worker->traced);
    free(worker->denials);
    free(worker);
}

/* SIZE bytes, zeroed, that begin with a cache line. NULL: there is no memory. */
static void *lined_new(size_t size)
{
    void *ring = aligned_alloc(64, (size + 63) / 64 * 64);
    if (ring != NULL)
        memset(ring, 0, size);
    return ring;
}

static void prepare(struct worker *worker, const struct policy *policy)
{
    if (policy->ruleset->log_packets && worker->denials == NULL)
        worker->denials = lined_new(sizeof *worker->denials);
}

struct worker *worker_start(const struct worker_config *config)
{
    struct worker *worker = lined_new(sizeof *worker);
    if (worker == NULL)
        return NULL;
    worker->config = *config;
    worker->acted = true;
    worker->rehearsed = FAILURE_SETTINGS;
    worker->engine.table = config->table;
    worker->engine.pickup_until_ms = config->pickup_until_ms;
    worker->engine.offers = config->fast != NULL ? &worker->offers : NULL;
    prepare(worker, config->policy);
    use_policy(worker, config->policy);
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->taken, NULL);
    worker->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOSIGMASK);
    if (worker->loop == NULL) {
        worker_free(worker);
        return NULL;
    }
    ev_io_init(&worker->readable, on_readable, nfqueue_fd(config->queue), EV_READ);
    ev_timer_init(&worker->expiry, on_expiry, EXPIRE_SECONDS, EXPIRE_SECONDS);
    ev_async_init(&worker->wake, on_wake);
    worker->readable.data = worker->expiry.data = worker->wake.data = worker;
    ev_io_start(worker->loop, &worker->readable);
    ev_timer_start(worker->loop, &worker->expiry);
    ev_async_start(worker->loop, &worker->wake);
    int refused = create_thread(worker);
    if (refused != 0) {
        worker_free(worker);
        errno = refused;
        return NULL;
    }
    return worker;
}

void worker_stop(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->stopping = true;
    pthread_mutex_unlock(&worker->lock);
    ev_async_send(worker->loop, &worker->wake);
    pthread_join(worker->thread, NULL);
    worker_free(worker);
}

void worker_publish(struct worker *worker, const struct policy *policy)
{
    pthread_mutex_lock(&worker->lock);
    prepare(worker, policy);
    worker->pending = policy;
    ev_async_send(worker->loop, &worker->wake);
    while (worker->pending != NULL)
        pthread_cond_wait(&worker->taken, &worker->lock);
    pthread_mutex_unlock(&worker->lock);
}

void worker_rehearse(struct worker *worker, enum failure_setting failure)
{
    pthread_mutex_lock(&worker->lock);
    worker->rehearsed = failure;
    worker->acted = false;
    ev_async_send(worker->loop, &worker->wake);
    while (!worker->acted)
        pthread_cond_wait(&worker->taken, &worker->lock);
    pthread_mutex_unlock(&worker->lock);
}

int worker_missing(const struct worker *worker)
{
    return __atomic_load_n(&worker->missing, __ATOMIC_RELAXED);
}

void worker_hold_rejects(struct worker *worker, bool held)
{
    __atomic_store_n(&worker->rejects_held, held, __ATOMIC_RELAXED);
}

struct events *worker_trace(struct worker *worker, bool tells)
{
    if (tells && worker->traced == NULL && (worker->traced = lined_new(sizeof *worker->traced)) == NULL)
        return NULL;
    /* Who reads true reads the ring, too. One that reads it late puts a last event there, which the next tracer skips. */
    __atomic_store_n(&worker->tracing, tells, __ATOMIC_RELEASE);
    return worker->traced;
}

uint32_t worker_beat(const struct worker *worker)
{
    return __atomic_load_n(&worker->beat, __ATOMIC_RELAXED);
}

struct events *worker_events(struct worker *worker)
{
    return &worker->events;
}

struct denials *worker_denials(struct worker *worker)
{
    return worker->denials;
}

const struct drops *worker_drops(const struct worker *worker)
{
    return &worker->drops;
}

const struct engine_counters *worker_counters(const struct worker *worker)
{
    return &worker->engine.counters;
}

const struct nfqueue_counters *worker_queue_counters(const struct worker *worker)
{
    return nfqueue_counters(worker->config.queue);
}

const struct inject_counters *worker_inject_counters(const struct worker *worker)
{
    static const struct inject_counters none;
    return worker->config.inject != NULL ? inject_counters(worker->config.inject) : &none;
}
