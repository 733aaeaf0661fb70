/* The daemon's figures as text for monitoring: pure, from the same structs as `status` and `rules`. */
#ifndef CONTROL_METRICS_H
#define CONTROL_METRICS_H

#include "control/answer.h"

/*
 * Two readers, one text but for the name that stands behind HELP and TYPE of a counter: OpenMetrics 1.0 has the family's
 * there, without `_total`, and its unit; the older text format, version 0.0.4, that of the sample. promtool and node_exporter
 * read the older one only; Prometheus reads both. The older one ends in # EOF, too, a comment there.
 */
enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };

/*
 * STATUS, and the rules of its ruleset with COUNTERS as for answer_rules, in malloc'ed text, which is the caller's; NULL: there
 * is no memory.
 */
char *metrics_text(const struct status_view *status, const struct rule_counter *counters, enum metrics_format format);

#endif
