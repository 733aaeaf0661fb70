/* `rules`: what was counted about each rule. */
#ifndef CTL_RULES_H
#define CTL_RULES_H

struct given;

/* Returns the exit status. */
int rules_run(const struct given *given);

#endif
