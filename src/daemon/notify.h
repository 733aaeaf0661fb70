/*
 * What systemd is told: sd_notify(3), one datagram each, and nothing where it does not ask (NOTIFY_SOCKET). And the watchdog: as
 * long as the main loop turns and each worker lives, it is told so; when one is stuck, it is not, and starts the daemon again.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

struct daemon;

/* The start is over, or a reload; STATUS as printf has it is what `systemctl status` shows. */
void notify_ready(const char *status, ...) __attribute__((format(printf, 1, 2)));

/* A reload begins. notify_ready follows, however it ends. */
void notify_reloading(void);

void notify_stopping(void);

/* Begins to keep the watchdog alive, twice in the time that systemd gives (WATCHDOG_USEC). Workers are started. */
void notify_watch(struct daemon *daemon);

#endif
