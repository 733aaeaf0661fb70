/*
 * The control socket: a Unix stream, one JSON object a line each way. Runs in the main thread only, with bounds on
 * everything that a client can do; the packet path never knows of it.
 *
 * Who may do what is told by the peer's credentials: root and members of spid-admin change, members of spid read.
 */
#ifndef DAEMON_CONTROL_SOCKET_H
#define DAEMON_CONTROL_SOCKET_H

#include <stdint.h>
#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Clients at once; a request's length; what may wait to be read by a client before he is cut off. */
#define CONTROL_CLIENTS_MAX 32
#define CONTROL_LINE_BYTES_MAX 65536
#define CONTROL_OUTPUT_BYTES_MAX (4u << 20)

struct control_socket;

/* What the daemon does for a client. */
struct control_actions {
    json_t *(*status)(void *context);
    json_t *(*rules)(void *context);
    json_t *(*reload)(void *context);
    /* QUERY: a packet in words. */
    json_t *(*explain)(void *context, const char *query);
    /* Calls PUT with some connections from PLACE on, 0 at first; returns the place to go on from, 0 at the end. */
    uint32_t (*states)(void *context, uint32_t place, void (*put)(void *taker, json_t *answer), void *taker);
    void *context;
};

/* Opens the socket at PATH. NULL, with why in ERROR: a daemon listens there already, or the system refuses. */
struct control_socket *control_socket_open(struct ev_loop *loop, const char *path,
                                           const struct control_actions *actions, char *error, size_t error_size);

/* Closes it and removes its file. */
void control_socket_close(struct control_socket *control);

#endif
