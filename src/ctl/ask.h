/* Questions to the daemon over its control socket, and what comes back. */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include <jansson.h>
#include <stdbool.h>

#define DEFAULT_SOCKET "/run/spid/spid.sock"

#define EXIT_USAGE 2

/* What the command line gave. */
struct given {
    const char *socket_path;
    const char *number, *confirm; /* in words; NULL: not given */
    bool json, dry_run, open;
    const char *command;
    char *const *words; /* behind the command */
    int count;
};

/* Shows an answer in words; CONTEXT is the asker's. */
typedef void ask_show(void *context, const json_t *answer);

/* What to do with answers in words; each may be NULL. */
struct ask_shows {
    ask_show *line; /* one of many, before the last */
    ask_show *last;
    void *context;
    bool to_end; /* and then wait until the daemon hangs up */
};

/* A stream to the daemon at PATH; it has said why where that is < 0. */
int ask_connect(const char *path);

/*
 * Sends REQUEST, which is freed, and shows what comes back: as it is with --json, else by SHOWS. KEY: of the words in it in which
 * the daemon may find fault, or NULL. Returns the exit status; wrong usage where there is no request.
 */
int ask(const struct given *given, json_t *request, const char *key, const struct ask_shows *shows);

/* The request for the command with the words of the command line under KEY, where there are any; NULL: too long, it has said so. */
json_t *ask_request(const struct given *given, const char *key);

/* Says what is wrong with the command line; the exit status. */
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What is wrong with words behind a command that takes none; 0: there are none. */
int usage_no_words(const struct given *given);

#endif
