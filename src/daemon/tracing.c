#include "daemon/tracing.h"

#include "control/answer.h"
#include "daemon/event_answer.h"
#include "daemon/private.h"
#include "daemon/selection.h"

/* The rings are emptied so often: with 4096 places, a worker's 200,000 packets a second are all seen. */
#define TURN_SECONDS 0.02
#define SUM_UP_SECONDS 1.0

static const struct rate lines_rate = {TRACER_LINES_A_SECOND, 1000};

static struct tracer *place_of(struct tracing *tracing, const struct client *client)
{
    for (unsigned i = 0; i < TRACERS_MAX; i++)
        if (tracing->tracers[i].client == client)
            return &tracing->tracers[i];
    return NULL;
}

static bool anybody(const struct tracing *tracing)
{
    for (unsigned i = 0; i < TRACERS_MAX; i++)
        if (tracing->tracers[i].client != NULL)
            return true;
    return false;
}

static void tell(const struct daemon *daemon, struct tracer *tracer, const struct event *event, double epoch)
{
    if (!log_meter_pass(&tracer->meter, lines_rate, event->now_ms) ||
        !control_socket_tell(tracer->client, event_answer(event, daemon->policy->ruleset, epoch)))
        tracer->left_out++;
}

/* A tracer whose filter has names that a reload has taken away ends. */
static void renew_selections(struct daemon *daemon)
{
    for (unsigned i = 0; i < TRACERS_MAX; i++) {
        struct tracer *tracer = &daemon->tracing.tracers[i];
        struct client *client = tracer->client;
        json_t *wrong = NULL;
        if (client == NULL || selection_renew(tracer->selection, &wrong))
            continue;
        tracing_leave(daemon, client);
        control_socket_stream_end(client, wrong);
    }
}

static void tell_all(struct daemon *daemon, const struct event *event, double epoch)
{
    for (unsigned i = 0; i < TRACERS_MAX; i++) {
        struct tracer *tracer = &daemon->tracing.tracers[i];
        if (tracer->client != NULL && selection_holds_event(tracer->selection, event))
            tell(daemon, tracer, event, epoch);
    }
}

static void on_turn(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct daemon *daemon = watcher->data;
    struct event event;
    double epoch = event_epoch();
    (void)loop;
    (void)events;
    renew_selections(daemon);
    for (unsigned i = 0; i < daemon->worker_count; i++)
        for (unsigned k = 0; k < EVENTS_MAX && events_take(daemon->tracing.rings[i], &event); k++)
            tell_all(daemon, &event, epoch);
}

static uint64_t missed_by_rings(const struct daemon *daemon)
{
    uint64_t missed = 0;
    for (unsigned i = 0; i < daemon->worker_count; i++)
        missed += ring_left_out(&daemon->tracing.rings[i]->ring);
    return missed;
}

static void on_sum_up(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct daemon *daemon = watcher->data;
    struct tracing *tracing = &daemon->tracing;
    uint64_t missed = missed_by_rings(daemon);
    (void)loop;
    (void)events;
    for (unsigned i = 0; i < TRACERS_MAX; i++) {
        struct tracer *tracer = &tracing->tracers[i];
        if (tracer->client == NULL)
            continue;
        tracer->left_out += missed - tracing->missed;
        if (tracer->left_out > 0 &&
            control_socket_tell(tracer->client, json_pack("{s:I}", "left_out", (json_int_t)tracer->left_out)))
            tracer->left_out = 0;
    }
    tracing->missed = missed;
}

/* False: there is no memory for a worker's ring. */
static bool begin(struct daemon *daemon)
{
    struct tracing *tracing = &daemon->tracing;
    struct event old;
    for (unsigned i = 0; i < daemon->worker_count; i++) {
        tracing->rings[i] = worker_trace(daemon->workers[i], true);
        if (tracing->rings[i] == NULL)
            return false;
        /* What the last tracer did not wait for. */
        for (unsigned k = 0; k < EVENTS_MAX && events_take(tracing->rings[i], &old); k++)
            ;
    }
    tracing->missed = missed_by_rings(daemon);
    ev_timer_init(&tracing->turn, on_turn, TURN_SECONDS, TURN_SECONDS);
    ev_timer_init(&tracing->sum_up, on_sum_up, SUM_UP_SECONDS, SUM_UP_SECONDS);
    tracing->turn.data = tracing->sum_up.data = daemon;
    ev_timer_start(daemon->loop, &tracing->turn);
    ev_timer_start(daemon->loop, &tracing->sum_up);
    return true;
}

static void end(struct daemon *daemon)
{
    ev_timer_stop(daemon->loop, &daemon->tracing.turn);
    ev_timer_stop(daemon->loop, &daemon->tracing.sum_up);
    for (unsigned i = 0; i < daemon->worker_count; i++)
        worker_trace(daemon->workers[i], false);
}

json_t *tracing_join(void *context, struct client *client, const json_t *request)
{
    struct daemon *daemon = context;
    struct tracing *tracing = &daemon->tracing;
    struct tracer *place = place_of(tracing, NULL);
    const char *filter = json_string_value(json_object_get(request, "filter"));
    json_t *wrong = NULL;
    if (place == NULL)
        return answer_error("%d clients trace already; no more can", TRACERS_MAX);
    struct selection *selection = selection_new(daemon, filter, &wrong);
    if (selection == NULL)
        return wrong;
    if (!anybody(tracing) && !begin(daemon)) {
        end(daemon);
        selection_free(selection);
        return answer_error("no memory");
    }
    *place = (struct tracer){.client = client, .selection = selection};
    return NULL;
}

void tracing_leave(void *context, struct client *client)
{
    struct daemon *daemon = context;
    struct tracer *tracer = place_of(&daemon->tracing, client);
    if (tracer == NULL)
        return;
    selection_free(tracer->selection);
    *tracer = (struct tracer){.client = NULL};
    if (!anybody(&daemon->tracing))
        end(daemon);
}
