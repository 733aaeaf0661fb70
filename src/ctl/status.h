/* `status`: how the daemon is. */
#ifndef CTL_STATUS_H
#define CTL_STATUS_H

struct given;

/* Returns the exit status. */
int status_run(const struct given *given);

#endif
