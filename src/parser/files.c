#include "parser/files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "parser/scanner.h"

static int read_all(int file, char **bytes, size_t *length)
{
    size_t size = 65536, used = 0;
    char *buffer = malloc(size);
    if (buffer == NULL)
        return -ENOMEM;
    for (;;) {
        ssize_t got = read(file, buffer + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            int error = got < 0 ? -errno : 0;
            *bytes = buffer;
            *length = used;
            if (error != 0)
                free(buffer);
            return error;
        }
        used += (size_t)got;
        if (used > PARSER_FILE_BYTES_MAX) {
            free(buffer);
            return -EFBIG;
        }
        if (used == size) {
            char *larger = realloc(buffer, size *= 2);
            if (larger == NULL) {
                free(buffer);
                return -ENOMEM;
            }
            buffer = larger;
        }
    }
}

int files_open(const char *path)
{
    /* Not blocking: to open a FIFO must not stop a daemon that reloads. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return file < 0 ? -errno : file;
}

int files_read_open(int file, char **bytes, size_t *length)
{
    struct stat status;
    int error = 0;
    if (fstat(file, &status) != 0)
        error = -errno;
    else if (S_ISDIR(status.st_mode))
        error = -EISDIR;
    else if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))
        error = -ENOTSUP; /* whose writer is not there would be read as an empty file: allow nothing, and say nothing */
    else
        error = read_all(file, bytes, length);
    close(file);
    return error;
}

static int system_read(void *context, const char *path, char **bytes, size_t *length)
{
    (void)context;
    int file = files_open(path);
    return file < 0 ? file : files_read_open(file, bytes, length);
}

/* A folder that may not be read is no empty one: rules would go missing, and nobody be told. */
static int on_unreadable_folder(const char *path, int error)
{
    (void)path;
    return error == EACCES;
}

static int system_expand(void *context, const char *pattern, void (*found)(void *taker, const char *path), void *taker)
{
    glob_t matches;
    (void)context;
    int result = glob(pattern, 0, on_unreadable_folder, &matches);
    if (result == GLOB_NOMATCH)
        return 0;
    if (result != 0) {
        globfree(&matches);
        return result == GLOB_NOSPACE ? -ENOMEM : -EACCES;
    }
    for (size_t i = 0; i < matches.gl_pathc; i++)
        found(taker, matches.gl_pathv[i]);
    globfree(&matches);
    return 0;
}

const struct file_access file_access_system = {.read = system_read, .expand = system_expand};

const char *files_path(struct files *files, const char *from, const char *relative)
{
    const char *slash = strrchr(from, '/');
    if (relative[0] == '/' || slash == NULL)
        return relative;
    size_t folder = (size_t)(slash - from) + 1, length = strlen(relative);
    char *path = arena_take(files->arena, folder + length + 1, 1);
    memcpy(path, from, folder);
    memcpy(path + folder, relative, length);
    return path;
}

static void report_unreadable(struct files *files, const char *path, const struct location *at, int error)
{
    const char *why = error == -EFBIG ? "it is larger than 64 MB" : error == -ENOTSUP ? "it is no file" : strerror(-error);
    if (at != NULL) {
        location_report(files->diagnostics, *at, SEVERITY_ERROR, CODE_UNREADABLE, "cannot read '%s': %s", path, why);
        return;
    }
    struct diagnostic record = {.severity = SEVERITY_ERROR, .code = CODE_UNREADABLE, .file = path};
    diagnostics_add(files->diagnostics, &record, "cannot read this file: %s", why);
}

/* "office.rules:3, spid.rules:10": where AT is, and how its file came in. */
static const char *include_chain(struct files *files, const struct location *at)
{
    char chain[4096];
    if (at == NULL)
        return NULL;
    snprintf(chain, sizeof chain, "%s:%u%s%s", at->source->path, at->line, at->source->included_from ? ", " : "",
             at->source->included_from ? at->source->included_from : "");
    return arena_text(files->arena, chain, strlen(chain));
}

const struct source *files_read(struct files *files, const char *path, const struct location *at)
{
    char *bytes;
    size_t length;
    if (files->count == PARSER_FILES_MAX) {
        location_report(files->diagnostics, *at, SEVERITY_ERROR, CODE_RANGE, "more than %d files", PARSER_FILES_MAX);
        return NULL;
    }
    int error = files->access->read(files->access->context, path, &bytes, &length);
    if (error != 0) {
        report_unreadable(files, path, at, error);
        return NULL;
    }
    files->count++;
    struct source *source = arena_take(files->arena, 1, sizeof *source);
    char *text = arena_take(files->arena, length + 2, 1);
    memcpy(text, bytes, length);
    free(bytes);
    *source = (struct source){arena_text(files->arena, path, strlen(path)), text, length, include_chain(files, at)};
    return source;
}

/* The files that are being read: the innermost first. */
struct inclusion {
    const struct inclusion *outer;
    const char *path;
    unsigned depth;
};

struct found_path {
    struct found_path *next;
    const char *path;
};

struct taker {
    struct files *files;
    struct found_path *first, **last;
};

static void take_path(void *context, const char *path)
{
    struct taker *taker = context;
    struct found_path *found = arena_take(taker->files->arena, 1, sizeof *found);
    found->path = arena_text(taker->files->arena, path, strlen(path));
    *taker->last = found;
    taker->last = &found->next;
}

static struct statement **read_into(struct files *files, const char *path, const struct location *at,
                                    const struct inclusion *outer, struct statement **end);

/* Puts what an include statement holds at *END; returns the new end. */
static struct statement **include(struct files *files, const struct statement *statement,
                                  const struct inclusion *inclusion, struct statement **end)
{
    const char *pattern = files_path(files, inclusion->path, statement->include.text);
    struct location at = statement->include.at;
    struct taker taker = {.files = files, .last = &taker.first};
    if (inclusion->depth >= PARSER_INCLUDE_DEPTH_MAX) {
        location_report(files->diagnostics, at, SEVERITY_ERROR, CODE_CYCLE, "includes stand at most %d deep",
                        PARSER_INCLUDE_DEPTH_MAX);
        return end;
    }
    if (strpbrk(pattern, "*?[") == NULL) {
        take_path(&taker, pattern);
    } else {
        int error = files->access->expand(files->access->context, pattern, take_path, &taker);
        if (error != 0)
            report_unreadable(files, pattern, &at, error);
    }
    for (const struct found_path *found = taker.first; found != NULL; found = found->next)
        end = read_into(files, found->path, &at, inclusion, end);
    return end;
}

static struct statement **read_into(struct files *files, const char *path, const struct location *at,
                                    const struct inclusion *outer, struct statement **end)
{
    struct inclusion inclusion = {.outer = outer, .path = path, .depth = outer ? outer->depth + 1 : 0};
    for (const struct inclusion *i = outer; i != NULL; i = i->outer)
        if (strcmp(i->path, path) == 0) {
            location_report(files->diagnostics, *at, SEVERITY_ERROR, CODE_CYCLE, "'%s' includes itself", path);
            return end;
        }
    const struct source *source = files_read(files, path, at);
    if (source == NULL)
        return end;
    struct statement *next;
    for (struct statement *s = syntax_read(source, files->arena, files->diagnostics); s != NULL; s = next) {
        next = s->next;
        s->next = NULL;
        if (s->kind == STATEMENT_INCLUDE) {
            end = include(files, s, &inclusion, end);
        } else {
            *end = s;
            end = &s->next;
        }
    }
    return end;
}

struct statement *files_statements(struct files *files, const char *path)
{
    struct statement *first = NULL;
    read_into(files, path, NULL, NULL, &first);
    return first;
}
