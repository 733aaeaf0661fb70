/*
 * How the daemon gets at its rules files: as the user that it is, or becomes. A rules file that root alone may read the steward
 * opens; what else is out of that user's reach is read at the start, with a warning that a reload will be refused.
 */
#ifndef DAEMON_RULES_ACCESS_H
#define DAEMON_RULES_ACCESS_H

#include "parser/parser.h"

struct privileges;

/* For whom the start asks already; PRIVILEGES outlives the daemon's reading. */
void rules_access_for(const struct privileges *privileges);

extern const struct file_access rules_access;

#endif
