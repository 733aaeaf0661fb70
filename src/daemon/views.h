/* What the daemon shows on its control socket: gathered from workers, table and kernel, made to JSON by control/answer. */
#ifndef DAEMON_VIEWS_H
#define DAEMON_VIEWS_H

#include <jansson.h>
#include <stdint.h>

/* Each takes the struct daemon as its context: see struct control_actions. */
json_t *views_status(void *daemon);
json_t *views_rules(void *daemon);
uint32_t views_states(void *daemon, uint32_t place, void (*put)(void *taker, json_t *answer), void *taker);


/* QUERY as spid --explain takes it, on the running rules and the table. Changes nothing. */
json_t *views_explain(void *daemon, const char *query);

#endif
