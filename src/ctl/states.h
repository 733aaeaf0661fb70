/* Connections: `states`, `kill`, and the one that `explain` finds. */
#ifndef CTL_STATES_H
#define CTL_STATES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct given;

/* Each returns the exit status. */
int states_run(const struct given *given);
int states_kill_run(const struct given *given);

/* One connection on a line of its own. */
void states_show_one(const json_t *connection);

/* The name of its protocol, or the number in words; good until the next call. */
const char *states_protocol(const json_t *connection);

/* Has it ports? */
bool states_has_ports(const json_t *connection);

#endif
