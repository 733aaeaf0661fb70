/* Connections: `states`, `kill`, and the one that `explain` finds. */
#ifndef CTL_STATES_H
#define CTL_STATES_H

#include <jansson.h>

struct given;

/* Each returns the exit status. */
int states_run(const struct given *given);
int states_kill_run(const struct given *given);

/* One connection on a line of its own. */
void states_show_one(const json_t *connection);

/* The name of its protocol, or the number in words; good until the next call. */
const char *states_protocol(const json_t *connection);

/* "192.0.2.1 port 80" for KEY "src" or "dst" and PORT "sport" or "dport"; the address alone where there are no ports. */
const char *states_end(char *text, size_t size, const json_t *connection, const char *key, const char *port);

#endif
