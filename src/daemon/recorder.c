#include "daemon/recorder.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "daemon/eve.h"
#include "daemon/event_answer.h"
#include "daemon/landlock.h"
#include "daemon/log.h"
#include "daemon/private.h"
#include "daemon/views.h"
#include "io/pcapng.h"

/* After a line that it works, or that something was lost, a sink is not complained of for so long: its reader may doze. */
#define QUIET_MS 5000

/* ---- sinks ---- */

static bool is_wanted(const struct ruleset *ruleset, const struct sink *sink)
{
    for (size_t i = 0; i < ruleset->log_place_count; i++)
        if (sink_is_of(sink, &ruleset->log_places[i]))
            return true;
    return false;
}

static bool is_there(const struct recorder *recorder, const struct log_place *place)
{
    for (unsigned i = 0; i < recorder->count; i++)
        if (sink_is_of(recorder->sinks[i], place))
            return true;
    return false;
}

static void start(struct sink *sink)
{
    sigset_t all, before;
    /* Signals are the main thread's. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    if (!sink_start(sink))
        log_line(LOG_LEVEL_ERROR, "log to %s: a thread is refused; nothing is written there", sink_name(sink));
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void add(struct recorder *recorder, const struct log_place *place)
{
    struct sink *sink = sink_new(place);
    if (sink == NULL) {
        log_line(LOG_LEVEL_ERROR, "no memory to log to %s", place->path != NULL ? place->path : "syslog or journal");
        return;
    }
    if (recorder->running)
        start(sink);
    recorder->sinks[recorder->count] = sink;
    recorder->told[recorder->count++] = (struct sink_told){.error = 0};
}

void recorder_use(struct daemon *daemon)
{
    struct recorder *recorder = &daemon->recorder;
    const struct ruleset *ruleset = daemon->policy->ruleset;
    unsigned kept = 0;
    for (unsigned i = 0; i < recorder->count; i++) {
        if (is_wanted(ruleset, recorder->sinks[i])) {
            recorder->sinks[kept] = recorder->sinks[i];
            recorder->told[kept++] = recorder->told[i];
        } else {
            sink_stop(recorder->sinks[i]);
        }
    }
    recorder->count = kept;
    for (size_t i = 0; i < ruleset->log_place_count; i++)
        if (!is_there(recorder, &ruleset->log_places[i]))
            add(recorder, &ruleset->log_places[i]);
}

void recorder_open(struct daemon *daemon)
{
    const struct ruleset *ruleset = daemon->policy->ruleset;
    const struct privileges *privileges = &daemon->privileges;
    for (size_t i = 0; i < ruleset->log_place_count; i++) {
        if (ruleset->log_places[i].path == NULL)
            continue;
        privileges_make_folder_of(privileges, ruleset->log_places[i].path);
        landlock_keep_folder_of(ruleset->log_places[i].path);
    }
    recorder_use(daemon);
    for (unsigned i = 0; i < daemon->recorder.count && privileges->changes_user; i++)
        sink_give(daemon->recorder.sinks[i], privileges->uid, privileges->gid);
}

void recorder_start(struct daemon *daemon)
{
    struct recorder *recorder = &daemon->recorder;
    recorder->running = true;
    for (unsigned i = 0; i < recorder->count; i++)
        start(recorder->sinks[i]);
}

unsigned recorder_reopen(struct daemon *daemon)
{
    struct recorder *recorder = &daemon->recorder;
    unsigned files = 0;
    for (unsigned i = 0; i < recorder->count; i++) {
        enum log_place_kind kind = sink_kind(recorder->sinks[i]);
        files += kind == LOG_TO_FILE || kind == LOG_PACKETS_TO_FILE;
        sink_reopen(recorder->sinks[i]);
    }
    return files;
}

unsigned recorder_view(const struct daemon *daemon, struct log_view *views)
{
    const struct recorder *recorder = &daemon->recorder;
    for (unsigned i = 0; i < recorder->count; i++) {
        struct sink_state state = sink_state(recorder->sinks[i]);
        views[i] = (struct log_view){
            .place = sink_name(recorder->sinks[i]),
            .packets = sink_kind(recorder->sinks[i]) == LOG_PACKETS_TO_FILE,
            .written = state.written,
            .lost = state.lost,
            .error = state.error,
        };
    }
    return recorder->count;
}

void recorder_stop(struct daemon *daemon)
{
    struct recorder *recorder = &daemon->recorder;
    for (unsigned i = 0; i < recorder->count; i++)
        sink_stop(recorder->sinks[i]);
    recorder->count = 0;
}

/* ---- events ---- */

/* To each sink of events, or of packets. */
static void put(struct recorder *recorder, bool packets, const void *record, size_t length)
{
    for (unsigned i = 0; i < recorder->count; i++)
        if ((sink_kind(recorder->sinks[i]) == LOG_PACKETS_TO_FILE) == packets)
            sink_put(recorder->sinks[i], record, length);
}

/* EVENT, which is gone then. */
static void put_event(struct recorder *recorder, json_t *event)
{
    char line[EVE_LINE_BYTES];
    size_t length = eve_line(event, line);
    if (length > 0)
        put(recorder, false, line, length);
}

static void log_event(struct event *event, const struct ruleset *ruleset)
{
    char buffer[1024];
    struct text text;
    if (event->generation != ruleset->generation)
        event->verdict.rule = RULE_DEFAULT, event->verdict.audit_count = 0;
    text_init(&text, buffer, sizeof buffer);
    event_to_text(&text, event, ruleset);
    log_line(LOG_LEVEL_INFO, "%s", buffer);
}

static struct eve eve_now(const struct ruleset *ruleset)
{
    return (struct eve){.ruleset = ruleset, .epoch = event_epoch()};
}

static void tell(struct daemon *daemon, struct eve *eve, struct event *event)
{
    struct recorder *recorder = &daemon->recorder;
    const struct ruleset *ruleset = eve->ruleset;
    unsigned audits = event->generation == ruleset->generation ? event->verdict.audit_count : 0;
    if (!ruleset->log_events || daemon->options->verbose)
        log_event(event, ruleset);
    if (!ruleset->log_events)
        return;
    if (event->told)
        put_event(recorder, eve_verdict(eve, event));
    for (unsigned i = 0; i < audits; i++)
        if (event->told_audits >> i & 1)
            put_event(recorder, eve_audit(eve, event, event->verdict.audits[i]));
}

/* Ends have the rate of the rule's `log` for themselves: that many began. */
static void tell_end(struct daemon *daemon, struct eve *eve, const struct departure *departure)
{
    const struct policy *policy = daemon->policy;
    const struct ruleset *ruleset = eve->ruleset;
    uint64_t now_ms = clock_now_ms();
    uint32_t opener = departure->connection.opener;
    uint32_t rule = opener != 0 ? ruleset_rule_of(ruleset, opener) : RULE_DEFAULT;
    size_t slot = ruleset_slot(ruleset, rule);
    if (log_meter_pass(&policy->end_meters[slot], ruleset_log_rate(ruleset, rule), now_ms))
        put_event(&daemon->recorder, eve_end(eve, departure, now_ms));
    else
        __atomic_fetch_add(&policy->left_out[policy->workers - 1][slot], 1, __ATOMIC_RELAXED);
}

static void tell_denied(struct recorder *recorder, const struct eve *eve, struct denied *denied)
{
    char words[1024];
    uint8_t block[SINK_RECORD_BYTES];
    struct event *event = &denied->event;
    struct text comment;
    if (event->generation != eve->ruleset->generation)
        event->verdict.rule = RULE_DEFAULT, event->verdict.audit_count = 0;
    text_init(&comment, words, sizeof words);
    text_add(&comment, "%s: ", reason_name(event->verdict.reason));
    event_to_text(&comment, event, eve->ruleset);
    uint64_t time_us = (uint64_t)((eve->epoch + (double)event->now_ms / 1000) * 1e6);
    size_t length = pcapng_packet(block, sizeof block, time_us, denied->bytes, denied->captured, event->length, words);
    if (length > 0)
        put(recorder, true, block, length);
}

static void drain_denied(struct daemon *daemon, const struct eve *eve, unsigned worker)
{
    struct denials *denials = worker_denials(daemon->workers[worker]);
    struct denied denied;
    for (unsigned i = 0; denials != NULL && i < DENIED_MAX && denials_take(denials, &denied); i++)
        tell_denied(&daemon->recorder, eve, &denied);
}

static void drain_ends(struct daemon *daemon, struct eve *eve)
{
    struct departure departure;
    for (unsigned i = 0; i < TABLE_STRIPES; i++)
        for (unsigned k = 0; k < DEPARTURES_MAX && table_take_departure(daemon->table, i, &departure); k++)
            if (eve->ruleset->log_events)
                tell_end(daemon, eve, &departure);
}

/* So many events in all, each time from another worker on: a flood does not keep the main thread, nor one worker the others. */
void recorder_drain(struct daemon *daemon, const struct ruleset *ruleset)
{
    struct eve eve = eve_now(ruleset);
    struct event event;
    unsigned budget = EVENTS_MAX, first = daemon->recorder.turn++;
    for (unsigned i = 0; i < daemon->worker_count; i++) {
        unsigned worker = (first + i) % daemon->worker_count;
        for (; budget > 0 && events_take(worker_events(daemon->workers[worker]), &event); budget--)
            tell(daemon, &eve, &event);
        drain_denied(daemon, &eve, worker);
    }
    drain_ends(daemon, &eve);
}

/* ---- each second ---- */

static uint64_t take(uint64_t *left_out)
{
    return __atomic_load_n(left_out, __ATOMIC_RELAXED) > 0 ? __atomic_exchange_n(left_out, 0, __ATOMIC_RELAXED) : 0;
}

static void sum_up_rule(struct daemon *daemon, size_t index)
{
    const struct policy *policy = daemon->policy;
    const struct ruleset *ruleset = policy->ruleset;
    uint64_t left_out = take(&policy->left_out[policy->workers - 1][index]);
    for (unsigned i = 0; i < daemon->worker_count; i++)
        left_out += take(&policy->left_out[i][index]);
    if (left_out == 0)
        return;
    const struct eve eve = eve_now(ruleset);
    if (ruleset->log_events)
        put_event(&daemon->recorder, eve_left_out(&eve, index < ruleset->rule_count ? (uint32_t)index : RULE_DEFAULT, left_out,
                                                  clock_now_ms()));
    else if (index == ruleset->rule_count)
        log_line(LOG_LEVEL_INFO, "default: %llu more were left out of the log", (unsigned long long)left_out);
    else
        log_line(LOG_LEVEL_INFO, "%s:%u: %llu more were left out of the log", ruleset->rules[index].file,
                 ruleset->rules[index].line, (unsigned long long)left_out);
}

void recorder_sum_up(struct daemon *daemon)
{
    for (size_t i = 0; i <= daemon->policy->ruleset->rule_count; i++)
        sum_up_rule(daemon, i);
}

static void look_at(struct sink *sink, struct sink_told *told)
{
    struct sink_state state = sink_state(sink);
    uint64_t now_ms = clock_now_ms(), lost = state.lost - told->lost;
    bool quiet = now_ms < told->quiet_until_ms;
    if (state.error != 0 && told->error == 0 && !quiet) {
        log_line(LOG_LEVEL_ERROR, "log to %s: %s; what can wait waits, the rest is lost and counted", sink_name(sink),
                 answer_log_error(state.error));
        told->error = state.error;
        return;
    }
    if (state.error == 0 && told->error != 0)
        log_line(LOG_LEVEL_NOTICE, "log to %s works again; %llu were lost", sink_name(sink), (unsigned long long)lost);
    else if (state.error == 0 && lost > 0 && !quiet)
        log_line(LOG_LEVEL_WARNING, "log to %s: %llu came faster than they could be written, and were lost", sink_name(sink),
                 (unsigned long long)lost);
    else
        return;
    *told = (struct sink_told){.lost = state.lost, .quiet_until_ms = now_ms + QUIET_MS};
}

static void tell_stats(struct daemon *daemon)
{
    struct queue_view queues[RULESET_QUEUES_MAX];
    struct log_view logs[LOG_PLACES_MAX];
    struct status_view view = views_gather(daemon, queues, logs);
    const struct eve eve = eve_now(daemon->policy->ruleset);
    put_event(&daemon->recorder, eve_stats(&eve, &view));
}

void recorder_second(struct daemon *daemon)
{
    struct recorder *recorder = &daemon->recorder;
    recorder_sum_up(daemon);
    for (unsigned i = 0; i < recorder->count; i++)
        look_at(recorder->sinks[i], &recorder->told[i]);
    if (recorder->until_stats == 0 && daemon->policy->ruleset->log_events)
        tell_stats(daemon);
    recorder->until_stats = recorder->until_stats == 0 ? RECORDER_STATS_SECONDS - 1 : recorder->until_stats - 1;
}
