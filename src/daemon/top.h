/*
 * `top`: the connections that come first by rate, bytes, packets, age or rule, told once a second to clients of the control
 * socket. While somebody looks the main thread walks the table a piece at a time, for at most a fifth of its time, and notes what
 * each connection has passed; the next walk knows the rate by that. A client costs room for his lines, and they all together a
 * note a connection. Packets wait no longer than for `states`.
 */
#ifndef DAEMON_TOP_H
#define DAEMON_TOP_H

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Clients that look at once; connections that one of them is told of. */
#define TOP_VIEWERS_MAX 4
#define TOP_LINES_MAX 200

struct client;
struct daemon;
struct top_line;
struct top_note;

enum top_order { TOP_RATE, TOP_BYTES, TOP_PACKETS, TOP_AGE, TOP_RULE, TOP_ORDER_COUNT };

struct top_viewer {
    struct client *client; /* NULL: the place is free */
    struct selection *selection;
    enum top_order order;
    unsigned count, most;   /* lines; of the walk under way, and wanted */
    struct top_line *lines; /* a heap: the one that is the first to go lies at 0 */
    uint64_t matching;      /* connections of the selection */
    bool counts;            /* it was there when the walk began */
};

struct top {
    struct top_viewer viewers[TOP_VIEWERS_MAX];
    struct top_note *notes; /* by the connection's index; NULL: nobody looks */
    size_t notes_bytes;
    uint32_t place;         /* in the table, where the walk goes on */
    bool under_way;
    uint32_t walks;         /* that have come to their end */
    uint64_t began_ms;      /* the last walk; 0: there was none */
    uint64_t last_began_ms; /* the one before it */
    ev_timer turn;
};

/*
 * CLIENT is told, until top_leave, of the "count" connections (40 where that is missing) of "filter" that come first by "sort":
 * rate, bytes, packets, age, rule. What is wrong as an answer, or NULL. For struct control_stream, as the next one.
 */
json_t *top_join(void *daemon, struct client *client, const json_t *request);

void top_leave(void *daemon, struct client *client);

#endif
