/*
 * The figures over HTTP, for Prometheus: GET /metrics on a loopback address. libmicrohttpd does the speaking, in the main thread
 * and only when its sockets are ready. Clients are few and wait for nobody; one who asks too often gets the text of a moment ago.
 */
#ifndef DAEMON_EXPORTER_H
#define DAEMON_EXPORTER_H

#include <stddef.h>

struct daemon;
struct exporter;

/* Clients at once; one who is silent for so long is cut off. */
#define EXPORTER_CLIENTS_MAX 8
#define EXPORTER_SILENCE_SECONDS 10

/* A text is given away for so long. */
#define EXPORTER_FRESH_MS 250u

/* Listens at PLACE, as loopback_read has it. NULL, with why in ERROR. Without libmicrohttpd there is none. */
struct exporter *exporter_start(struct daemon *daemon, const char *place, char *error, size_t error_size);

/* NULL is allowed. */
void exporter_stop(struct exporter *exporter);

#endif
