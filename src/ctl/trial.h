/* What became, or would become, of the connections by other rules; and whether these are on trial. */
#ifndef CTL_TRIAL_H
#define CTL_TRIAL_H

#include <jansson.h>

/* The ANSWER to COMMAND (reload, confirm, rollback). */
void trial_show(const char *command, const json_t *answer);

/* What the ANSWER to `status` says of a trial, or of rules that were rolled back; of neither, nothing. */
void trial_show_status(const json_t *answer);

#endif
