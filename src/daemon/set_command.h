/* `spidctl set`: the members of a dynamic set, by hand. */
#ifndef DAEMON_SET_COMMAND_H
#define DAEMON_SET_COMMAND_H

#include <jansson.h>

/*
 * Commands of the control socket. The request's "set" names a dynamic set, "address" a member, "for" how long it stays (as in
 * the rules: 30s, 1h; left out: as long as the set's own timeout says).
 */
json_t *set_command_list(void *daemon, const json_t *request);
json_t *set_command_add(void *daemon, const json_t *request);
json_t *set_command_delete(void *daemon, const json_t *request);

#endif
