#include "daemon/exporter.h"

#include <errno.h>
#include <ev.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/accept.h"
#include "daemon/loopback.h"
#include "daemon/private.h"
#include "daemon/views.h"

/* For a client's request line and headers, and what is sent before the text. */
#define CLIENT_BYTES 16384

#define BACKLOG 16
#define FORMATS 2

struct exporter {
    struct daemon *daemon;
    struct MHD_Daemon *http;
    struct MHD_Response *texts[FORMATS]; /* by enum metrics_format; NULL: none was asked for yet */
    uint64_t made_ms[FORMATS];
    struct MHD_Response *nothing, *only_get;
    ev_io ready;
    ev_timer due;
};

static struct MHD_Response *fixed_response(const char *text)
{
    /* The library does not write to it. */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    if (response != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
    return response;
}

/* The text in FORMAT, not older than it may be; NULL: there is no memory. */
static struct MHD_Response *text_response(struct exporter *exporter, enum metrics_format format)
{
    struct MHD_Response **kept = &exporter->texts[format];
    uint64_t now_ms = clock_now_ms();
    if (*kept != NULL && now_ms - exporter->made_ms[format] < EXPORTER_FRESH_MS)
        return *kept;
    char *text = views_metrics_text(exporter->daemon, format);
    struct MHD_Response *response = NULL;
    if (text != NULL)
        response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return NULL;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, accept_type(format));
    MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT);
    /* Who is still reading the last one keeps it. */
    if (*kept != NULL)
        MHD_destroy_response(*kept);
    *kept = response;
    exporter->made_ms[format] = now_ms;
    return response;
}

/* For libmicrohttpd. It calls once when the headers are there, and once more for the answer. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **begun)
{
    struct exporter *exporter = context;
    (void)version;
    (void)upload;
    (void)upload_size;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0)
        return MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED, exporter->only_get);
    if (*begun == NULL) {
        *begun = exporter;
        return MHD_YES;
    }
    if (strcmp(path, "/metrics") != 0)
        return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, exporter->nothing);
    enum metrics_format format = accept_format(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
    struct MHD_Response *response = text_response(exporter, format);
    return response != NULL ? MHD_queue_response(connection, MHD_HTTP_OK, response) : MHD_NO;
}

static void run(struct exporter *exporter)
{
    struct ev_loop *loop = exporter->daemon->loop;
    MHD_UNSIGNED_LONG_LONG ms;
    MHD_run(exporter->http);
    ev_timer_stop(loop, &exporter->due);
    if (MHD_get_timeout(exporter->http, &ms) == MHD_YES) {
        ev_timer_set(&exporter->due, (double)ms / 1000, 0.);
        ev_timer_start(loop, &exporter->due);
    }
}

static void on_ready(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    (void)events;
    run(watcher->data);
}

static void on_due(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    run(watcher->data);
}

/* A socket that listens at PLACE; -1, with why in ERROR. */
static int listen_at(const char *place, char *error, size_t error_size)
{
    struct sockaddr_storage address;
    socklen_t length = loopback_read(place, &address);
    int on = 1, fd = length > 0 ? socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)&address, length) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    snprintf(error, error_size, "--metrics %s: %s%s", place, strerror(errno),
             errno == EADDRINUSE ? "; choose another port, or stop who listens there" : "");
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool start_http(struct exporter *exporter, int fd)
{
    exporter->nothing = fixed_response("the figures are at /metrics\n");
    exporter->only_get = fixed_response("the figures at /metrics are for GET only\n");
    if (exporter->nothing == NULL || exporter->only_get == NULL)
        return false;
    MHD_add_response_header(exporter->only_get, MHD_HTTP_HEADER_ALLOW, MHD_HTTP_METHOD_GET);
    exporter->http = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, exporter, MHD_OPTION_LISTEN_SOCKET, fd,
                                      MHD_OPTION_CONNECTION_LIMIT, (unsigned)EXPORTER_CLIENTS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                                      (unsigned)EXPORTER_SILENCE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CLIENT_BYTES,
                                      MHD_OPTION_END);
    return exporter->http != NULL;
}

struct exporter *exporter_start(struct daemon *daemon, const char *place, char *error, size_t error_size)
{
    int fd = listen_at(place, error, error_size);
    struct exporter *exporter = fd >= 0 ? calloc(1, sizeof *exporter) : NULL;
    if (exporter == NULL || !start_http(exporter, fd)) {
        if (fd >= 0) {
            snprintf(error, error_size, "--metrics %s: libmicrohttpd does not start", place);
            close(fd);
        }
        exporter_stop(exporter);
        return NULL;
    }
    exporter->daemon = daemon;
    ev_io_init(&exporter->ready, on_ready, MHD_get_daemon_info(exporter->http, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, EV_READ);
    ev_timer_init(&exporter->due, on_due, 0., 0.);
    exporter->ready.data = exporter->due.data = exporter;
    ev_io_start(daemon->loop, &exporter->ready);
    return exporter;
}

void exporter_stop(struct exporter *exporter)
{
    if (exporter == NULL)
        return;
    if (exporter->http != NULL) {
        ev_io_stop(exporter->daemon->loop, &exporter->ready);
        ev_timer_stop(exporter->daemon->loop, &exporter->due);
        MHD_stop_daemon(exporter->http);
    }
    for (unsigned i = 0; i < FORMATS; i++)
        if (exporter->texts[i] != NULL)
            MHD_destroy_response(exporter->texts[i]);
    if (exporter->nothing != NULL)
        MHD_destroy_response(exporter->nothing);
    if (exporter->only_get != NULL)
        MHD_destroy_response(exporter->only_get);
    free(exporter);
}
