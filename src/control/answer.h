/*
 * The answers of the control socket, as JSON: pure functions over what the engine knows. Who asks, and whether he may, is the
 * caller's business.
 */
#ifndef CONTROL_ANSWER_H
#define CONTROL_ANSWER_H

#include <jansson.h>

#include "engine/engine.h"
#include "state/family.h"
#include "state/inherit.h"

/* One queue, as its worker and the kernel see it. */
struct queue_view {
    uint16_t number;
    uint64_t packets, lost, unreadable, refused;
    uint64_t replies_sent, replies_left_out, replies_failed;
    uint64_t events_left_out;
    uint64_t packets_left_out; /* of `log packets to` */
    bool in_kernel;
    uint32_t waiting;
    uint64_t queue_dropped, user_dropped;
};

/* The kernel's fast path. */
struct fastpath_view {
    const char *missing; /* why there is none; NULL: there is one, and the rest holds */
    uint32_t entries, most;
    uint64_t packets, bytes; /* that passed there */
    uint64_t entered, full;  /* connections that were entered; packets of others, when it was full */
};

/* Rules on trial, and the way back. */
struct trial_view {
    bool on;
    uint64_t left_ms; /* until it ends */
    uint32_t before;  /* the generation that a rollback brings back; 0: there is none */
    bool rolled_back; /* the rules that hold are not those that were read last */
};

/* A failure that is rehearsed. */
struct rehearsal_view {
    const char *failure; /* NULL: none is */
    uint64_t left_ms;    /* until it ends */
};

/* Where events or denied packets are written. */
struct log_view {
    const char *place; /* a file's path, "syslog" or "journal" */
    bool packets;
    uint64_t written, lost;
    int error;         /* what is wrong now, an errno; 0: nothing */
};

/* That ERROR in words. */
const char *answer_log_error(int error);

/* What outlasts the daemon, and what it has from the one before. */
struct heritage_view {
    const char *file;  /* NULL: nothing does ... */
    const char *why;   /* ... for that reason; or why nothing was taken over; NULL: there was nothing */
    bool taken_over, full;
    const struct inheritance *inheritance;
    uint32_t members_kept, members_restored; /* of sets */
};

struct status_view {
    const char *rules_file;
    uint32_t generation;
    uint64_t uptime_ms;
    uint64_t now_ms;               /* of the engine's clock */
    const struct ruleset *ruleset; /* for what moves in it */
    uint64_t resident_bytes;
    struct table_use table;
    struct families_use families;
    struct engine_counters counters; /* of all workers */
    struct fastpath_view fastpath;
    struct trial_view trial;
    struct rehearsal_view rehearsal;
    struct heritage_view heritage;
    const struct queue_view *queues;
    unsigned queue_count;
    const struct log_view *logs;
    unsigned log_count;
};

json_t *answer_status(const struct status_view *status);

/*
 * The rules with what was counted about them: COUNTERS has rule_count + 1 entries, summed over workers; their times are on
 * the engine's clock, which shows NOW_MS.
 */
json_t *answer_rules(const struct ruleset *ruleset, const struct rule_counter *counters, uint64_t now_ms);

/* Index of the rule that CONNECTION belongs to: that decided it, else that admitted it; or RULE_DEFAULT. */
uint32_t answer_rule(const struct connection *connection, const struct ruleset *ruleset);

/* One connection; the rule is shown when it was decided by RULESET. */
json_t *answer_connection(const struct connection *connection, const struct kinship *kinship,
                          const struct ruleset *ruleset, uint64_t now_ms);

/* {"ok":false,"error":"..."} */
json_t *answer_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reads the one request in the LENGTH bytes at LINE: its command, borrowed from *REQUEST, which the caller frees; NULL and *ERROR set. */
const char *answer_command(const char *line, size_t length, json_t **request, json_t **error);

#endif
