/*
 * `reload`, `confirm`, `rollback`: what became, or would become, of the connections by other rules; and whether these are on
 * trial.
 */
#ifndef CTL_TRIAL_H
#define CTL_TRIAL_H

#include <jansson.h>

struct given;

/* Each returns the exit status. */
int trial_reload_run(const struct given *given);
int trial_confirm_run(const struct given *given);
int trial_rollback_run(const struct given *given);

/* What the ANSWER to `status` says of a trial, or of rules that were rolled back; of neither, nothing. */
void trial_show_status(const json_t *answer);

#endif
