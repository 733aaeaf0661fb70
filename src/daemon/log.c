#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_BYTES 8192

static bool to_standard_error = true;

void log_to_stderr(bool to_stderr)
{
    to_standard_error = to_stderr;
    if (!to_stderr)
        openlog("spid", LOG_PID, LOG_DAEMON);
}

void log_line(enum log_level level, const char *format, ...)
{
    static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO};
    static const char *const words[] = {"error: ", "warning: ", "", ""};
    char line[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (to_standard_error)
        fprintf(stderr, "spid: %s%s\n", words[level], line);
    else
        syslog(priorities[level], "%s", line);
}
