/*
 * The control socket: a Unix stream, one JSON object a line each way. Runs in the main thread only, with bounds on
 * everything that a client can do; the packet path never knows of it. One request a turn of the main loop, the clients by
 * turns; where all places are taken, who may more displaces who may less.
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

/*
 * Clients at once, and such that wait to be accepted; a request's length; what may wait to be read by all of them together: who
 * would have more is cut off.
 */
#define CONTROL_CLIENTS_MAX 32
#define CONTROL_BACKLOG 128
#define CONTROL_LINE_BYTES_MAX 65536
#define CONTROL_OUTPUT_BYTES_MAX (64u << 20)

/* A list goes on while less than this waits to be read. */
#define CONTROL_LIST_BYTES (256u << 10)

/* What may wait to be read by a client of a stream before lines are left out. */
#define CONTROL_STREAM_BYTES_MAX (256u << 10)

struct control_socket;
struct client;
struct selection;

/* A command that is answered at once, by one object. REQUEST: what the client sent. */
struct control_command {
    const char *name;
    bool changes; /* for those who may change */
    json_t *(*answer)(void *context, const json_t *request);
};

/* A command that is answered until the client goes. */
struct control_stream {
    const char *name;
    const char *begins; /* {"BEGINS":true} comes first */
    /* Tells CLIENT, by control_socket_tell, until `leave`; what is wrong with the request as an answer, or NULL. */
    json_t *(*join)(void *context, struct client *client, const json_t *request);
    void (*leave)(void *context, struct client *client);
};

/* What the daemon does for a client. */
struct control_actions {
    const struct control_command *commands;
    size_t command_count;
    const struct control_stream *streams;
    size_t stream_count;
    /* `states`: calls PUT with some connections of SELECTION from PLACE on, 0 at first; returns where to go on, 0 at the end. */
    uint32_t (*states)(void *context, struct selection *selection, uint32_t place, void (*put)(void *taker, json_t *answer),
                       void *taker);
    void *context;
};

/*
 * Opens the socket at PATH, whose folder is there. The groups of who may ask are those of this moment. NULL, with why in ERROR: a
 * daemon listens there already, or the path is too long. Where the system refuses (a folder that is read-only), and whenever the
 * file is gone, the log is told, and it is tried again each second: who judges packets does not stop for that.
 */
struct control_socket *control_socket_open(struct ev_loop *loop, const char *path,
                                           const struct control_actions *actions, char *error, size_t error_size);

/* Closes it and removes its file. Returns whether the file is still there, for somebody else to remove. */
bool control_socket_close(struct control_socket *control);

/* Adds LINE, which is taken over, to what a client who has joined is sent. False: he reads too slowly, it is left out. */
bool control_socket_tell(struct client *client, json_t *line);

/* A client who has joined is told LAST, which is taken over, and is one like others again. Not from within `join` or `leave`. */
void control_socket_stream_end(struct client *client, json_t *last);

#endif
