/* Diagnostics of a rules file, for people, on standard error. */
#ifndef COMMAND_REPORT_H
#define COMMAND_REPORT_H

#include "parser/diagnostic.h"

void report_diagnostics(const struct diagnostics *diagnostics);

#endif
