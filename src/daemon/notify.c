#include "daemon/notify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/private.h"
#include "io/local_socket.h"

#define MESSAGE_BYTES 600

/* A worker's beat is a tenth of a second away at most, and as much again on a busy machine. */
#define WATCH_SECONDS_MIN 0.25

static void tell(const char *message)
{
    const char *path = getenv("NOTIFY_SOCKET");
    int fd = path != NULL && (path[0] == '/' || path[0] == '@') ? local_socket_open(path) : -1;
    if (fd < 0)
        return;
    const struct iovec part = {(void *)(uintptr_t)message, strlen(message)};
    local_socket_send(fd, &part, 1);
    close(fd);
}

void notify_ready(const char *status, ...)
{
    char text[MESSAGE_BYTES], message[MESSAGE_BYTES + 32];
    va_list arguments;
    va_start(arguments, status);
    vsnprintf(text, sizeof text, status, arguments);
    va_end(arguments);
    text[strcspn(text, "\n")] = '\0';
    snprintf(message, sizeof message, "READY=1\nSTATUS=%s", text);
    tell(message);
}

void notify_reloading(void)
{
    char message[MESSAGE_BYTES];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    tell(message);
}

void notify_stopping(void)
{
    tell("STOPPING=1");
}

/* ---- the watchdog ---- */

static void on_watch(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct daemon *daemon = timer->data;
    bool live = true;
    (void)loop;
    (void)events;
    for (unsigned i = 0; i < daemon->worker_count; i++) {
        uint32_t beat = worker_beat(daemon->workers[i]);
        live &= beat != daemon->watchdog.beats[i];
        daemon->watchdog.beats[i] = beat;
    }
    if (live)
        tell("WATCHDOG=1");
    else if (!daemon->watchdog.told)
        log_line(LOG_LEVEL_ERROR, "a worker is stuck: systemd's watchdog is not told that the daemon lives");
    daemon->watchdog.told = !live;
}

/* In seconds; 0: nobody watches this process. */
static double interval(void)
{
    const char *text = getenv("WATCHDOG_USEC"), *whose = getenv("WATCHDOG_PID");
    if (text == NULL || (whose != NULL && strtol(whose, NULL, 10) != (long)getpid()))
        return 0.;
    double seconds = (double)strtoull(text, NULL, 10) / 1e6 / 2.;
    return seconds > 0. && seconds < WATCH_SECONDS_MIN ? WATCH_SECONDS_MIN : seconds;
}

void notify_watch(struct daemon *daemon)
{
    double seconds = interval();
    if (seconds <= 0.)
        return;
    ev_timer_init(&daemon->watchdog.timer, on_watch, seconds, seconds);
    daemon->watchdog.timer.data = daemon;
    ev_timer_start(daemon->loop, &daemon->watchdog.timer);
}
