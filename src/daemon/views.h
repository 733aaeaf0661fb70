/* What the daemon shows on its control socket: gathered from workers, table and kernel, made to JSON by control/answer. */
#ifndef DAEMON_VIEWS_H
#define DAEMON_VIEWS_H

#include <jansson.h>
#include <stdint.h>

#include "control/metrics.h"
#include "parser/diagnostic.h"

struct daemon;
struct log_view;
struct queue_view;
struct selection;
struct status_view;

/* The daemon's figures. QUEUES and LOGS have room for all that there can be, and the view borrows them. */
struct status_view views_gather(const struct daemon *daemon, struct queue_view *queues, struct log_view *logs);

/* Each takes the struct daemon as its context: see struct control_actions and struct control_command. */
json_t *views_status(void *daemon, const json_t *request);
json_t *views_rules(void *daemon, const json_t *request);

/* `status` and `rules` for monitoring, as "text"; the request's "openmetrics": in this form (control/metrics.h). */
json_t *views_metrics(void *daemon, const json_t *request);

/* The same in FORMAT, malloc'ed; NULL: there is no memory. */
char *views_metrics_text(const struct daemon *daemon, enum metrics_format format);

/* A request for more of the last drops than this is refused. */
#define VIEWS_DROPS_MAX 1000

/* The last packets that were denied or rejected, "count" of them (20 where that is missing), the newest last. */
json_t *views_drops(void *daemon, const json_t *request);

uint32_t views_states(void *daemon, struct selection *selection, uint32_t place, void (*put)(void *taker, json_t *answer),
                      void *taker);

/* Its "query" as spid --explain takes it, on the running rules and the table. Changes nothing. */
json_t *views_explain(void *daemon, const json_t *request);

/* Words that the parser refused, as an answer with the place in them. */
json_t *views_nonsense(const struct diagnostics *diagnostics);

#endif
