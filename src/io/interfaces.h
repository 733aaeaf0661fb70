/* What the machine says of itself: its interfaces and its own addresses, as surroundings for a ruleset. */
#ifndef IO_INTERFACES_H
#define IO_INTERFACES_H

#include "rules/surroundings.h"

struct ruleset;

/* The surroundings of RULESET now; NULL when memory or the kernel's answer is refused. Freed by surroundings_free. */
struct surroundings *interfaces_surroundings(const struct ruleset *ruleset);

/*
 * A socket that becomes readable whenever interfaces or addresses change (rtnetlink), not blocking; -errno where it cannot be had.
 */
int interfaces_watch(void);

/* Reads and forgets what the socket has to say: that something changed is all that counts. */
void interfaces_drain(int fd);

#endif
