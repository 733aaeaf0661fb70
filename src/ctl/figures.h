/* `metrics`: the figures for monitoring. */
#ifndef CTL_FIGURES_H
#define CTL_FIGURES_H

struct given;

/* Returns the exit status. */
int figures_run(const struct given *given);

#endif
