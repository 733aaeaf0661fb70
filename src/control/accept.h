/* Which text a reader of the figures wants, by the Accept of his HTTP request. */
#ifndef CONTROL_ACCEPT_H
#define CONTROL_ACCEPT_H

#include "control/metrics.h"

/*
 * OpenMetrics 1.0 where ACCEPT (RFC 9110, 12.5.1) names it and likes the older text no better; else the older text. NULL: there
 * is no such field.
 */
enum metrics_format accept_format(const char *accept);

/* The Content-Type of a text in FORMAT. */
const char *accept_type(enum metrics_format format);

#endif
