/*
 * Watches that the hook stays where it is and that everything meets it, and puts it back when another tool has flushed it: at the
 * kernel's notice of a change (nf_tables), or within a second (iptables' older backend, which gives none). In the
 * main thread; what takes privileges is the steward's.
 */
#ifndef DAEMON_GUARD_H
#define DAEMON_GUARD_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct daemon;

struct guard {
    bool open;                 /* there is a hook, and the descriptors are open */
    bool watches;              /* and it is being looked at */
    int fd;                    /* nf_tables' notices; less than 0: there are none */
    bool legacy;               /* the older backend has the hook ... */
    int legacy_fds[2];         /* ... and is asked by these, for IPv4 and IPv6 */
    uint64_t legacy_print;     /* how its tables looked last */
    bool broken;               /* at the last look: again each second */
    uint64_t quiet_until_ms;   /* the same trouble is not told again before */
    uint64_t mended_ms;        /* when it was put back last */
    unsigned mended;           /* how often without a longer pause */
    ev_io notice;
    ev_timer settle;
};

/* The hook has just been installed: keeps how it looks, and opens what it is watched by. False, logged: it cannot be watched. */
bool guard_prepare(struct daemon *daemon);

/* Begins to watch, where there is a hook, with a first look. */
void guard_start(struct daemon *daemon);
void guard_stop(struct daemon *daemon);

/* Once a second. */
void guard_second(struct daemon *daemon);

#endif
