#include "ctl/ask.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/field.h"

#define WORDS_BYTES 2000

int usage_error(const char *format, ...)
{
    va_list arguments;
    fputs("spidctl: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\nTry 'spidctl --help'.\n", stderr);
    return EXIT_USAGE;
}

int usage_no_words(const struct given *given)
{
    return given->count == 0 ? 0 : usage_error("'%s' takes no argument; '%s' is one too many", given->command, given->words[0]);
}

int ask_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fprintf(stderr, "spidctl: the socket's path is too long\n");
        return -1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    fprintf(stderr, "spidctl: cannot reach the daemon at %s: %s%s\n", path, strerror(error),
            error == ENOENT || error == ECONNREFUSED ? " (is spid running? -S names another socket)" : "");
    return -1;
}

json_t *ask_request(const struct given *given, const char *key)
{
    char text[WORDS_BYTES] = "";
    size_t used = 0;
    for (int i = 0; i < given->count; i++) {
        int wrote = snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " " : "", given->words[i]);
        if (wrote < 0 || (used += (size_t)wrote) >= sizeof text) {
            usage_error("that is longer than %d bytes", WORDS_BYTES - 1);
            return NULL;
        }
    }
    json_t *request = json_pack("{s:s, s:s*}", "command", given->command, key != NULL ? key : "words",
                                given->count > 0 ? text : NULL);
    if (request == NULL)
        fprintf(stderr, "spidctl: what was asked is no UTF-8 text\n");
    return request;
}

/* The place of an error in the QUERY that was asked about, under it. */
static void show_place(const char *query, const json_t *answer)
{
    long long column = number_of(answer, "column");
    if (query != NULL && column > 0 && column <= (long long)strlen(query) + 1)
        fprintf(stderr, "  %s\n  %*s^\n", query, (int)column - 1, "");
}

/* One line of an answer. Returns the exit status when it is the last one, -1 when more will come. */
static int take_answer(const struct given *given, const char *query, const json_t *answer, const struct ask_shows *shows)
{
    const json_t *ok = json_object_get(answer, "ok");
    bool failed = ok != NULL && !json_is_true(ok);
    ask_show *show = ok == NULL ? shows->line : shows->last;
    if (given->json) {
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
    } else if (failed) {
        fprintf(stderr, "spidctl: %s\n", text_of(answer, "error"));
        show_place(query, answer);
    } else if (show != NULL) {
        show(shows->context, answer);
    }
    return ok == NULL ? -1 : failed;
}

static bool send_request(int fd, const json_t *request)
{
    char *words = json_dumps(request, JSON_COMPACT);
    bool sent = words != NULL && dprintf(fd, "%s\n", words) > 0;
    free(words);
    return sent;
}

static int take_answers(const struct given *given, FILE *stream, const char *query, const struct ask_shows *shows)
{
    char *line = NULL;
    size_t size = 0;
    int status = -1;
    while (status < 0 && getline(&line, &size, stream) > 0) {
        json_error_t error;
        json_t *answer = json_loads(line, 0, &error);
        if (answer == NULL) {
            fprintf(stderr, "spidctl: the daemon's answer is no JSON: %s\n", error.text);
            status = 1;
        } else {
            status = take_answer(given, query, answer, shows);
        }
        json_decref(answer);
    }
    while (status == 0 && shows->to_end && getline(&line, &size, stream) > 0)
        ;
    free(line);
    if (status < 0)
        fprintf(stderr, "spidctl: the daemon closed the connection before it answered\n");
    return status < 0 ? 1 : status;
}

int ask(const struct given *given, json_t *request, const char *key, const struct ask_shows *shows)
{
    static const struct ask_shows nothing = {.last = NULL};
    if (request == NULL)
        return EXIT_USAGE;
    int fd = ask_connect(given->socket_path);
    FILE *stream = fd >= 0 ? fdopen(fd, "r+") : NULL;
    const char *query = key != NULL ? json_string_value(json_object_get(request, key)) : NULL;
    int status = 1;
    if (stream != NULL && send_request(fd, request))
        status = take_answers(given, stream, query, shows != NULL ? shows : &nothing);
    else if (fd >= 0)
        fprintf(stderr, "spidctl: the daemon did not take the question\n");
    if (stream != NULL)
        fclose(stream);
    json_decref(request);
    return status;
}
