#include "daemon/rehearsal.h"

#include <string.h>

#include "base/text.h"
#include "daemon/fast.h"
#include "daemon/log.h"
#include "daemon/private.h"
#include "parser/parser.h"
#include "rules/failure.h"

#define TEXT_BYTES 300

bool rehearsal_is_on(const struct daemon *daemon)
{
    return ev_is_active(&daemon->rehearsal.end);
}

/* `on daemon-down` is as it was at the start, whatever a reload has brought. */
const char *rehearsal_text(const struct daemon *daemon, unsigned failure, char *text, size_t size)
{
    struct text words;
    struct ruleset ruleset = *daemon->policy->ruleset;
    ruleset.on[FAILURE_DAEMON_DOWN] = daemon->down;
    text_init(&words, text, size);
    failure_to_text(&words, failure, &ruleset, daemon->fast != NULL ? FASTPATH_IS : FASTPATH_IS_NOT);
    return text;
}

static void act(struct daemon *daemon, enum failure_setting failure)
{
    if (daemon->fast != NULL)
        fast_play_dead(daemon->fast, failure == FAILURE_DAEMON_DOWN);
    for (unsigned i = 0; i < daemon->worker_count; i++)
        worker_rehearse(daemon->workers[i], failure);
}

static void on_end(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct daemon *daemon = watcher->data;
    struct rehearsal *rehearsal = &daemon->rehearsal;
    (void)loop;
    (void)events;
    act(daemon, FAILURE_SETTINGS);
    log_line(LOG_LEVEL_NOTICE, "the rehearsal of %s is over", failure_name(rehearsal->failure));
    rehearsal_look(daemon);
}

void rehearsal_look(struct daemon *daemon)
{
    bool missing = false;
    for (unsigned i = 0; i < daemon->worker_count && !rehearsal_is_on(daemon); i++) {
        int error = worker_missing(daemon->workers[i]);
        missing |= error != 0;
        if (error != 0 && !daemon->rehearsal.missing)
            log_line(LOG_LEVEL_ERROR, "queue %u cannot be taken again after the rehearsal (%s); it is tried until it can",
                     daemon->queue_first + i, strerror(-error));
    }
    if (daemon->rehearsal.missing && !missing)
        log_line(LOG_LEVEL_NOTICE, "all queues are served again");
    daemon->rehearsal.missing = missing;
}

static void begin(struct daemon *daemon, enum failure_setting failure, double seconds)
{
    struct rehearsal *rehearsal = &daemon->rehearsal;
    rehearsal->failure = failure;
    rehearsal->ends_ms = clock_now_ms() + (uint64_t)(seconds * 1000);
    act(daemon, failure);
    ev_now_update(daemon->loop);
    ev_timer_init(&rehearsal->end, on_end, seconds, 0.);
    rehearsal->end.data = daemon;
    ev_timer_start(daemon->loop, &rehearsal->end);
}

json_t *rehearsal_begin(void *context, const json_t *request)
{
    struct daemon *daemon = context;
    const char *name = json_string_value(json_object_get(request, "failure"));
    const char *lasting = json_string_value(json_object_get(request, "for"));
    char text[TEXT_BYTES];
    uint64_t ms = 0;
    enum failure_setting failure = name != NULL ? failure_named(name) : FAILURE_SETTINGS;
    if (failure == FAILURE_SETTINGS)
        return answer_error("'%.60s' cannot be rehearsed: daemon-down, overload and inspect-error can", name != NULL ? name : "");
    if (lasting == NULL || !parser_duration(lasting, &ms) || ms == 0 || ms > REHEARSAL_SECONDS_MAX * 1000)
        return answer_error("'%.60s' is no time for a rehearsal: at most %ds, such as 5s", lasting != NULL ? lasting : "",
                            REHEARSAL_SECONDS_MAX);
    if (rehearsal_is_on(daemon) || daemon->rehearsal.missing)
        return answer_error("a rehearsal of %s is on", failure_name(daemon->rehearsal.failure));
    rehearsal_text(daemon, failure, text, sizeof text);
    log_line(LOG_LEVEL_WARNING, "a rehearsal of %s for %.1f s: %s", name, (double)ms / 1000, text);
    begin(daemon, failure, (double)ms / 1000);
    return json_pack("{s:b, s:s, s:f, s:s}", "ok", 1, "failure", name, "seconds", (double)ms / 1000, "then", text);
}

struct rehearsal_view rehearsal_view(const struct daemon *daemon)
{
    const struct rehearsal *rehearsal = &daemon->rehearsal;
    uint64_t now_ms = clock_now_ms();
    return (struct rehearsal_view){
        .failure = rehearsal_is_on(daemon) ? failure_name(rehearsal->failure) : NULL,
        .left_ms = rehearsal->ends_ms > now_ms ? rehearsal->ends_ms - now_ms : 0,
    };
}
