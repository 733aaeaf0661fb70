#include "ctl/status.h"

#include <stdio.h>

#include "ctl/ask.h"
#include "ctl/columns.h"
#include "ctl/failure.h"
#include "ctl/field.h"
#include "ctl/trial.h"

static void show_moving(const json_t *answer)
{
    size_t index, inner;
    json_t *set, *item;
    json_array_foreach(json_object_get(answer, "dns"), index, set) {
        printf("dns set      %s: %lld addresses%s\n", text_of(set, "set"), number_of(set, "addresses"),
               json_is_true(json_object_get(set, "filled")) ? "" : ", not filled yet");
        json_array_foreach(json_object_get(set, "names"), inner, item) {
            const char *failure = json_string_value(json_object_get(item, "failure"));
            printf("  %-30s %lld addresses, next look-up in %.0f s%s%s\n", text_of(item, "name"), number_of(item, "addresses"),
                   json_number_value(json_object_get(item, "next")), failure != NULL ? "; failed: " : "",
                   failure != NULL ? failure : "");
        }
    }
    json_array_foreach(json_object_get(answer, "prefixes"), index, set) {
        printf("%-12s ", text_of(set, "prefix"));
        json_array_foreach(json_object_get(set, "addresses"), inner, item)
            printf("%s%s", inner > 0 ? ", " : "", json_string_value(item));
        printf("%s\n", inner == 0 ? "nothing: the zone has no IPv6 prefix" : "");
    }
}

static void show_queues(const json_t *queues)
{
    static const struct column columns[] = {
        {"queue", true}, {"packets", true},    {"waiting", true}, {"queue full", true},
        {"socket full", true}, {"lost", true}, {"unreadable", true}, {"replies", true},
    };
    static const char *const keys[] = {"number", "packets", "waiting", "kernel_queue_dropped",
                                       "kernel_user_dropped", "lost", "unreadable", "replies_sent"};
    enum { COUNT = sizeof columns / sizeof columns[0] };
    struct columns *table = columns_new(stdout, columns_width(stdout), columns, COUNT);
    size_t index;
    const json_t *queue;
    json_array_foreach(queues, index, queue)
        for (unsigned i = 0; i < COUNT; i++)
            columns_cell(table, "%lld", number_of(queue, keys[i]));
    columns_end(table);
}

static void show_logs(const json_t *answer)
{
    size_t index;
    json_t *log;
    json_array_foreach(json_object_get(answer, "logs"), index, log) {
        const char *error = json_string_value(json_object_get(log, "error"));
        printf("log          %s to %s: %lld written, %lld lost%s%s\n", text_of(log, "what"), text_of(log, "to"), number_of(log, "written"),
               number_of(log, "lost"), error != NULL ? ", not working: " : "", error != NULL ? error : "");
    }
}

/* What outlasts the daemon, and what it has from the one before. */
static void show_heritage(const json_t *state)
{
    const char *file = json_string_value(json_object_get(state, "file"));
    const char *why = json_string_value(json_object_get(state, "why"));
    const char *key, *before = "; refused: ";
    json_t *value;
    printf("state        %s%s%s", file != NULL ? file : "does not outlast the daemon", why != NULL ? "; " : "",
           why != NULL ? why : "");
    if (json_is_true(json_object_get(state, "full")))
        printf("; its file system is full");
    if (json_is_true(json_object_get(state, "taken_over")))
        printf("; %lld connections adopted, %lld had expired", number_of(state, "adopted"), number_of(state, "expired"));
    json_object_foreach(json_object_get(state, "refused"), key, value) {
        printf("%s%lld %s", before, (long long)json_integer_value(value), key);
        before = ", ";
    }
    printf("\n");
}

static void show_status(void *context, const json_t *answer)
{
    const json_t *table = json_object_get(answer, "table"), *verdicts = json_object_get(answer, "verdicts");
    const json_t *alg = json_object_get(answer, "alg"), *fastpath = json_object_get(answer, "fastpath");
    const char *key;
    json_t *value;
    (void)context;
    printf("up           %.0f s\n", json_number_value(json_object_get(answer, "uptime")));
    printf("rules        %s, generation %lld\n", text_of(answer, "rules_file"), number_of(answer, "generation"));
    trial_show_status(answer);
    failure_show_status(answer);
    printf("connections  %lld of %lld (%lld opened, %lld expired, %lld evicted)\n", number_of(table, "connections"),
           number_of(table, "limit"), number_of(table, "opened"), number_of(table, "expired"),
           number_of(table, "evicted"));
    if (number_of(alg, "listened_to") + number_of(alg, "announced") > 0)
        printf("algs         %lld connections listened to, %lld expected, %lld children (%lld announced, %lld used)\n",
               number_of(alg, "listened_to"), number_of(alg, "expected"), number_of(alg, "children"),
               number_of(alg, "announced"), number_of(alg, "used"));
    if (json_is_true(json_object_get(fastpath, "on")))
        printf("fast path    %lld of %lld connections, %lld packets passed in the kernel, %lld more found it full\n",
               number_of(fastpath, "entries"), number_of(fastpath, "limit"), number_of(fastpath, "packets"),
               number_of(fastpath, "full"));
    else
        printf("fast path    none: %s\n", text_of(fastpath, "why"));
    show_heritage(json_object_get(answer, "state"));
    printf("memory       %.1f MB resident\n", (double)number_of(answer, "resident_bytes") / 1048576);
    printf("packets      %lld allowed, %lld denied, %lld rejected\n", number_of(verdicts, "allow"),
           number_of(verdicts, "deny"), number_of(verdicts, "reject"));
    json_object_foreach(json_object_get(answer, "reasons"), key, value)
        printf("  %-18s %lld\n", key, (long long)json_integer_value(value));
    show_queues(json_object_get(answer, "queues"));
    show_logs(answer);
    show_moving(answer);
}

int status_run(const struct given *given)
{
    static const struct ask_shows shows = {.last = show_status};
    int wrong = usage_no_words(given);
    return wrong != 0 ? wrong : ask(given, ask_request(given, NULL), NULL, &shows);
}
