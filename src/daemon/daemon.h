/*
 * The daemon: workers that judge queued packets, and a main loop for signals, reload and the control socket.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "io/hook.h"
#include "rules/ruleset.h"

struct daemon_options {
    const char *config;  /* the rules file */
    const char *socket;  /* the control socket's path */
    const char *state;   /* the file of the connections; "none"; NULL: beside the control socket */
    const char *pidfile; /* NULL: none is written */
    const char *metrics; /* where the figures are given over HTTP, a loopback address; NULL: nowhere */
    bool foreground;     /* stay, and log to standard error */
    bool verbose;        /* log every verdict */
    struct hook_wish wish;
    unsigned cpu_count;  /* 0: the kernel chooses each worker's processor */
    uint16_t cpus[RULESET_QUEUES_MAX]; /* else worker k runs on the k-th of these, from the first again when there are fewer */
    struct hook_mark mark; /* of packets of spid's own */
};

/* Runs until a signal ends it. Returns the program's exit status: 0 stopped as asked, 1 could not start (it has said why). */
int daemon_run(const struct daemon_options *options);

#endif
