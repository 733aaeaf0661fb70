#include "daemon/control_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/path.h"
#include "control/answer.h"
#include "daemon/log.h"
#include "daemon/peer.h"
#include "daemon/selection.h"
#include "io/local_socket.h"

/* Who has neither sent nor read anything for so long gives his place up to an equal who needs it. */
#define QUIET_SECONDS 2.0

/* How often the socket's file is looked for, and clients are accepted again after the system refused one. */
#define LOOK_SECONDS 1.0

struct client {
    struct control_socket *control; /* NULL: the place is free */
    int fd;
    enum peer_permission permission;
    ev_io readable, writable;
    double active;     /* when bytes last went either way, on the loop's clock */
    char *input;
    size_t input_length;
    char *line_end;    /* of the first request in the input; NULL: there is no whole one */
    char *output;
    size_t output_begin, output_length, output_size; /* what was sent already; what waits behind it */
    bool finished;     /* he sends nothing more: closed once all is answered */
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
    int fd;                /* -1: there is no socket for now */
    dev_t device;
    ino_t inode;           /* of its file */
    int told;              /* what the log was told is wrong with the file, as errno; 0: nothing */
    bool refusing;         /* the system, to accept: the log was told */
    ev_io acceptable;
    ev_prepare turn;
    ev_idle more;
    ev_timer look;
    unsigned next;         /* whose turn it is */
    size_t unread;         /* bytes that are held for what clients have not read */
    struct sockaddr_un address;
    struct peer_groups groups;
    struct client clients[CONTROL_CLIENTS_MAX];
};

static void drop_output(struct client *client)
{
    client->control->unread -= client->output_size;
    free(client->output);
    client->output = NULL;
    client->output_begin = client->output_length = client->output_size = 0;
}

static void client_end(struct client *client)
{
    const struct control_actions *actions = &client->control->actions;
    if (client->stream != NULL)
        client->stream->leave(actions->context, client);
    ev_io_stop(client->control->loop, &client->readable);
    ev_io_stop(client->control->loop, &client->writable);
    close(client->fd);
    free(client->input);
    drop_output(client);
    selection_free(client->selection);
    memset(client, 0, sizeof *client);
}

/* The last word to somebody who has to go, as far as he can take it. */
static void say(int fd, const char *line)
{
    send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Room for LENGTH more bytes of output. False: all clients together have as much as they may, or there is no memory. */
static bool make_room(struct client *client, size_t length)
{
    size_t *unread = &client->control->unread, needed = client->output_length + length;
    if (client->output_begin + needed <= client->output_size)
        return true;
    if (client->output_begin > 0)
        memmove(client->output, client->output + client->output_begin, client->output_length);
    client->output_begin = 0;
    if (needed <= client->output_size)
        return true;
    /* One answer has what it needs; a list will have more. */
    size_t size = client->output_length > 0 ? needed * 2 : needed;
    if (*unread - client->output_size + size > CONTROL_OUTPUT_BYTES_MAX)
        return false;
    char *larger = realloc(client->output, size);
    if (larger == NULL)
        return false;
    *unread += size - client->output_size;
    client->output = larger;
    client->output_size = size;
    return true;
}

/* Adds an answer to what waits to be read. Where there is no room for it the client is cut off. */
static void client_put(struct client *client, json_t *answer)
{
    char *line = json_dumps(answer, JSON_COMPACT);
    size_t length = line != NULL ? strlen(line) + 1 : 0;
    json_decref(answer);
    if (line != NULL && make_room(client, length)) {
        line[length - 1] = '\n';
        memcpy(client->output + client->output_begin + client->output_length, line, length);
        client->output_length += length;
    } else {
        if (client->output_length == 0)
            say(client->fd, "{\"ok\":false,\"error\":\"there is no room for the answer, beside what other clients have not read\"}\n");
        client->ending = true;
    }
    free(line);
    ev_io_start(client->control->loop, &client->writable);
}

static void put_connection(void *taker, json_t *answer)
{
    struct client *client = taker;
    client->listed++;
    client_put(client, answer);
}

/* Goes on with the list: the table is walked in parts, so that packets never wait long, nor does anybody else. */
static void client_list(struct client *client)
{
    struct control_actions *actions = &client->control->actions;
    client->place = actions->states(actions->context, client->selection, client->place, put_connection, client);
    if (client->place != 0)
        return;
    client->listing = false;
    client_put(client, json_pack("{s:b, s:I}", "ok", 1, "connections", (json_int_t)client->listed));
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
    if (client->permission < (changes ? PEER_MAY_CHANGE : PEER_MAY_READ))
        return refusal(command, changes ? PEER_CHANGING_GROUP : PEER_READING_GROUP);
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

/* The first request, which is whole, is answered and leaves the input. */
static void take_request(struct client *client)
{
    size_t length = (size_t)(client->line_end - client->input);
    take_line(client, client->input, length);
    client->input_length -= length + 1;
    memmove(client->input, client->input + length + 1, client->input_length);
    client->line_end = memchr(client->input, '\n', client->input_length);
    if (!client->finished)
        ev_io_start(client->control->loop, &client->readable);
}

/*
 * Is there something to do for the client? One request at a time: the next one waits until the answer has been taken, the list
 * has come to its end, the stream is over. So nobody makes more than one answer stand here.
 */
static bool has_work(const struct client *client)
{
    if (client->control == NULL || client->ending || client->stream != NULL)
        return false;
    return client->listing ? client->output_length < CONTROL_LIST_BYTES
                           : client->line_end != NULL && client->output_length == 0;
}

/* Closes a client for whom nothing is left to do. */
static void end_when_done(struct client *client)
{
    if (client->output_length == 0 &&
        (client->ending || (client->finished && !client->listing && client->line_end == NULL)))
        client_end(client);
}

/*
 * One request of one client, or one part of a list, for each turn of the main loop; the clients take turns. Whatever they ask for, between
 * two of them the main thread does all else that it has to do.
 */
static void on_turn(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    struct control_socket *control = watcher->data;
    bool worked = false, more = false;
    (void)events;
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX && !more; i++) {
        unsigned place = (control->next + i) % CONTROL_CLIENTS_MAX;
        struct client *client = &control->clients[place];
        if (!has_work(client))
            continue;
        if (worked) {
            more = true;
            control->next = place;
            continue;
        }
        worked = true;
        if (client->listing)
            client_list(client);
        else
            take_request(client);
        more = has_work(client);
        control->next = place + 1;
        end_when_done(client);
    }
    if (more)
        ev_idle_start(loop, &control->more); /* the loop does not sleep */
    else
        ev_idle_stop(loop, &control->more);
}

static void on_more(struct ev_loop *loop, ev_idle *watcher, int events)
{
    (void)loop;
    (void)watcher;
    (void)events;
}

void control_socket_stream_end(struct client *client, json_t *last)
{
    client->stream = NULL;
    client_put(client, last);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct client *client = watcher->data;
    (void)events;
    ssize_t got = recv(client->fd, client->input + client->input_length,
                       CONTROL_LINE_BYTES_MAX - client->input_length, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got < 0 || (got == 0 && client->stream != NULL)) {
        client_end(client);
        return;
    }
    client->active = ev_now(loop);
    if (got == 0) {
        /* He may have shut down one direction only, and wait for answers. */
        client->finished = true;
        ev_io_stop(loop, watcher);
        end_when_done(client);
        return;
    }
    if (client->line_end == NULL)
        client->line_end = memchr(client->input + client->input_length, '\n', (size_t)got);
    client->input_length += (size_t)got;
    if (client->input_length < CONTROL_LINE_BYTES_MAX)
        return;
    ev_io_stop(loop, watcher);
    if (client->line_end == NULL) {
        client_put(client, answer_error("a request is at most %d bytes long", CONTROL_LINE_BYTES_MAX));
        client->ending = true;
    }
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct client *client = watcher->data;
    (void)events;
    ssize_t sent = 0;
    if (client->output_length > 0)
        sent = send(client->fd, client->output + client->output_begin, client->output_length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        client_end(client);
        return;
    }
    if (sent > 0) {
        client->active = ev_now(loop);
        client->output_begin += (size_t)sent;
        client->output_length -= (size_t)sent;
    }
    if (client->output_length > 0)
        return;
    ev_io_stop(loop, watcher);
    drop_output(client);
    end_when_done(client);
}

/*
 * A place for somebody with this permission: a free one, or that of the one who may least and among these has been quiet for
 * longest, if he may less or is quiet indeed. So nobody can hold all places against those who may more than he. NULL: there is none.
 */
static struct client *find_place(struct control_socket *control, enum peer_permission permission)
{
    struct client *least = &control->clients[0];
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->control == NULL)
            return client;
        if (client->permission < least->permission ||
            (client->permission == least->permission && client->active < least->active))
            least = client;
    }
    bool quiet = least->permission == permission && ev_now(control->loop) - least->active >= QUIET_SECONDS;
    return least->permission < permission || quiet ? least : NULL;
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct control_socket *control = watcher->data;
    (void)events;
    int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            return;
        /* Who waits would be announced again and again. */
        if (!control->refusing)
            log_line(LOG_LEVEL_ERROR, "control socket %s: clients cannot be accepted: %s; trying again each second",
                     control->address.sun_path, strerror(errno));
        control->refusing = true;
        ev_io_stop(loop, watcher);
        return;
    }
    control->refusing = false;
    enum peer_permission permission = peer_permission(&control->groups, fd);
    struct client *client = find_place(control, permission);
    char *input = client != NULL ? malloc(CONTROL_LINE_BYTES_MAX) : NULL;
    if (input == NULL) {
        say(fd, "{\"ok\":false,\"error\":\"too many clients; try again\"}\n");
        close(fd);
        return;
    }
    if (client->control != NULL) {
        if (client->output_length == 0)
            say(client->fd, "{\"ok\":false,\"error\":\"too many clients; this one had been quiet\"}\n");
        client_end(client);
    }
    *client = (struct client){.control = control, .fd = fd, .input = input, .permission = permission, .active = ev_now(loop)};
    ev_io_init(&client->readable, on_readable, fd, EV_READ);
    ev_io_init(&client->writable, on_writable, fd, EV_WRITE);
    client->readable.data = client->writable.data = client;
    ev_io_start(loop, &client->readable);
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

/* Makes the folder for PATH, if it is not there. Returns 0 or -errno. */
static int make_folder(const char *path)
{
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
    path_folder(path, folder, sizeof folder);
    return mkdir(folder, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

/* Is the file still the one that was made for this socket? */
static bool file_is_ours(const struct control_socket *control)
{
    struct stat status;
    return control->fd >= 0 && lstat(control->address.sun_path, &status) == 0 && status.st_dev == control->device &&
           status.st_ino == control->inode;
}

/* Makes socket and file, where nobody listens, in place of what there was. Returns 0 or -errno. */
static int listen_anew(struct control_socket *control)
{
    const char *path = control->address.sun_path;
    struct stat status;
    int refused = make_folder(path);
    if (refused != 0)
        return refused;
    if (unlink(path) != 0 && errno != ENOENT)
        return -errno;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || !bind_for_all(fd, &control->address) || listen(fd, CONTROL_BACKLOG) != 0 || lstat(path, &status) != 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return -error;
    }
    if (control->fd >= 0) {
        ev_io_stop(control->loop, &control->acceptable);
        close(control->fd);
    }
    control->fd = fd;
    control->device = status.st_dev;
    control->inode = status.st_ino;
    ev_io_init(&control->acceptable, on_acceptable, fd, EV_READ);
    control->acceptable.data = control;
    return 0;
}

/* Tells the log once what is wrong with the file. */
static void tell(struct control_socket *control, int error)
{
    if (error == control->told)
        return;
    control->told = error;
    if (error == EADDRINUSE)
        log_line(LOG_LEVEL_ERROR, "control socket %s: another daemon has taken it; spidctl speaks to that one",
                 control->address.sun_path);
    else
        log_line(LOG_LEVEL_ERROR, "control socket %s cannot be made: %s; spidctl reaches nobody, packets are judged all the same; "
                                  "trying again each second", control->address.sun_path, strerror(error));
}

static void on_look(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct control_socket *control = watcher->data;
    (void)events;
    if (!file_is_ours(control)) {
        bool again = control->fd >= 0;
        int error = local_socket_is_served(control->address.sun_path) ? -EADDRINUSE : listen_anew(control);
        if (error != 0) {
            tell(control, -error);
        } else {
            control->told = 0;
            log_line(LOG_LEVEL_WARNING, "control socket %s %s", control->address.sun_path,
                     again ? "was gone and has been made again" : "has been made");
        }
    }
    if (control->fd >= 0)
        ev_io_start(loop, &control->acceptable);
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
    control->groups = peer_groups_now();
    control->fd = -1;
    control->address.sun_family = AF_UNIX;
    strcpy(control->address.sun_path, path);
    if (local_socket_is_served(control->address.sun_path)) {
        snprintf(error, error_size, "control socket %s: a daemon listens there already; stop it, or choose another path (-S)", path);
        free(control);
        return NULL;
    }
    int refused = listen_anew(control);
    if (refused != 0)
        tell(control, -refused);
    else
        ev_io_start(loop, &control->acceptable);
    ev_prepare_init(&control->turn, on_turn);
    ev_idle_init(&control->more, on_more);
    ev_timer_init(&control->look, on_look, LOOK_SECONDS, LOOK_SECONDS);
    control->turn.data = control->more.data = control->look.data = control;
    ev_prepare_start(loop, &control->turn);
    ev_timer_start(loop, &control->look);
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
            send(client->fd, client->output + client->output_begin, client->output_length, MSG_NOSIGNAL);
        if (client->control != NULL)
            client_end(client);
    }
    ev_prepare_stop(control->loop, &control->turn);
    ev_idle_stop(control->loop, &control->more);
    ev_timer_stop(control->loop, &control->look);
    bool stays = file_is_ours(control) && unlink(control->address.sun_path) != 0;
    if (control->fd >= 0) {
        ev_io_stop(control->loop, &control->acceptable);
        close(control->fd);
    }
    free(control);
    return stays;
}
