/*
 * One `log to` or `log packets to`: a thread that writes, and a bounded queue of records before it. The main thread puts and never
 * waits for a disk or a reader; what does not fit is counted as lost. Whatever is wrong is tried again each second.
 */
#ifndef DAEMON_SINK_H
#define DAEMON_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "rules/ruleset.h"

/* What may wait to be written: some thousand events. Beyond it the newest are lost. */
#define SINK_BYTES (1u << 20)
#define SINK_RECORD_BYTES 4096 /* a record at most, as EVE_LINE_BYTES */

struct sink;

/*
 * Makes the sink of PLACE and opens it, so that a process that gives privileges up may do so afterwards. No thread runs yet.
 * NULL: there is no memory. That it cannot be opened is for sink_state to tell.
 */
struct sink *sink_new(const struct log_place *place);

/* A regular file of root's becomes this user's, who has to open it again later. Before sink_start. */
void sink_give(struct sink *sink, uid_t uid, gid_t gid);

/* Starts its thread. False: that is refused. */
bool sink_start(struct sink *sink);

/*
 * Ends it. What waits is written, where that takes no longer than SINK_STOP_SECONDS; a thread that is stuck in the disk is left
 * behind.
 */
#define SINK_STOP_SECONDS 1
void sink_stop(struct sink *sink);

/* Is it the sink of PLACE? */
bool sink_is_of(const struct sink *sink, const struct log_place *place);

enum log_place_kind sink_kind(const struct sink *sink);

/* How people call it: the file's path, "syslog" or "journal". */
const char *sink_name(const struct sink *sink);

/* One record, copied. Where there is no room it is lost, and counted. */
void sink_put(struct sink *sink, const void *record, size_t length);

/* A file is opened anew: the old one has been renamed. */
void sink_reopen(struct sink *sink);

struct sink_state {
    uint64_t written, lost; /* records since its beginning */
    int error;              /* what is wrong now, an errno; 0: nothing */
};
struct sink_state sink_state(struct sink *sink);

#endif
