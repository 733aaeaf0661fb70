/* The clock on the wall, as schedules read it: this machine's time zone. */
#ifndef LOAD_CIVIL_H
#define LOAD_CIVIL_H

#include <time.h>

#include "rules/ruleset.h"

struct civil civil_at(time_t moment);

#endif
