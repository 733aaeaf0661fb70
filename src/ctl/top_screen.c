/*
 * The live view on a terminal: keys, the terminal itself, and the stream from the daemon. Another order or filter is another
 * stream, asked for before the one at hand is given up: the daemon goes on measuring, and a filter that it refuses leaves
 * everything as it is.
 */
#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/field.h"
#include "ctl/terminal.h"
#include "ctl/top.h"
#include "ctl/top_view.h"

/* Lines that are asked for: terminals are seldom higher. */
#define LINES_ASKED 150

#define FILTER_BYTES 400
#define HEAD_LINES_MAX 8
#define READ_BYTES 65536
/* What an answer may be long. */
#define ANSWER_BYTES_MAX (4u << 20)

struct stream {
    int fd; /* -1: there is none */
    enum top_sort sort;
    char filter[FILTER_BYTES];
    char *bytes;
    size_t length, size;
};

struct screen {
    const struct given *given;
    struct stream now, next;   /* next: asked for; it takes over with its first answer */
    json_t *before, *answer;   /* the last two of `now` */
    bool paused, editing, ends;
    int status;
    char edited[FILTER_BYTES]; /* the filter that is being typed */
    char message[TOP_LINE_BYTES];
    char last_words[TOP_LINE_BYTES]; /* to standard error at the end */
};

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

/* ---- the stream ---- */

static void stream_close(struct stream *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
    free(stream->bytes);
    *stream = (struct stream){.fd = -1};
}

/* Asks for SORT and FILTER. False: it has said why, on standard error. */
static bool stream_open(struct stream *stream, const char *path, enum top_sort sort, const char *filter)
{
    json_t *request = json_pack("{s:s, s:s, s:i, s:s*}", "command", "top", "sort", top_sort_name(sort), "count", LINES_ASKED,
                                "filter", *filter != '\0' ? filter : NULL);
    char *words = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
    *stream = (struct stream){.fd = words != NULL ? ask_connect(path) : -1, .sort = sort};
    snprintf(stream->filter, sizeof stream->filter, "%s", filter);
    bool sent = stream->fd >= 0 && dprintf(stream->fd, "%s\n", words) > 0;
    free(words);
    json_decref(request);
    if (!sent)
        stream_close(stream);
    return sent;
}

/* Reads what is there. False: the daemon has gone. */
static bool stream_read(struct stream *stream)
{
    if (stream->size - stream->length < READ_BYTES && stream->size < ANSWER_BYTES_MAX) {
        size_t size = stream->size + 4 * READ_BYTES;
        char *larger = realloc(stream->bytes, size);
        if (larger == NULL)
            return false;
        stream->bytes = larger;
        stream->size = size;
    }
    ssize_t got = recv(stream->fd, stream->bytes + stream->length, stream->size - stream->length, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    stream->length += (size_t)got;
    return got > 0;
}

/* The next whole answer; NULL: none has come yet. */
static json_t *stream_answer(struct stream *stream)
{
    char *end = stream->length > 0 ? memchr(stream->bytes, '\n', stream->length) : NULL;
    if (end == NULL)
        return NULL;
    size_t length = (size_t)(end + 1 - stream->bytes);
    json_t *answer = json_loadb(stream->bytes, length, 0, NULL);
    stream->length -= length;
    memmove(stream->bytes, end + 1, stream->length);
    return answer != NULL ? answer : json_object();
}

/* ---- what comes ---- */

static void finish(struct screen *screen, int status, const char *why)
{
    screen->ends = true;
    screen->status = status;
    snprintf(screen->last_words, sizeof screen->last_words, "%s", why);
}

static void show(struct screen *screen, json_t *answer)
{
    json_decref(screen->before);
    screen->before = screen->answer;
    screen->answer = answer;
}

static void take_now(struct screen *screen)
{
    json_t *answer;
    bool open = stream_read(&screen->now);
    while ((answer = stream_answer(&screen->now)) != NULL) {
        if (json_is_false(json_object_get(answer, "ok")))
            finish(screen, 1, text_of(answer, "error"));
        if (json_object_get(answer, "connections") != NULL && !screen->paused)
            show(screen, answer);
        else
            json_decref(answer);
    }
    if (!open && !screen->ends)
        finish(screen, 1, "the daemon closed the connection");
}

static void take_next(struct screen *screen)
{
    json_t *answer;
    bool open = stream_read(&screen->next), over = !open;
    while (!over && (answer = stream_answer(&screen->next)) != NULL) {
        if (json_object_get(answer, "error") != NULL) {
            snprintf(screen->message, sizeof screen->message, "%s", text_of(answer, "error"));
            over = true;
        } else if (json_object_get(answer, "connections") != NULL) {
            show(screen, answer);
            stream_close(&screen->now);
            screen->now = screen->next;
            screen->next = (struct stream){.fd = -1};
            return;
        }
        json_decref(answer);
    }
    if (over)
        stream_close(&screen->next);
}

/* Another order or filter. */
static void change(struct screen *screen, enum top_sort sort, const char *filter)
{
    stream_close(&screen->next);
    screen->paused = false;
    if (!stream_open(&screen->next, screen->given->socket_path, sort, filter))
        snprintf(screen->message, sizeof screen->message, "the daemon cannot be reached");
}

/* ---- the picture ---- */

static void put(int y, const char *text, unsigned width, attr_t attribute)
{
    char line[TOP_LINE_BYTES];
    snprintf(line, sizeof line, "%s", text);
    top_view_cut(line, width);
    attrset(attribute);
    mvaddstr(y, 0, line);
    for (int x = getcurx(stdscr); attribute != A_NORMAL && getcury(stdscr) == y && x < (int)width; x++)
        addch(' ');
    attrset(A_NORMAL);
}

static void put_summary(const struct screen *screen, int y, unsigned width)
{
    char line[TOP_LINE_BYTES];
    const char *filter = screen->now.filter;
    if (screen->answer == NULL)
        snprintf(line, sizeof line, "looking ...");
    else
        snprintf(line, sizeof line, "%s%lld connections by %s%s%s", screen->paused ? "PAUSED  " : "",
                 number_of(screen->answer, "matching"), top_sort_name(screen->now.sort), *filter != '\0' ? "  filter: " : "", filter);
    put(y, line, width, A_BOLD);
}

static void put_last(const struct screen *screen, int y, unsigned width)
{
    static const char keys[] = "q quit  / filter  space pause  sort by: Rate Bytes Packets Age rUle";
    static const char few_keys[] = "q quit  / filter  space pause  rbpau";
    char line[TOP_LINE_BYTES];
    if (screen->editing) {
        /* The end of it is what is being typed. */
        size_t length = strlen(screen->edited), room = width > 10 ? width - 10 : 0;
        snprintf(line, sizeof line, "filter: %s", screen->edited + (length > room ? length - room : 0));
        put(y, line, width, A_NORMAL);
        return;
    }
    if (screen->message[0] != '\0')
        put(y, screen->message, width, A_BOLD);
    else
        put(y, width >= sizeof keys ? keys : few_keys, width, A_DIM);
}

static void draw(const struct screen *screen)
{
    static char head[HEAD_LINES_MAX][TOP_LINE_BYTES];
    unsigned width = (unsigned)COLS, height = (unsigned)LINES, y = 0;
    char line[TOP_LINE_BYTES];
    size_t index;
    const json_t *connection;
    /* No more than 4 of 10. */
    unsigned most = height * 2 / 5 < HEAD_LINES_MAX ? height * 2 / 5 : HEAD_LINES_MAX;
    unsigned heads = screen->answer != NULL ? top_view_head(screen->before, screen->answer, width, head, most) : 0;
    erase();
    for (; y < heads; y++)
        put((int)y, head[y], width, A_NORMAL);
    put_summary(screen, (int)y++, width);
    top_view_titles(line, width, screen->now.sort);
    put((int)y++, line, width, A_REVERSE);
    json_array_foreach(json_object_get(screen->answer, "connections"), index, connection) {
        if (y + 1 >= height)
            break;
        top_view_row(line, width, screen->now.sort, connection);
        put((int)y++, line, width, A_NORMAL);
    }
    put_last(screen, (int)height - 1, width);
    curs_set(screen->editing);
    refresh();
}

/* ---- keys ---- */

static void edit(struct screen *screen, int key)
{
    size_t length = strlen(screen->edited);
    if (key == '\n' || key == '\r' || key == KEY_ENTER) {
        screen->editing = false;
        change(screen, screen->now.sort, screen->edited);
    } else if (key == 27) {
        screen->editing = false;
    } else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && length > 0) {
        do
            screen->edited[--length] = '\0';
        while (length > 0 && ((unsigned char)screen->edited[length] & 0xc0) == 0x80);
    } else if (key == 21) {
        screen->edited[0] = '\0'; /* Control-U */
    } else if (key >= ' ' && key < 256 && key != 127 && length + 1 < sizeof screen->edited) {
        screen->edited[length] = (char)key;
        screen->edited[length + 1] = '\0';
    }
}

static void press(struct screen *screen, int key)
{
    static const char sorts[SORT_COUNT + 1] = "rbpau";
    const char *sort = key > 0 && key < 128 ? strchr(sorts, key) : NULL;
    screen->message[0] = '\0';
    if (screen->editing) {
        edit(screen, key);
    } else if (key == 'q') {
        finish(screen, 0, "");
    } else if (key == ' ') {
        screen->paused = !screen->paused;
    } else if (key == '/' || key == 'f') {
        screen->editing = true;
        snprintf(screen->edited, sizeof screen->edited, "%s", screen->now.filter);
    } else if (sort != NULL) {
        change(screen, (enum top_sort)(sort - sorts), screen->now.filter);
    }
}

static void take_keys(struct screen *screen)
{
    int key;
    while (!screen->ends && (key = getch()) != ERR)
        if (key != KEY_RESIZE)
            press(screen, key);
}

/* ---- the loop ---- */

static void watch(struct screen *screen, const sigset_t *waiting)
{
    while (!screen->ends && caught == 0) {
        struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {screen->now.fd, POLLIN, 0}, {screen->next.fd, POLLIN, 0}};
        draw(screen);
        /* A resize interrupts it; getch tells of it. */
        int ready = ppoll(fds, sizeof fds / sizeof fds[0], NULL, waiting);
        take_keys(screen);
        if (ready <= 0)
            continue;
        if (fds[0].revents & (POLLHUP | POLLERR))
            finish(screen, 1, "the terminal is gone");
        if (fds[1].revents != 0)
            take_now(screen);
        /* A key may have asked for another one. */
        if (fds[2].revents != 0 && screen->next.fd == fds[2].fd)
            take_next(screen);
    }
}

/* Signals come only while we wait. WAITING: the mask meanwhile. */
static void catch_signals(sigset_t *waiting)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    const struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaction(numbers[i], &action, NULL);
        sigaddset(&blocked, numbers[i]);
    }
    sigaddset(&blocked, SIGWINCH);
    sigprocmask(SIG_BLOCK, &blocked, waiting);
}

static SCREEN *open_terminal(void)
{
    SCREEN *terminal = newterm(NULL, stdout, stdin);
    if (terminal == NULL)
        return NULL;
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(50);
    return terminal;
}

int top_screen_run(const struct given *given)
{
    struct screen screen = {.given = given, .now = {.fd = -1}, .next = {.fd = -1}};
    sigset_t waiting;
    json_t *request = ask_request(given, "filter");
    if (request == NULL)
        return EXIT_USAGE;
    const char *filter = json_string_value(json_object_get(request, "filter"));
    setlocale(LC_ALL, "");
    bool opened = terminal_moves() && stream_open(&screen.now, given->socket_path, SORT_RATE, filter != NULL ? filter : "");
    json_decref(request);
    if (!opened)
        return 1;
    catch_signals(&waiting);
    SCREEN *terminal = open_terminal();
    if (terminal == NULL) {
        fprintf(stderr, "spidctl: the terminal cannot be set up\n");
        stream_close(&screen.now);
        return 1;
    }
    watch(&screen, &waiting);
    endwin();
    delscreen(terminal);
    stream_close(&screen.now);
    stream_close(&screen.next);
    json_decref(screen.before);
    json_decref(screen.answer);
    if (screen.last_words[0] != '\0')
        fprintf(stderr, "spidctl: %s\n", screen.last_words);
    if (caught != 0 && !screen.ends) {
        signal(caught, SIG_DFL);
        sigprocmask(SIG_SETMASK, &waiting, NULL);
        raise(caught);
    }
    return screen.status;
}
