/*
 * Rules in the place of rules, and the way back: reload, confirm, rollback. The rules before the last reload are kept. Where a
 * reload asks for confirmation the new ones are on trial: they hold, and the others come back by themselves unless it comes in
 * time. In the main thread.
 */
#ifndef DAEMON_TRIAL_H
#define DAEMON_TRIAL_H

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/answer.h"

struct daemon;
struct policy;

/* The longest trial. */
#define TRIAL_SECONDS_MAX 3600

struct trial {
    struct policy *before; /* what a rollback brings back; NULL: there is nothing */
    bool rolled_back;      /* the rules that hold are not those that were read last */
    ev_timer end;          /* active: a trial is on */
    uint64_t ends_ms;      /* when */
};

/* The rules speak about the chains that are hooked in fact: at a reload those of the start. */
void trial_take_hooks(const struct daemon *daemon, struct policy *policy);

/* SIGHUP: a reload that asks for no confirmation. The log says what became of it. */
void trial_hang_up(struct daemon *daemon);

/*
 * Commands of the control socket. A reload's "confirm" is a number of seconds, its "dry_run" true when nothing is to change; while
 * a trial is on one without "confirm" is refused, and one with it begins another, which leads back to the same rules.
 */
json_t *trial_reload(void *daemon, const json_t *request);
json_t *trial_confirm(void *daemon, const json_t *request);
json_t *trial_rollback(void *daemon, const json_t *request);

/* For `status` and `metrics`. */
struct trial_view trial_view(const struct daemon *daemon);

/* The daemon ends: says that a trial does, and frees the rules that were kept. */
void trial_stop(struct daemon *daemon);

#endif
