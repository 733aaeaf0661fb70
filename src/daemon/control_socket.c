#include "daemon/control_socket.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/answer.h"
#include "daemon/selection.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

#define GROUPS_MAX 256
#define READING_GROUP "spid"
#define CHANGING_GROUP "spid-admin"
#define NO_GROUP ((gid_t)-1)

enum permission { MAY_NOTHING, MAY_READ, MAY_CHANGE };

struct client {
    struct control_socket *control; /* NULL: the place is free */
    int fd;
    enum permission permission;
    ev_io readable, writable;
    char *input;
    size_t input_length;
    char *output;
    size_t output_length, output_size;
    bool ending;       /* closed once the output is written */
    bool listing;      /* a list of connections is under way */
    struct selection *selection; /* of the list */
    uint32_t place;    /* in the table, where the list goes on */
    size_t listed;
    const struct control_stream *stream; /* it is told until it goes; NULL: nothing */
};

struct control_socket {
    struct ev_loop *loop;
    struct control_actions actions;
    int fd;
    ev_io acceptable;
    struct sockaddr_un address;
    gid_t readers, changers; /* NO_GROUP: there is none */
    struct client clients[CONTROL_CLIENTS_MAX];
};

static void client_end(struct client *client)
{
    const struct control_actions *actions = &client->control->actions;
    if (client->stream != NULL)
        client->stream->leave(actions->context, client);
    ev_io_stop(client->control->loop, &client->readable);
    ev_io_stop(client->control->loop, &client->writable);
    close(client->fd);
    free(client->input);
    free(client->output);
    selection_free(client->selection);
    memset(client, 0, sizeof *client);
}

/* Adds an answer to what waits to be read. A client who does not read is cut off. */
static void client_put(struct client *client, json_t *answer)
{
    char *line = json_dumps(answer, JSON_COMPACT);
    size_t length = line != NULL ? strlen(line) + 1 : 0;
    json_decref(answer);
    if (line == NULL || client->output_length + length > CONTROL_OUTPUT_BYTES_MAX) {
        client->ending = true;
        free(line);
        return;
    }
    line[length - 1] = '\n';
    if (client->output_length + length > client->output_size) {
        size_t size = (client->output_length + length) * 2;
        char *larger = realloc(client->output, size);
        if (larger == NULL) {
            client->ending = true;
            free(line);
            return;
        }
        client->output = larger;
        client->output_size = size;
    }
    memcpy(client->output + client->output_length, line, length);
    client->output_length += length;
    free(line);
    ev_io_start(client->control->loop, &client->writable);
}

static void put_connection(void *taker, json_t *answer)
{
    struct client *client = taker;
    client->listed++;
    client_put(client, answer);
}

/* Goes on with the list as far as the client has room: the table is walked in parts, so that packets never wait long. */
static void client_list(struct client *client)
{
    struct control_actions *actions = &client->control->actions;
    while (client->listing && client->output_length < CONTROL_OUTPUT_BYTES_MAX / 16) {
        client->place = actions->states(actions->context, client->selection, client->place, put_connection, client);
        if (client->place != 0)
            continue;
        client->listing = false;
        client_put(client, json_pack("{s:b, s:I}", "ok", 1, "connections", (json_int_t)client->listed));
    }
}

static json_t *refusal(const char *command, const char *group)
{
    return answer_error("'%s' is for root and members of the group %s", command, group);
}

/* Begins to list connections; what goes wrong as an answer, or NULL. */
static json_t *begin_list(struct client *client, const json_t *request)
{
    const char *filter = json_string_value(json_object_get(request, "filter"));
    json_t *wrong = NULL;
    selection_free(client->selection);
    client->selection = selection_new(client->control->actions.context, filter, &wrong);
    if (client->selection == NULL)
        return wrong;
    client->listing = true;
    client->place = 0;
    client->listed = 0;
    client_list(client);
    return NULL;
}

/* Begins to tell; what goes wrong as an answer. */
static json_t *begin_stream(struct client *client, const struct control_stream *stream, const json_t *request)
{
    json_t *wrong = stream->join(client->control->actions.context, client, request);
    if (wrong != NULL)
        return wrong;
    client->stream = stream;
    return json_pack("{s:b}", stream->begins, 1);
}

bool control_socket_tell(struct client *client, json_t *line)
{
    bool room = !client->ending && client->output_length < CONTROL_STREAM_BYTES_MAX;
    if (room)
        client_put(client, line);
    else
        json_decref(line);
    return room;
}

static json_t *unknown(const struct control_actions *actions, const char *command)
{
    char names[300] = "states";
    for (size_t i = 0; i < actions->stream_count; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, ", %s", actions->streams[i].name);
    }
    for (size_t i = 0; i < actions->command_count; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, ", %s", actions->commands[i].name);
    }
    return answer_error("unknown command '%.60s'; there are %s", command, names);
}

static json_t *obey(struct client *client, const char *command, const json_t *request)
{
    const struct control_actions *actions = &client->control->actions;
    const struct control_command *found = NULL;
    const struct control_stream *stream = NULL;
    bool lists = strcmp(command, "states") == 0;
    for (size_t i = 0; i < actions->command_count; i++)
        if (strcmp(actions->commands[i].name, command) == 0)
            found = &actions->commands[i];
    for (size_t i = 0; i < actions->stream_count; i++)
        if (strcmp(actions->streams[i].name, command) == 0)
            stream = &actions->streams[i];
    if (found == NULL && stream == NULL && !lists)
        return unknown(actions, command);
    bool changes = found != NULL && found->changes;
    if (client->permission < (changes ? MAY_CHANGE : MAY_READ))
        return refusal(command, changes ? CHANGING_GROUP : READING_GROUP);
    if (stream != NULL)
        return begin_stream(client, stream, request);
    return lists ? begin_list(client, request) : found->answer(actions->context, request);
}

static void take_line(struct client *client, const char *line, size_t length)
{
    json_t *request, *answer;
    const char *command = answer_command(line, length, &request, &answer);
    if (command != NULL)
        answer = obey(client, command, request);
    json_decref(request);
    if (answer != NULL)
        client_put(client, answer);
}

static void take_lines(struct client *client)
{
    size_t begin = 0;
    /* One request at a time: while a list or a stream is under way the next ones wait. */
    while (!client->listing && client->stream == NULL && !client->ending) {
        char *end = memchr(client->input + begin, '\n', client->input_length - begin);
        if (end == NULL)
            break;
        size_t length = (size_t)(end - (client->input + begin));
        take_line(client, client->input + begin, length);
        begin += length + 1;
    }
    client->input_length -= begin;
    memmove(client->input, client->input + begin, client->input_length);
}

void control_socket_stream_end(struct client *client, json_t *last)
{
    client->stream = NULL;
    client_put(client, last);
    take_lines(client);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct client *client = watcher->data;
    (void)events;
    if (client->input_length == CONTROL_LINE_BYTES_MAX) {
        if (!client->listing) {
            client_put(client, answer_error("a request is at most %d bytes long", CONTROL_LINE_BYTES_MAX));
            client->ending = true;
        }
        ev_io_stop(loop, watcher);
        return;
    }
    ssize_t got = recv(client->fd, client->input + client->input_length,
                       CONTROL_LINE_BYTES_MAX - client->input_length, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        client_end(client);
        return;
    }
    if (got > 0) {
        client->input_length += (size_t)got;
        take_lines(client);
    }
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct client *client = watcher->data;
    (void)events;
    ssize_t sent = send(client->fd, client->output, client->output_length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        client_end(client);
        return;
    }
    if (sent > 0) {
        client->output_length -= (size_t)sent;
        memmove(client->output, client->output + sent, client->output_length);
    }
    if (client->listing) {
        client_list(client);
        if (!client->listing) {
            take_lines(client);
            ev_io_start(loop, &client->readable);
        }
    }
    if (client->output_length > 0)
        return;
    ev_io_stop(loop, watcher);
    if (client->ending)
        client_end(client);
}

static gid_t group_of(const char *name)
{
    const struct group *group = getgrnam(name);
    return group != NULL ? group->gr_gid : NO_GROUP;
}

static bool in_group(const struct ucred *peer, const gid_t *groups, unsigned count, gid_t group)
{
    bool in = peer->gid == group;
    for (unsigned i = 0; i < count; i++)
        in |= groups[i] == group;
    return in && group != NO_GROUP;
}

static enum permission permission_of(const struct control_socket *control, int fd)
{
    struct ucred peer;
    gid_t groups[GROUPS_MAX];
    socklen_t length = sizeof peer, groups_bytes = sizeof groups;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return MAY_NOTHING; /* fail closed */
    if (peer.uid == 0)
        return MAY_CHANGE;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_bytes) != 0)
        groups_bytes = 0;
    unsigned count = (unsigned)(groups_bytes / sizeof groups[0]);
    if (in_group(&peer, groups, count, control->changers))
        return MAY_CHANGE;
    return in_group(&peer, groups, count, control->readers) ? MAY_READ : MAY_NOTHING;
}

static struct client *free_place(struct control_socket *control)
{
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i].control == NULL)
            return &control->clients[i];
    return NULL;
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct control_socket *control = watcher->data;
    (void)events;
    int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct client *client = free_place(control);
    char *input = client != NULL ? malloc(CONTROL_LINE_BYTES_MAX) : NULL;
    if (input == NULL) {
        static const char full[] = "{\"ok\":false,\"error\":\"too many clients; try again\"}\n";
        send(fd, full, sizeof full - 1, MSG_NOSIGNAL);
        close(fd);
        return;
    }
    *client = (struct client){.control = control, .fd = fd, .input = input, .permission = permission_of(control, fd)};
    ev_io_init(&client->readable, on_readable, fd, EV_READ);
    ev_io_init(&client->writable, on_writable, fd, EV_WRITE);
    client->readable.data = client->writable.data = client;
    ev_io_start(loop, &client->readable);
}

/* Does somebody listen at this address? A file that nobody listens at is left over and may be replaced. */
static bool somebody_listens(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answered = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    if (fd >= 0)
        close(fd);
    return answered;
}

/*
 * Everybody may connect; what he may ask is told by his credentials. Not by chmod(2): root would change what the folder's owner has
 * put in the socket's place meanwhile.
 */
static bool bind_for_all(int fd, const struct sockaddr_un *address)
{
    mode_t before = umask(0111);
    bool bound = bind(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    umask(before);
    return bound;
}

struct control_socket *control_socket_open(struct ev_loop *loop, const char *path,
                                           const struct control_actions *actions, char *error, size_t error_size)
{
    struct control_socket *control = calloc(1, sizeof *control);
    if (control == NULL || strlen(path) >= sizeof control->address.sun_path) {
        snprintf(error, error_size, "control socket %s: %s", path, control == NULL ? "no memory" : "its path is too long");
        free(control);
        return NULL;
    }
    control->loop = loop;
    control->actions = *actions;
    control->readers = group_of(READING_GROUP);
    control->changers = group_of(CHANGING_GROUP);
    control->address.sun_family = AF_UNIX;
    strcpy(control->address.sun_path, path);
    if (somebody_listens(&control->address)) {
        snprintf(error, error_size, "control socket %s: a daemon listens there already; stop it, or choose another path (-S)", path);
        free(control);
        return NULL;
    }
    unlink(path);
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->fd < 0 || !bind_for_all(control->fd, &control->address) || listen(control->fd, 16) != 0) {
        snprintf(error, error_size, "control socket %s: %s", path, strerror(errno));
        if (control->fd >= 0)
            close(control->fd);
        free(control);
        return NULL;
    }
    ev_io_init(&control->acceptable, on_acceptable, control->fd, EV_READ);
    control->acceptable.data = control;
    ev_io_start(loop, &control->acceptable);
    return control;
}

bool control_socket_close(struct control_socket *control)
{
    if (control == NULL)
        return false;
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        /* Who has asked for the end is to have his answer. What he does not take at once is lost. */
        if (client->output_length > 0)
            send(client->fd, client->output, client->output_length, MSG_NOSIGNAL);
        if (client->control != NULL)
            client_end(client);
    }
    ev_io_stop(control->loop, &control->acceptable);
    close(control->fd);
    bool stays = unlink(control->address.sun_path) != 0;
    free(control);
    return stays;
}
