/*
 * Events as lines of JSON in the field names of Suricata's EVE (https://docs.suricata.io, "Eve JSON Format"), so that who reads
 * those reads these; what only spid knows stands in an object `spid`. Pure, but for the names of interfaces, which are the
 * kernel's. spid.8 has the list of fields.
 *
 * Times are on the wall clock: EPOCH is event_epoch (event_answer.h). The rule is where RULESET has it, which may be a later one
 * than the event's.
 */
#ifndef DAEMON_EVE_H
#define DAEMON_EVE_H

#include <jansson.h>

#include "control/answer.h"
#include "daemon/events.h"
#include "state/departed.h"

/* A line, its newline included; a longer one is not written. A pipe takes so much whole or not at all (PIPE_BUF, pipe(7)). */
#define EVE_LINE_BYTES 4096

/* The verdict as a flow that starts, an alert, an anomaly or a drop; NULL: it is none (event_kind_of). */
json_t *eve_verdict(const struct event *event, const struct ruleset *ruleset, double epoch);

/* The audit rule RULE, an index in RULESET, has matched: an alert. */
json_t *eve_audit(const struct event *event, uint32_t rule, const struct ruleset *ruleset, double epoch);

/* A flow that has ended, told at NOW_MS. */
json_t *eve_end(const struct departure *departure, const struct ruleset *ruleset, uint64_t now_ms, double epoch);

/* COUNT events of the rule with this index, or RULE_DEFAULT, were above its rate since the last such line: stats. */
json_t *eve_left_out(const struct ruleset *ruleset, uint32_t rule, uint64_t count, uint64_t now_ms, double epoch);

/* The daemon's figures since its start: stats. */
json_t *eve_stats(const struct status_view *view, double epoch);

/* EVENT as a line in BUFFER, its newline included, and gone then. Returns its length; 0: it is too long, or was NULL. */
size_t eve_line(json_t *event, char buffer[EVE_LINE_BYTES]);

#endif
