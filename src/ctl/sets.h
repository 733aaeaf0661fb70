/* `set`: the members of a dynamic set. */
#ifndef CTL_SETS_H
#define CTL_SETS_H

struct given;

/* `NAME list | add ADDRESS [for DURATION] | delete ADDRESS`. Returns the exit status. */
int sets_run(const struct given *given);

#endif
