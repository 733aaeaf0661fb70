#include "daemon/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/answer.h"
#include "control/explain.h"
#include "daemon/event_answer.h"
#include "daemon/fast.h"
#include "daemon/private.h"
#include "daemon/selection.h"
#include "io/owner.h"
#include "parser/parser.h"
#include "rules/failure.h"

#define PROC_BYTES 65536

static uint64_t resident_bytes(void)
{
    char text[200];
    unsigned long pages = 0;
    owner_read_file("/proc/self/statm", text, sizeof text);
    if (sscanf(text, "%*u %lu", &pages) != 1)
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void sum_counters(struct engine_counters *sum, const struct engine_counters *counters)
{
    for (unsigned i = 0; i < ACTION_COUNT; i++)
        sum->action[i] += __atomic_load_n(&counters->action[i], __ATOMIC_RELAXED);
    for (unsigned i = 0; i < REASON_COUNT; i++)
        sum->reason[i] += __atomic_load_n(&counters->reason[i], __ATOMIC_RELAXED);
    sum->bytes += __atomic_load_n(&counters->bytes, __ATOMIC_RELAXED);
}

static struct queue_view view_queue(const struct daemon *daemon, unsigned i, const char *kernel_text)
{
    struct worker *worker = daemon->workers[i];
    const struct denials *denials = worker_denials(worker);
    const struct nfqueue_counters *counters = worker_queue_counters(worker);
    const struct inject_counters *replies = worker_inject_counters(worker);
    struct nfqueue_kernel kernel = {0};
    uint16_t number = (uint16_t)(daemon->queue_first + i);
    bool in_kernel = nfqueue_kernel_read(kernel_text, number, &kernel);
    return (struct queue_view){
        .number = number,
        .packets = counters->packets,
        .lost = counters->lost,
        .unreadable = counters->unreadable,
        .refused = counters->refused,
        .replies_sent = replies->sent,
        .replies_left_out = replies->left_out,
        .replies_failed = replies->failed,
        .events_left_out = ring_left_out(&worker_events(worker)->ring),
        .packets_left_out = denials != NULL ? ring_left_out(&denials->ring) : 0,
        .in_kernel = in_kernel,
        .waiting = kernel.waiting,
        .queue_dropped = kernel.queue_dropped,
        .user_dropped = kernel.user_dropped,
    };
}

static struct fastpath_view view_fastpath(const struct daemon *daemon)
{
    if (daemon->fast == NULL)
        return (struct fastpath_view){.missing = daemon->fast_error};
    struct fast_use use = fast_use(daemon->fast);
    return (struct fastpath_view){NULL, use.entries, use.most, use.packets, use.bytes, use.entered, use.full};
}

struct status_view views_gather(const struct daemon *daemon, struct queue_view *queues, struct log_view *logs)
{
    static char kernel_text[PROC_BYTES];
    struct status_view view = {
        .rules_file = daemon->config,
        .generation = daemon->generation,
        .uptime_ms = clock_now_ms() - daemon->started_ms,
        .now_ms = clock_now_ms(),
        .ruleset = daemon->policy->ruleset,
        .resident_bytes = resident_bytes(),
        .table = table_use(daemon->table),
        .families = families_use(table_families(daemon->table)),
        .fastpath = view_fastpath(daemon),
        .trial = trial_view(daemon),
        .rehearsal = rehearsal_view(daemon),
        .heritage = heritage_view(daemon),
        .queues = queues,
        .queue_count = daemon->worker_count,
        .logs = logs,
        .log_count = recorder_view(daemon, logs),
    };
    owner_read_queues(daemon->queues_fd, kernel_text, sizeof kernel_text);
    for (unsigned i = 0; i < daemon->worker_count; i++) {
        queues[i] = view_queue(daemon, i, kernel_text);
        sum_counters(&view.counters, worker_counters(daemon->workers[i]));
    }
    if (daemon->fast != NULL)
        sum_counters(&view.counters, fast_counters(daemon->fast));
    return view;
}

json_t *views_status(void *context, const json_t *request)
{
    struct queue_view queues[RULESET_QUEUES_MAX];
    struct log_view logs[LOG_PLACES_MAX];
    struct status_view view = views_gather(context, queues, logs);
    (void)request;
    return answer_status(&view);
}

json_t *views_rules(void *context, const json_t *request)
{
    (void)request;
    const struct daemon *daemon = context;
    struct rule_counter *sums = ledger_sums(&daemon->ledger, daemon->policy);
    if (sums == NULL)
        return answer_error("no memory");
    json_t *answer = answer_rules(daemon->policy->ruleset, sums, clock_now_ms());
    free(sums);
    return answer;
}

char *views_metrics_text(const struct daemon *daemon, enum metrics_format format)
{
    struct queue_view queues[RULESET_QUEUES_MAX];
    struct log_view logs[LOG_PLACES_MAX];
    struct status_view view = views_gather(daemon, queues, logs);
    struct rule_counter *sums = ledger_sums(&daemon->ledger, daemon->policy);
    char *text = sums != NULL ? metrics_text(&view, sums, format) : NULL;
    free(sums);
    return text;
}

json_t *views_metrics(void *context, const json_t *request)
{
    bool open = json_is_true(json_object_get(request, "openmetrics"));
    char *text = views_metrics_text(context, open ? METRICS_OPENMETRICS : METRICS_PROMETHEUS);
    json_t *answer = text != NULL ? json_pack("{s:b, s:s}", "ok", 1, "text", text) : NULL;
    free(text);
    return answer != NULL ? answer : answer_error("no memory, or the name of a rules file is no UTF-8 text");
}

#define DROPS_TOLD 20

/* The last drops of one worker, newest first, and how many of them have been told of. */
struct last_drops {
    struct event events[DROPS_MAX];
    unsigned count, told;
};

/* The newest that has not been told of; NULL: all have. */
static const struct event *next_drop(struct last_drops *lasts, unsigned workers)
{
    struct last_drops *newest = NULL;
    for (unsigned i = 0; i < workers; i++) {
        struct last_drops *last = &lasts[i];
        if (last->told < last->count && (newest == NULL || last->events[last->told].now_ms > newest->events[newest->told].now_ms))
            newest = last;
    }
    return newest != NULL ? &newest->events[newest->told++] : NULL;
}

json_t *views_drops(void *context, const json_t *request)
{
    const struct daemon *daemon = context;
    const json_t *wanted = json_object_get(request, "count");
    json_int_t count = wanted != NULL ? json_integer_value(wanted) : DROPS_TOLD;
    if (count < 1 || count > VIEWS_DROPS_MAX)
        return answer_error("'drops' shows 1 to %d packets", VIEWS_DROPS_MAX);
    struct last_drops *lasts = calloc(daemon->worker_count, sizeof *lasts);
    if (lasts == NULL)
        return answer_error("no memory");
    for (unsigned i = 0; i < daemon->worker_count; i++)
        lasts[i].count = drops_last(worker_drops(daemon->workers[i]), lasts[i].events, DROPS_MAX);
    json_t *drops = json_array();
    const struct event *event;
    double epoch = event_epoch();
    while (count-- > 0 && (event = next_drop(lasts, daemon->worker_count)) != NULL)
        json_array_insert_new(drops, 0, event_answer(event, daemon->policy->ruleset, epoch));
    free(lasts);
    return json_pack("{s:b, s:o}", "ok", 1, "drops", drops);
}

/* Some connections, copied while they are locked and told of afterwards. */
struct copy {
    struct connection connection;
    struct kinship kinship;
};

struct copies {
    struct table *table;
    struct families *families;
    const struct selection *selection;
    struct copy *list;
    size_t count, size;
};

static void copy_connection(void *context, struct connection *connection)
{
    struct copies *copies = context;
    if (!selection_holds(copies->selection, connection))
        return;
    table_catch_up(copies->table, connection);
    if (copies->count == copies->size) {
        size_t size = copies->size == 0 ? 64 : copies->size * 2;
        struct copy *larger = aligned_alloc(64, size * sizeof *larger);
        if (larger == NULL)
            return;
        if (copies->count > 0)
            memcpy(larger, copies->list, copies->count * sizeof *larger);
        free(copies->list);
        copies->list = larger;
        copies->size = size;
    }
    struct copy *copy = &copies->list[copies->count++];
    copy->connection = *connection;
    copy->kinship = family_kinship(copies->families, connection);
}

uint32_t views_states(void *context, struct selection *selection, uint32_t place, void (*put)(void *taker, json_t *answer),
                      void *taker)
{
    struct daemon *daemon = context;
    struct copies copies = {.table = daemon->table, .families = table_families(daemon->table), .selection = selection};
    uint64_t now_ms = clock_now_ms();
    /* A reload may have taken a name away that the filter has: then nothing more fits. */
    if (!selection_renew(selection, NULL))
        return 0;
    place = table_walk(daemon->table, place, WALK_BUDGET, now_ms, copy_connection, &copies);
    for (size_t i = 0; i < copies.count; i++)
        put(taker, answer_connection(&copies.list[i].connection, &copies.list[i].kinship, daemon->policy->ruleset, now_ms));
    free(copies.list);
    return place;
}

/* ---- explain ---- */

/*
 * The connection that a packet in words could belong to: the first that is found. Where there is none, a control connection
 * of its two hosts that its ALG hears nothing more of: the packet may be what was announced there.
 */
struct sought {
    const struct ruleset_test *packet;
    const struct surroundings *surroundings;
    struct families *families;
    uint64_t now_ms;
    bool found, unheard_found;
    struct copy copy, unheard;
    struct query query; /* what its packets are matched as */
};

static bool is_between(const struct connection *connection, struct address one, struct address other)
{
    const struct tuple *tuple = &connection->tuple;
    return (address_equal(tuple->low, one) && address_equal(tuple->high, other)) ||
           (address_equal(tuple->low, other) && address_equal(tuple->high, one));
}

static void seek_unheard(struct sought *sought, struct connection *connection)
{
    const struct query *wanted = &sought->packet->query;
    if (sought->unheard_found || !is_between(connection, wanted->src, wanted->dst))
        return;
    struct kinship kinship = family_kinship(sought->families, connection);
    if (kinship.alg == 0 || kinship.deaf == DEAF_NOT)
        return;
    sought->unheard_found = true;
    sought->unheard = (struct copy){*connection, kinship};
}

static void seek(void *context, struct connection *connection)
{
    struct sought *sought = context;
    const struct query *wanted = &sought->packet->query;
    uint64_t parent;
    struct basis own = connection_basis(connection);
    seek_unheard(sought, connection);
    struct query has = engine_query(sought->surroundings, &own, STATE_ESTABLISHED, sought->now_ms);
    if (sought->found || !address_equal(has.src, wanted->src) || !address_equal(has.dst, wanted->dst) ||
        has.protocol != wanted->protocol || has.service != wanted->service ||
        (sought->packet->port_given && has.src_port != wanted->src_port))
        return;
    struct basis basis = family_basis(sought->families, connection, &parent);
    sought->found = true;
    sought->copy = (struct copy){*connection, family_kinship(sought->families, connection)};
    sought->query = engine_query(sought->surroundings, &basis, connection->flags & CONNECTION_RELATED ? STATE_RELATED : STATE_ESTABLISHED,
                                 sought->now_ms);
}

static void find_connection(const struct daemon *daemon, struct sought *sought)
{
    uint32_t place = 0;
    do
        place = table_walk(daemon->table, place, WALK_BUDGET, sought->now_ms, seek, sought);
    while (place != 0 && !sought->found);
}

json_t *views_nonsense(const struct diagnostics *diagnostics)
{
    const struct diagnostic *first = &diagnostics->records[0];
    json_t *answer = answer_error("%s", first->message);
    json_object_set_new(answer, "column", json_integer(first->column));
    return answer;
}

/* As `states` tells of it; null: there is none. */
static json_t *found_answer(bool found, const struct copy *copy, const struct ruleset *ruleset, uint64_t now_ms)
{
    return found ? answer_connection(&copy->connection, &copy->kinship, ruleset, now_ms) : json_null();
}

/* Why the packets of the connection that was found are denied, whatever its rule says; null: they are not. */
static json_t *broken_answer(const struct ruleset *ruleset, const struct sought *sought)
{
    const char *error = sought->found ? deaf_error(sought->copy.kinship.deaf) : NULL;
    return error != NULL && failure_choice(ruleset, FAILURE_INSPECT_ERROR) == ON_DROP ? json_string(error) : json_null();
}

json_t *views_explain(void *context, const json_t *request)
{
    const struct daemon *daemon = context;
    const char *words = json_string_value(json_object_get(request, "query"));
    if (words == NULL)
        return answer_error("'explain' needs a query, such as {\"command\":\"explain\",\"query\":\"192.0.2.1@lan to 198.51.100.2 tcp 80\"}");
    const struct policy *policy = daemon->policy;
    struct ruleset_test packet;
    struct diagnostics diagnostics;
    struct sought sought = {.packet = &packet, .surroundings = policy->surroundings,
                            .families = table_families(daemon->table), .now_ms = clock_now_ms()};
    json_t *answer = NULL;
    diagnostics_init(&diagnostics);
    if (parser_query(words, policy->ruleset, policy->surroundings, &packet, &diagnostics)) {
        find_connection(daemon, &sought);
        packet.query.now_ms = sought.now_ms;
        answer = explain_answer(policy->ruleset, policy->surroundings,
                                sought.found && !packet.state_given ? &sought.query : &packet.query, daemon->table);
        struct table_use use = table_use(daemon->table);
        json_object_set_new(answer, "ok", json_true());
        json_object_set_new(answer, "connection",
                            found_answer(sought.found, &sought.copy, policy->ruleset, sought.now_ms));
        json_object_set_new(answer, "unheard",
                            found_answer(sought.unheard_found && !sought.found, &sought.unheard, policy->ruleset,
                                         sought.now_ms));
        json_object_set_new(answer, "broken", broken_answer(policy->ruleset, &sought));
        json_object_set_new(answer, "table_full", json_boolean(use.now >= use.limits.connections - use.limits.reserved));
    } else {
        answer = views_nonsense(&diagnostics);
    }
    diagnostics_fini(&diagnostics);
    return answer;
}
