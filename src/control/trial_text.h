/* What became, or would become, of the connections by other rules; and whether these are on trial. For people. */
#ifndef CONTROL_TRIAL_TEXT_H
#define CONTROL_TRIAL_TEXT_H

#include <jansson.h>

/* Prints the ANSWER to COMMAND (reload, confirm, rollback) to standard output. */
void trial_print(const char *command, const json_t *answer);

/* Prints what the ANSWER to `status` says of a trial, or of rules that were rolled back; of neither, nothing. */
void trial_print_status(const json_t *answer);

#endif
