#include "control/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/dynamic_set.h"
#include "rules/moving.h"

struct metrics {
    FILE *out;
    enum metrics_format format;
    const struct status_view *status;
    const struct rule_counter *counters;
};

/* ---- the format ---- */

static void family(struct metrics *metrics, const char *name, const char *type, const char *unit, const char *help)
{
    bool open = metrics->format == METRICS_OPENMETRICS, counter = strcmp(type, "counter") == 0;
    const char *suffix = counter && !open ? "_total" : "";
    fprintf(metrics->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, type);
    /* A unit is the end of the name. */
    if (unit != NULL && suffix[0] == '\0')
        fprintf(metrics->out, "# UNIT %s %s\n", name, unit);
}

static void add_label(FILE *out, const char *before, const char *key, const char *value)
{
    fprintf(out, "%s%s=\"", before, key);
    for (; *value != '\0'; value++) {
        if (*value == '\n')
            fputs("\\n", out);
        else if (*value == '"' || *value == '\\')
            fprintf(out, "\\%c", *value);
        else
            fputc(*value, out);
    }
    fputc('"', out);
}

/* A family of one sample. */
static void gauge(struct metrics *metrics, const char *name, const char *unit, double value, const char *help)
{
    family(metrics, name, "gauge", unit, help);
    fprintf(metrics->out, "%s %.15g\n", name, value);
}

static void counter(struct metrics *metrics, const char *name, const char *unit, uint64_t value, const char *help)
{
    family(metrics, name, "counter", unit, help);
    fprintf(metrics->out, "%s_total %" PRIu64 "\n", name, value);
}

/* One sample of a counter with one label. */
static void count_by(struct metrics *metrics, const char *name, const char *key, const char *word, uint64_t value)
{
    fprintf(metrics->out, "%s_total", name);
    add_label(metrics->out, "{", key, word);
    fprintf(metrics->out, "} %" PRIu64 "\n", value);
}

/* ---- what is told ---- */

static void add_daemon(struct metrics *metrics)
{
    const struct status_view *status = metrics->status;
    gauge(metrics, "spid_uptime_seconds", "seconds", (double)status->uptime_ms / 1000, "How long the daemon has been running.");
    gauge(metrics, "spid_ruleset_generation", NULL, status->generation, "The generation of the rules; each reload makes a new one.");
    gauge(metrics, "spid_ruleset_on_trial", NULL, status->trial.on, "1: the rules go back to those before unless they are confirmed.");
    gauge(metrics, "spid_ruleset_rolled_back", NULL, status->trial.rolled_back, "1: the rules are those before the last reload.");
    gauge(metrics, "spid_resident_memory_bytes", "bytes", (double)status->resident_bytes, "The daemon's memory in use.");
}

static void add_verdicts(struct metrics *metrics)
{
    const struct engine_counters *counters = &metrics->status->counters;
    family(metrics, "spid_verdicts", "counter", NULL, "Packets by what was done with them.");
    for (unsigned i = 0; i < ACTION_AUDIT; i++)
        count_by(metrics, "spid_verdicts", "action", action_name(i), counters->action[i]);
    family(metrics, "spid_reasons", "counter", NULL, "Packets by the reason of their verdict.");
    for (unsigned i = 0; i < REASON_COUNT; i++)
        count_by(metrics, "spid_reasons", "reason", reason_name(i), counters->reason[i]);
    counter(metrics, "spid_judged_bytes", "bytes", counters->bytes, "Bytes of the packets that were judged.");
}

static void add_table(struct metrics *metrics)
{
    const struct table_use *use = &metrics->status->table;
    gauge(metrics, "spid_connections", NULL, use->now, "Connections in the state table.");
    gauge(metrics, "spid_connections_limit", NULL, use->limits.connections, "Connections that the state table may hold.");
    counter(metrics, "spid_connections_opened", NULL, use->opened, "Connections that were opened.");
    counter(metrics, "spid_connections_expired", NULL, use->expired, "Connections that ended, or idled for too long.");
    counter(metrics, "spid_connections_removed", NULL, use->removed, "Connections that were cut.");
    counter(metrics, "spid_connections_evicted", NULL, use->evicted, "Connections that gave way to others.");
}

/* Where there is none all of it is 0. */
static void add_fastpath(struct metrics *metrics)
{
    const struct fastpath_view *view = &metrics->status->fastpath;
    gauge(metrics, "spid_fastpath_on", NULL, view->missing == NULL, "1: connections that are entered pass in the kernel.");
    gauge(metrics, "spid_fastpath_entries", NULL, view->entries, "Connections that are entered in the fast path.");
    gauge(metrics, "spid_fastpath_entries_limit", NULL, view->most, "Connections that the fast path may hold.");
    counter(metrics, "spid_fastpath_packets", NULL, view->packets, "Packets that passed in the kernel; the verdicts count them, too.");
    counter(metrics, "spid_fastpath_bytes", "bytes", view->bytes, "Bytes of these packets.");
    counter(metrics, "spid_fastpath_entered", NULL, view->entered, "Connections that were entered in the fast path.");
    counter(metrics, "spid_fastpath_full", NULL, view->full, "Packets of connections for which the fast path had no room.");
}

static void add_algs(struct metrics *metrics)
{
    const struct families_use *use = &metrics->status->families;
    gauge(metrics, "spid_alg_connections", NULL, use->families, "Control connections that an ALG listens to.");
    gauge(metrics, "spid_alg_expected", NULL, use->waiting, "Announced connections that are waited for.");
    gauge(metrics, "spid_alg_children", NULL, use->children, "Connections that came of what was announced.");
    family(metrics, "spid_alg_expectations", "counter", NULL, "What became of what control connections announced.");
    count_by(metrics, "spid_alg_expectations", "event", "announced", use->announced);
    count_by(metrics, "spid_alg_expectations", "event", "used", use->used);
    count_by(metrics, "spid_alg_expectations", "event", "withdrawn", use->withdrawn);
    count_by(metrics, "spid_alg_expectations", "event", "expired", use->expired);
    count_by(metrics, "spid_alg_expectations", "event", "displaced", use->displaced);
    count_by(metrics, "spid_alg_expectations", "event", "refused", use->refused);
}

/* A counter of each queue: the one that lies at OFFSET in its view. */
static void add_of_queues(struct metrics *metrics, const char *name, size_t offset, const char *help)
{
    family(metrics, name, "counter", NULL, help);
    for (unsigned i = 0; i < metrics->status->queue_count; i++) {
        const struct queue_view *queue = &metrics->status->queues[i];
        uint64_t value;
        memcpy(&value, (const char *)queue + offset, sizeof value);
        fprintf(metrics->out, "%s_total{queue=\"%u\"} %" PRIu64 "\n", name, queue->number, value);
    }
}

static void add_queues(struct metrics *metrics)
{
    const struct status_view *status = metrics->status;
    family(metrics, "spid_queue_depth", "gauge", NULL, "Packets that wait for a verdict, where the kernel has the queue.");
    for (unsigned i = 0; i < status->queue_count; i++)
        if (status->queues[i].in_kernel)
            fprintf(metrics->out, "spid_queue_depth{queue=\"%u\"} %" PRIu32 "\n", status->queues[i].number, status->queues[i].waiting);
    add_of_queues(metrics, "spid_queue_packets", offsetof(struct queue_view, packets), "Packets that came through the queue.");
    add_of_queues(metrics, "spid_queue_full_drops", offsetof(struct queue_view, queue_dropped),
                  "Packets that the kernel dropped because the queue was full.");
    add_of_queues(metrics, "spid_queue_socket_drops", offsetof(struct queue_view, user_dropped),
                  "Packets that the kernel dropped because the queue's socket was full.");
    add_of_queues(metrics, "spid_queue_lost", offsetof(struct queue_view, lost), "Messages of the kernel that were lost.");
    add_of_queues(metrics, "spid_queue_unreadable", offsetof(struct queue_view, unreadable), "Messages that could not be read.");
    add_of_queues(metrics, "spid_queue_verdicts_refused", offsetof(struct queue_view, refused), "Verdicts that the kernel refused.");
    add_of_queues(metrics, "spid_replies_sent", offsetof(struct queue_view, replies_sent), "Answers to rejected packets.");
    add_of_queues(metrics, "spid_replies_left_out", offsetof(struct queue_view, replies_left_out),
                  "Answers to rejected packets above their rate.");
    add_of_queues(metrics, "spid_replies_failed", offsetof(struct queue_view, replies_failed), "Answers that could not be sent.");
    add_of_queues(metrics, "spid_events_left_out", offsetof(struct queue_view, events_left_out),
                  "Log lines that came faster than they could be written.");
    add_of_queues(metrics, "spid_packets_left_out", offsetof(struct queue_view, packets_left_out),
                  "Denied packets that came faster than they are written.");
}

static void add_log_sample(struct metrics *metrics, const char *name, const struct log_view *log, uint64_t value)
{
    add_label(metrics->out, name, "to", log->place);
    add_label(metrics->out, ",", "what", log->packets ? "packets" : "events");
    fprintf(metrics->out, "} %" PRIu64 "\n", value);
}

static void add_logs(struct metrics *metrics)
{
    const struct status_view *status = metrics->status;
    family(metrics, "spid_log_working", "gauge", NULL, "0: something is wrong with where events or denied packets are written.");
    for (unsigned i = 0; i < status->log_count; i++)
        add_log_sample(metrics, "spid_log_working{", &status->logs[i], status->logs[i].error == 0);
    family(metrics, "spid_log_written", "counter", NULL, "Events, or denied packets, that were written there.");
    for (unsigned i = 0; i < status->log_count; i++)
        add_log_sample(metrics, "spid_log_written_total{", &status->logs[i], status->logs[i].written);
    family(metrics, "spid_log_lost", "counter", NULL, "Events, or denied packets, that could not be written there.");
    for (unsigned i = 0; i < status->log_count; i++)
        add_log_sample(metrics, "spid_log_lost_total{", &status->logs[i], status->logs[i].lost);
    counter(metrics, "spid_flow_ends_left_out", NULL, status->table.untold, "Connections that ended faster than they could be told of.");
}

static void add_rule_sample(struct metrics *metrics, const char *name, const struct rule *rule, uint64_t value)
{
    FILE *out = metrics->out;
    char place[4200];
    snprintf(place, sizeof place, "%s:%u", rule != NULL ? rule->file : "", rule != NULL ? rule->line : 0);
    fputs(name, out);
    add_label(out, "_total{", "rule", rule != NULL ? place : "default");
    /* A file that is included twice has two rules in one place. */
    if (rule != NULL)
        fprintf(out, ",id=\"%08" PRIx32 "\"", rule->identity);
    if (rule != NULL && rule->name != NULL)
        add_label(out, ",", "name", rule->name);
    add_label(out, ",", "action", action_name(rule != NULL ? rule->action : metrics->status->ruleset->default_action));
    fprintf(out, "} %" PRIu64 "\n", value);
}

static void add_of_rules(struct metrics *metrics, const char *name, const char *unit, size_t offset, const char *help)
{
    const struct ruleset *ruleset = metrics->status->ruleset;
    family(metrics, name, "counter", unit, help);
    for (size_t i = 0; i <= ruleset->rule_count; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&metrics->counters[i] + offset, sizeof value);
        add_rule_sample(metrics, name, i < ruleset->rule_count ? &ruleset->rules[i] : NULL, value);
    }
}

static void add_dns_sets(struct metrics *metrics)
{
    const struct status_view *status = metrics->status;
    const struct ruleset *ruleset = status->ruleset;
    static const char *const names[] = {"spid_dns_set_filled", "spid_dns_set_addresses"};
    for (unsigned k = 0; k < 2; k++) {
        family(metrics, names[k], "gauge", NULL,
               k == 0 ? "1: each name of the dns set has been answered." : "Addresses in the dns set.");
        for (size_t i = 0; i < ruleset->moving_count; i++) {
            const struct moving_set *moving = &ruleset->moving[i];
            if (moving->kind != MOVING_DNS)
                continue;
            fputs(names[k], metrics->out);
            add_label(metrics->out, "{", "set", moving->name);
            fprintf(metrics->out, "} %" PRIu32 "\n", k == 0 ? dynamic_set_filled(moving->members)
                                                            : dynamic_set_list(moving->members, status->now_ms, NULL, 0));
        }
    }
}

char *metrics_text(const struct status_view *status, const struct rule_counter *counters, enum metrics_format format)
{
    char *text = NULL;
    size_t length;
    struct metrics metrics = {open_memstream(&text, &length), format, status, counters};
    if (metrics.out == NULL)
        return NULL;
    add_daemon(&metrics);
    add_verdicts(&metrics);
    add_table(&metrics);
    add_fastpath(&metrics);
    add_algs(&metrics);
    add_queues(&metrics);
    add_logs(&metrics);
    add_of_rules(&metrics, "spid_rule_packets", NULL, offsetof(struct rule_counter, packets), "Packets that the rule decided.");
    add_of_rules(&metrics, "spid_rule_bytes", "bytes", offsetof(struct rule_counter, bytes), "Bytes of these packets.");
    add_of_rules(&metrics, "spid_rule_connections", NULL, offsetof(struct rule_counter, connections),
                 "Connections that the rule admitted.");
    add_dns_sets(&metrics);
    fputs("# EOF\n", metrics.out);
    bool failed = ferror(metrics.out) != 0;
    if (fclose(metrics.out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
