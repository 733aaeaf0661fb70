#include "daemon/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "io/local_socket.h"

#define LINE_BYTES 8192

static bool to_standard_error = true;
static int syslog_fd = -1;
static unsigned long long lost; /* lines, since the last that was written */

void log_to_stderr(bool to_stderr)
{
    to_standard_error = to_stderr;
}

/* False: nobody reads, and what is there is full. */
static bool write_standard_error(enum log_level level, const char *line)
{
    static const char *const words[] = {"error: ", "warning: ", "", ""};
    struct pollfd wanted = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&wanted, 1, 0) == 0)
        return false;
    fprintf(stderr, "spid: %s%s\n", words[level], line);
    return true;
}

static int send_line(enum log_level level, const char *line)
{
    static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO};
    char head[SYSLOG_HEAD_BYTES];
    if (syslog_fd < 0)
        syslog_fd = local_socket_open(SYSLOG_PATH);
    if (syslog_fd < 0)
        return syslog_fd;
    const struct iovec parts[] = {{head, syslog_head(head, priorities[level])}, {(void *)line, strlen(line)}};
    return local_socket_send(syslog_fd, parts, 2);
}

/* syslog(3) waits for a reader who does not read. */
static bool write_syslog(enum log_level level, const char *line)
{
    /* The second try is for a syslog that was started anew. */
    for (unsigned i = 0; i < 2; i++) {
        int failed = send_line(level, line);
        if (failed == 0 || failed == -EAGAIN)
            return failed == 0;
        if (syslog_fd >= 0)
            close(syslog_fd);
        syslog_fd = -1;
    }
    return false;
}

static bool write_line(enum log_level level, const char *line)
{
    return to_standard_error ? write_standard_error(level, line) : write_syslog(level, line);
}

void log_line(enum log_level level, const char *format, ...)
{
    char line[LINE_BYTES], sum[80];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (lost > 0) {
        snprintf(sum, sizeof sum, "%llu lines of this log were lost: nobody read it", lost);
        if (write_line(LOG_LEVEL_WARNING, sum))
            lost = 0;
    }
    if (!write_line(level, line))
        lost++;
}
