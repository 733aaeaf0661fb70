/* `explain`: what the running daemon would do with a packet. */
#ifndef CTL_EXPLAIN_H
#define CTL_EXPLAIN_H

struct given;

/* Returns the exit status. */
int explain_run(const struct given *given);

#endif
