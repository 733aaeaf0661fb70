/*
 * What the daemon tells of packets and connections: lines in its own log, and events to where `log to` and `log packets to` want
 * them. Runs in the main thread: it empties the rings that workers and the state table fill, finds the words and puts them before
 * the threads that write (sink.h). Where any `log to` stands, the lines of `log` go there and not into the daemon's own log.
 */
#ifndef DAEMON_RECORDER_H
#define DAEMON_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/sink.h"

struct daemon;
struct log_view;

/* How often the daemon's figures are an event. */
#define RECORDER_STATS_SECONDS 60u

/* What was told in the daemon's own log about one sink. */
struct sink_told {
    int error;
    uint64_t lost, quiet_until_ms;
};

struct recorder {
    struct sink *sinks[LOG_PLACES_MAX];
    struct sink_told told[LOG_PLACES_MAX];
    unsigned count;
    bool running;          /* the sinks have their threads */
    unsigned until_stats;  /* seconds */
    unsigned turn;         /* of recorder_drain */
};

/*
 * Before the drop of privileges: opens what the rules name, in folders that are made where they are missing and stay open to the
 * daemon, and gives new files to its user. No thread begins before recorder_start.
 */
void recorder_open(struct daemon *daemon);

/* Opens what the rules name and is not open, closes what they name no more. */
void recorder_use(struct daemon *daemon);

/* The sinks, of now and later, write from here on. */
void recorder_start(struct daemon *daemon);

/* Takes what there is and tells of it by RULESET, which it was decided by. */
void recorder_drain(struct daemon *daemon, const struct ruleset *ruleset);

/* Each second: what was left out is summed up; what is wrong with a sink, or right again, is said once; the figures' time. */
void recorder_second(struct daemon *daemon);

/* Sums up what the policy's rates left out so far, before it goes. */
void recorder_sum_up(struct daemon *daemon);

/* Log files are opened anew. Returns how many there are. */
unsigned recorder_reopen(struct daemon *daemon);

/* For `status`: fills VIEWS, room for LOG_PLACES_MAX; returns how many. */
unsigned recorder_view(const struct daemon *daemon, struct log_view *views);

/* Writes what waits, and closes everything. */
void recorder_stop(struct daemon *daemon);

#endif
