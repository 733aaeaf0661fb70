/* What `spid --preflight` looks at on the machine itself: privileges, clock, limits, forwarding, what else is in the packets' way. */
#ifndef COMMAND_MACHINE_H
#define COMMAND_MACHINE_H

#include <stdint.h>

#include "command/checklist.h"
#include "rules/ruleset.h"

/* Each capability that spid uses. Returns whether it may change the network. */
bool machine_privileges(struct checklist *list);

void machine_clock(struct checklist *list);

/* Files, memory for the connections of RULESET (NULL: there are no rules), and what a queue's socket takes: RECEIVE_BYTES, 0: not known. */
void machine_limits(struct checklist *list, const struct ruleset *ruleset, int receive_bytes);

/* Is what CHAINS (CHAIN_BITs) are to judge forwarded at all, and does it come there? */
void machine_forwarding(struct checklist *list, uint8_t chains);

/* The interfaces of RULESET's zones: whether they are there, and what the kernel drops before spid. */
void machine_interfaces(struct checklist *list, const struct ruleset *ruleset);

/* What costs time beside spid, or loses packets before it. */
void machine_conntrack(struct checklist *list);

#endif
