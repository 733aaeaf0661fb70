#include "control/answer.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <stdio.h>

#include "alg/alg.h"
#include "base/text.h"
#include "control/moving.h"
#include "control/words.h"
#include "state/session.h"

#define INT(number) json_integer((json_int_t)(number))

json_t *answer_error(const char *format, ...)
{
    char message[1000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return json_pack("{s:b, s:s%}", "ok", 0, "error", message, strnlen(message, sizeof message));
}

const char *answer_command(const char *line, size_t length, json_t **request, json_t **error)
{
    json_error_t why;
    *error = NULL;
    *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &why);
    if (*request == NULL) {
        *error = answer_error("a request is one JSON object a line, such as {\"command\":\"status\"}: %s", why.text);
        return NULL;
    }
    const char *command = json_string_value(json_object_get(*request, "command"));
    if (command == NULL) {
        *error = answer_error("a request names its command, such as {\"command\":\"status\"}");
        json_decref(*request);
        *request = NULL;
    }
    return command;
}

static json_t *queue_answer(const struct queue_view *queue)
{
    json_t *answer = json_object();
    json_object_set_new(answer, "number", INT(queue->number));
    json_object_set_new(answer, "packets", INT(queue->packets));
    json_object_set_new(answer, "waiting", queue->in_kernel ? INT(queue->waiting) : json_null());
    json_object_set_new(answer, "kernel_queue_dropped", INT(queue->queue_dropped));
    json_object_set_new(answer, "kernel_user_dropped", INT(queue->user_dropped));
    json_object_set_new(answer, "lost", INT(queue->lost));
    json_object_set_new(answer, "unreadable", INT(queue->unreadable));
    json_object_set_new(answer, "verdicts_refused", INT(queue->refused));
    json_object_set_new(answer, "replies_sent", INT(queue->replies_sent));
    json_object_set_new(answer, "replies_left_out", INT(queue->replies_left_out));
    json_object_set_new(answer, "replies_failed", INT(queue->replies_failed));
    json_object_set_new(answer, "events_left_out", INT(queue->events_left_out));
    json_object_set_new(answer, "packets_left_out", INT(queue->packets_left_out));
    return answer;
}

static json_t *table_answer(const struct table_use *use)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "connections", (json_int_t)use->now, "limit",
                     (json_int_t)use->limits.connections, "capacity", (json_int_t)use->capacity, "opened",
                     (json_int_t)use->opened, "expired", (json_int_t)use->expired, "removed",
                     (json_int_t)use->removed, "evicted", (json_int_t)use->evicted);
}

static json_t *families_answer(const struct families_use *use)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "listened_to", (json_int_t)use->families, "expected",
                     (json_int_t)use->waiting, "children", (json_int_t)use->children, "announced",
                     (json_int_t)use->announced, "used", (json_int_t)use->used, "withdrawn", (json_int_t)use->withdrawn,
                     "expired", (json_int_t)use->expired, "displaced", (json_int_t)use->displaced, "refused",
                     (json_int_t)use->refused);
}

static json_t *fastpath_answer(const struct fastpath_view *view)
{
    if (view->missing != NULL)
        return json_pack("{s:b, s:s}", "on", 0, "why", view->missing);
    return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "on", 1, "entries", (json_int_t)view->entries, "limit",
                     (json_int_t)view->most, "packets", (json_int_t)view->packets, "bytes", (json_int_t)view->bytes, "entered",
                     (json_int_t)view->entered, "full", (json_int_t)view->full);
}

const char *answer_log_error(int error)
{
    switch (error) {
    case EAGAIN:
        return "its reader does not read";
    case ENXIO:
        return "nobody reads the pipe";
    default:
        return strerror(error);
    }
}

static json_t *logs_answer(const struct log_view *logs, unsigned count)
{
    json_t *answer = json_array();
    for (unsigned i = 0; i < count; i++) {
        json_t *log = json_pack("{s:s, s:s, s:I, s:I}", "what", logs[i].packets ? "packets" : "events", "to", logs[i].place, "written",
                                (json_int_t)logs[i].written, "lost", (json_int_t)logs[i].lost);
        json_object_set_new(log, "error", logs[i].error != 0 ? json_string(answer_log_error(logs[i].error)) : json_null());
        json_array_append_new(answer, log);
    }
    return answer;
}

/* "file" (null: nothing outlasts the daemon), "why" of that or of a cold start, and "adopted", "expired", "refused" of
 * what was there; and how many members of sets are kept, and were restored. */
static json_t *heritage_answer(const struct heritage_view *view)
{
    const struct inheritance *inheritance = view->inheritance;
    json_t *answer = json_object(), *refused = json_object();
    json_object_set_new(answer, "file", view->file != NULL ? json_string(view->file) : json_null());
    json_object_set_new(answer, "why", view->why != NULL ? json_string(view->why) : json_null());
    json_object_set_new(answer, "full", json_boolean(view->full));
    json_object_set_new(answer, "taken_over", json_boolean(view->taken_over));
    json_object_set_new(answer, "adopted", INT(inheritance->adopted));
    json_object_set_new(answer, "expired", INT(inheritance->expired));
    json_object_set_new(answer, "members_kept", INT(view->members_kept));
    json_object_set_new(answer, "members_restored", INT(view->members_restored));
    for (unsigned i = 0; i < INHERIT_FLAW_COUNT; i++)
        if (inheritance->refused[i] > 0)
            json_object_set_new(refused, inherit_flaw_text(i), INT(inheritance->refused[i]));
    json_object_set_new(answer, "refused", refused);
    return answer;
}

/* "trial", its seconds "left", or null; "before", the generation that a rollback brings back, or null; "rolled_back". */
static void add_trial(json_t *answer, const struct trial_view *view)
{
    json_object_set_new(answer, "trial", view->on ? json_pack("{s:f}", "left", (double)view->left_ms / 1e3) : json_null());
    json_object_set_new(answer, "before", view->before != 0 ? json_integer(view->before) : json_null());
    json_object_set_new(answer, "rolled_back", json_boolean(view->rolled_back));
}

/* What is rehearsed, and its seconds "left"; or null. */
static json_t *rehearsal_answer(const struct rehearsal_view *view)
{
    if (view->failure == NULL)
        return json_null();
    return json_pack("{s:s, s:f}", "failure", view->failure, "left", (double)view->left_ms / 1e3);
}

json_t *answer_status(const struct status_view *status)
{
    json_t *answer = json_object(), *verdicts = json_object(), *reasons = json_object(), *queues = json_array();
    for (unsigned i = 0; i < ACTION_AUDIT; i++)
        json_object_set_new(verdicts, action_name(i), INT(status->counters.action[i]));
    for (unsigned i = 0; i < REASON_COUNT; i++)
        if (status->counters.reason[i] > 0)
            json_object_set_new(reasons, reason_name(i), INT(status->counters.reason[i]));
    for (unsigned i = 0; i < status->queue_count; i++)
        json_array_append_new(queues, queue_answer(&status->queues[i]));
    json_object_set_new(answer, "ok", json_true());
    json_object_set_new(answer, "uptime", json_real((double)status->uptime_ms / 1000));
    json_object_set_new(answer, "rules_file", json_string(status->rules_file));
    json_object_set_new(answer, "generation", INT(status->generation));
    json_object_set_new(answer, "table", table_answer(&status->table));
    json_object_set_new(answer, "alg", families_answer(&status->families));
    json_object_set_new(answer, "verdicts", verdicts);
    json_object_set_new(answer, "reasons", reasons);
    json_object_set_new(answer, "bytes", INT(status->counters.bytes));
    json_object_set_new(answer, "queues", queues);
    json_object_set_new(answer, "fastpath", fastpath_answer(&status->fastpath));
    json_object_set_new(answer, "state", heritage_answer(&status->heritage));
    add_trial(answer, &status->trial);
    json_object_set_new(answer, "rehearsal", rehearsal_answer(&status->rehearsal));
    json_object_set_new(answer, "logs", logs_answer(status->logs, status->log_count));
    json_object_set_new(answer, "events_untold", INT(status->table.untold));
    json_object_set_new(answer, "dns", moving_dns_answer(status->ruleset, status->now_ms));
    json_object_set_new(answer, "prefixes", moving_prefixes_answer(status->ruleset, status->now_ms));
    json_object_set_new(answer, "resident_bytes", INT(status->resident_bytes));
    return answer;
}

/* How long ago, in seconds; null for never. */
static json_t *ago(uint64_t ms, uint64_t now_ms)
{
    return ms == 0 ? json_null() : json_real((double)(now_ms > ms ? now_ms - ms : 0) / 1000);
}

static json_t *rule_answer(const struct rule *rule, const struct rule_counter *counter, enum action action,
                           uint64_t now_ms)
{
    json_t *answer = json_object();
    json_object_set_new(answer, "rule", rule != NULL ? words_place(rule) : json_string("default"));
    json_object_set_new(answer, "name", words_name(rule));
    json_object_set_new(answer, "action", json_string(action_name(action)));
    json_object_set_new(answer, "packets", INT(counter->packets));
    json_object_set_new(answer, "bytes", INT(counter->bytes));
    json_object_set_new(answer, "connections", INT(counter->connections));
    json_object_set_new(answer, "first_hit_ago", ago(counter->first_ms, now_ms));
    json_object_set_new(answer, "last_hit_ago", ago(counter->last_ms, now_ms));
    return answer;
}

json_t *answer_rules(const struct ruleset *ruleset, const struct rule_counter *counters, uint64_t now_ms)
{
    json_t *rules = json_array();
    for (size_t i = 0; i < ruleset->rule_count; i++)
        json_array_append_new(rules, rule_answer(&ruleset->rules[i], &counters[i], ruleset->rules[i].action, now_ms));
    json_array_append_new(rules,
                          rule_answer(NULL, &counters[ruleset->rule_count], ruleset->default_action, now_ms));
    return json_pack("{s:b, s:o}", "ok", 1, "rules", rules);
}

uint32_t answer_rule(const struct connection *connection, const struct ruleset *ruleset)
{
    bool decided = connection->generation == ruleset->generation && connection->rule != RULE_DEFAULT;
    return decided ? connection->rule : ruleset_rule_of(ruleset, connection->opener);
}

json_t *answer_connection(const struct connection *connection, const struct kinship *kinship,
                          const struct ruleset *ruleset, uint64_t now_ms)
{
    const struct tuple *tuple = &connection->tuple;
    bool high = connection->flags & CONNECTION_OPENER_HIGH;
    uint32_t rule = answer_rule(connection, ruleset);
    uint64_t end = connection->seen_ms + connection->timeout_ms;
    json_t *answer = json_object();
    json_object_set_new(answer, "connection", INT(connection->id));
    json_object_set_new(answer, "proto", INT(tuple->protocol));
    json_object_set_new(answer, "src", words_address(high ? tuple->high : tuple->low));
    json_object_set_new(answer, "sport", INT(high ? tuple->high_port : tuple->low_port));
    json_object_set_new(answer, "dst", words_address(high ? tuple->low : tuple->high));
    json_object_set_new(answer, "dport", INT(high ? tuple->low_port : tuple->high_port));
    json_object_set_new(answer, "state", json_string(session_state_name(connection)));
    json_object_set_new(answer, "packets", json_pack("[I, I]", (json_int_t)connection->packets[ORIGINAL],
                                                     (json_int_t)connection->packets[REPLY]));
    json_object_set_new(answer, "bytes", json_pack("[I, I]", (json_int_t)connection->bytes[ORIGINAL],
                                                   (json_int_t)connection->bytes[REPLY]));
    json_object_set_new(answer, "age", INT(now_ms / 1000 - connection->created_s));
    json_object_set_new(answer, "expires", json_real(end > now_ms ? (double)(end - now_ms) / 1000 : 0));
    json_object_set_new(answer, "rule", words_place(words_rule(ruleset, rule)));
    if (kinship->parent != 0)
        json_object_set_new(answer, "parent", INT(kinship->parent));
    if (kinship->alg != 0) {
        json_object_set_new(answer, "alg", json_string(dialect_name(kinship->alg)));
        json_object_set_new(answer, "hears", json_string(deaf_name(kinship->deaf)));
        json_object_set_new(answer, "expected", INT(kinship->waiting));
        json_object_set_new(answer, "children", INT(kinship->children));
    }
    json_object_set_new(answer, "picked_up", json_boolean(connection->flags & CONNECTION_PICKED_UP));
    json_object_set_new(answer, "cut", json_boolean(connection->generation == ruleset->generation &&
                                                    connection->action != ACTION_ALLOW));
    return answer;
}
