/*
 * The daemon's own words: to standard error in the foreground, to syslog otherwise. Main thread only, which is never kept by who
 * should read them: what he has no room for is lost, and counted in a line when he reads again.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO };

/* Until this is called with false, everything goes to standard error. */
void log_to_stderr(bool to_stderr);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
