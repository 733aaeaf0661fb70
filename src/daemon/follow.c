#include "daemon/follow.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "daemon/log.h"
#include "daemon/private.h"
#include "io/interfaces.h"
#include "io/resolver.h"
#include "rules/dns_set.h"
#include "rules/dynamic_set.h"
#include "rules/moving.h"

/* How often it is asked whether a name is due: a TTL is 5 s at least. */
#define TURN_SECONDS 0.5

/* Look-ups under way at once; the next ones wait for the next turn. */
#define LOOK_UPS_MAX 64u

/* ---- names ---- */

static void tell(const struct moving_set *moving, const struct dns_question *question, const char *failure)
{
    const char *kind = question->v6 ? "IPv6" : "IPv4";
    if (failure != NULL)
        log_line(LOG_LEVEL_WARNING, "dns set %s: no %s answer about %s: %s; the last one stays (%zu addresses)", moving->name,
                 kind, question->name, failure, question->count);
    else
        log_line(LOG_LEVEL_NOTICE, "dns set %s: %s is answered again (%s)", moving->name, question->name, kind);
}

/* An answer serves every set that names the name. */
static void take_answer(void *context, const struct resolver_answer *answer)
{
    struct daemon *daemon = context;
    const struct ruleset *ruleset = daemon->policy->ruleset;
    uint64_t now_ms = clock_now_ms();
    for (size_t i = 0; i < ruleset->moving_count; i++) {
        struct moving_set *moving = &ruleset->moving[i];
        struct dns_question *question =
            moving->kind == MOVING_DNS ? dns_set_question(moving->dns, answer->name, answer->v6) : NULL;
        if (question == NULL)
            continue;
        if (answer->failure != NULL) {
            if (dns_question_fail(question, answer->failure, now_ms))
                tell(moving, question, answer->failure);
        } else if (dns_set_answer(moving->dns, moving->members, question, answer->addresses, answer->count, answer->ttl_s,
                                  now_ms)) {
            tell(moving, question, NULL);
        }
    }
}

static void look_up(struct daemon *daemon, struct dns_set *set, uint64_t now_ms)
{
    for (size_t i = 0; i < set->count && resolver_pending(daemon->resolver) < LOOK_UPS_MAX; i++) {
        struct dns_question *question = &set->questions[i];
        if (question->asked || now_ms < question->next_ms)
            continue;
        question->asked = true;
        if (!resolver_ask(daemon->resolver, question->name, question->v6))
            dns_question_fail(question, "no memory for a look-up, or no resolver", now_ms);
    }
}

static void on_turn(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct daemon *daemon = watcher->data;
    const struct ruleset *ruleset = daemon->policy->ruleset;
    (void)loop;
    (void)events;
    for (size_t i = 0; i < ruleset->moving_count; i++)
        if (ruleset->moving[i].kind == MOVING_DNS)
            look_up(daemon, ruleset->moving[i].dns, clock_now_ms());
}

bool follow_start(struct daemon *daemon)
{
    daemon->resolver = resolver_new(daemon->loop, take_answer, daemon);
    if (daemon->resolver == NULL) {
        log_line(LOG_LEVEL_ERROR, "no resolver for DNS names: c-ares refuses to start");
        return false;
    }
    ev_timer_init(&daemon->names, on_turn, 0., TURN_SECONDS);
    daemon->names.data = daemon;
    ev_timer_start(daemon->loop, &daemon->names);
    return true;
}

void follow_stop(struct daemon *daemon)
{
    resolver_free(daemon->resolver);
}

/* ---- prefixes ---- */

static void tell_prefix(const struct moving_set *moving, uint64_t now_ms)
{
    struct dynamic_member members[MOVING_PREFIXES_MAX];
    char buffer[400];
    struct text text;
    uint32_t count = dynamic_set_list(moving->members, now_ms, members, MOVING_PREFIXES_MAX);
    text_init(&text, buffer, sizeof buffer);
    text_add(&text, count > 0 ? "is" : "is nothing: its zone has no IPv6 prefix");
    for (uint32_t i = 0; i < count; i++) {
        text_add(&text, "%s", i > 0 ? ", " : " ");
        address_to_text(&text, members[i].address);
    }
    log_line(LOG_LEVEL_NOTICE, "%s %s", moving->name, buffer);
}

void follow_prefixes(struct ruleset *ruleset)
{
    struct zone_prefix *prefixes;
    size_t count;
    bool any = false;
    for (size_t i = 0; i < ruleset->moving_count; i++)
        any |= ruleset->moving[i].kind == MOVING_PREFIX;
    if (!any)
        return;
    if (interfaces_prefixes(ruleset, &prefixes, &count) != 0) {
        log_line(LOG_LEVEL_ERROR, "the prefixes of the zones could not be read; what they were stays");
        return;
    }
    if (moving_follow(ruleset, prefixes, count, clock_now_ms()))
        for (size_t i = 0; i < ruleset->moving_count; i++)
            if (ruleset->moving[i].kind == MOVING_PREFIX)
                tell_prefix(&ruleset->moving[i], clock_now_ms());
    free(prefixes);
}
