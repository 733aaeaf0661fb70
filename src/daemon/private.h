/* What the main thread knows. For daemon.c, judges.c and trial.c, which change it, and views.c, which shows it. */
#ifndef DAEMON_PRIVATE_H
#define DAEMON_PRIVATE_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "daemon/control_socket.h"
#include "daemon/daemon.h"
#include "daemon/guard.h"
#include "daemon/ledger.h"
#include "daemon/privileges.h"
#include "daemon/recorder.h"
#include "daemon/rehearsal.h"
#include "daemon/heritage.h"
#include "daemon/top.h"
#include "daemon/tracing.h"
#include "daemon/trial.h"
#include "daemon/worker.h"
#include "fastpath/fastpath.h"

/* Connections that were there before spid are picked up for so long after a start without saved state. */
#define PICKUP_MS 60000

/* What was told of packets that the kernel dropped: losses.c. */
struct losses {
    uint64_t told, quiet_until_ms;
};

/* What systemd's watchdog is told by: notify.c. */
struct watchdog {
    ev_timer timer;
    uint32_t beats[RULESET_QUEUES_MAX]; /* of the workers, when it last looked */
    bool told;                          /* that one is stuck */
};

struct daemon {
    const struct daemon_options *options;
    char *config; /* absolute: the daemon's folder changes */
    struct privileges privileges;
    struct ev_loop *loop;
    struct policy *policy;
    struct table *table;
    struct heritage heritage;
    uint64_t started_ms;
    uint32_t generation;
    uint16_t queue_first, queue_last;
    uint8_t hooks;
    struct hook hook; /* as it is installed, if hooks is not 0 */
    struct guard guard;
    unsigned worker_count;
    struct worker *workers[RULESET_QUEUES_MAX];
    char fast_folder[FASTPATH_FOLDER_BYTES]; /* where it is pinned */
    struct fast *fast;     /* NULL: there is no fast path ... */
    char fast_error[600];  /* ... and why */
    struct control_socket *control;
    struct exporter *exporter; /* NULL: nobody asked for it */
    struct resolver *resolver; /* of the names of dns sets */
    int watch_fd;
    int queues_fd; /* the kernel's list of queues, which only root can open */
    bool remove_hook; /* at the end: INT, or a command */
    enum on down;     /* `on daemon-down`, as it was installed at the start */
    uint64_t refused_told;
    struct losses losses;
    struct watchdog watchdog;
    struct tracing tracing;
    struct top top;
    struct recorder recorder;
    struct trial trial;
    struct rehearsal rehearsal;
    struct ledger ledger;
    time_t schedules_read; /* when the schedules were last held against the clock */
    ev_signal hup, term, interrupt, usr1;
    ev_timer drain, sum_up, settle, names, second;
    ev_io interfaces;
};

/*
 * Every worker judges by POLICY when this returns. The one before is the caller's: nobody uses it any more. MOVED: interfaces are
 * others, and with them who is spoofed.
 */
void daemon_publish(struct daemon *daemon, struct policy *policy, bool moved);

#endif
