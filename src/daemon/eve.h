/*
 * Events as lines of JSON in the field names of Suricata's EVE (https://docs.suricata.io, "Eve JSON Format"), so that who reads
 * those reads these; what only spid knows stands in an object `spid`. Pure, but for the names of interfaces, which are the
 * kernel's. spid(8) has the list of fields.
 */
#ifndef DAEMON_EVE_H
#define DAEMON_EVE_H

#include <jansson.h>
#include <net/if.h>

#include "control/answer.h"
#include "daemon/events.h"
#include "state/departed.h"

/* A line, its newline included; a longer one is not written. A pipe takes so much whole or not at all (PIPE_BUF, pipe(7)). */
#define EVE_LINE_BYTES 4096

#define EVE_INTERFACES_MAX 16

/* What events are told by, for a short while: asking the kernel for a name costs more than all the rest of a line. */
struct eve {
    const struct ruleset *ruleset; /* rules are where this one has them, which may be a later one than the event's */
    double epoch;                  /* the wall clock when the engine's shows zero (event_answer.h) */
    unsigned interface_count;
    struct eve_interface {
        uint32_t index;
        char name[IF_NAMESIZE];
    } interfaces[EVE_INTERFACES_MAX]; /* those that were asked for */
};

/* The verdict as a flow that starts, an alert, an anomaly or a drop; NULL: it is none (event_kind_of). */
json_t *eve_verdict(struct eve *eve, const struct event *event);

/* The audit rule RULE, an index in the ruleset, has matched: an alert. */
json_t *eve_audit(struct eve *eve, const struct event *event, uint32_t rule);

/* A flow that has ended, told at NOW_MS. */
json_t *eve_end(struct eve *eve, const struct departure *departure, uint64_t now_ms);

/* COUNT events of the rule with this index, or RULE_DEFAULT, were above its rate since the last such line: stats. */
json_t *eve_left_out(const struct eve *eve, uint32_t rule, uint64_t count, uint64_t now_ms);

/* The daemon's figures since its start: stats. */
json_t *eve_stats(const struct eve *eve, const struct status_view *view);

/* EVENT as a line in BUFFER, its newline included, and gone then. Returns its length; 0: it is too long, or was NULL. */
size_t eve_line(json_t *event, char buffer[EVE_LINE_BYTES]);

#endif
