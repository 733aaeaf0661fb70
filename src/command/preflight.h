/* `spid --preflight`: would spid run here, and how well? Looks, tries in a network namespace of its own, and changes nothing. */
#ifndef COMMAND_PREFLIGHT_H
#define COMMAND_PREFLIGHT_H

#include <stdbool.h>

#include "io/hook.h"

struct preflight_options {
    const char *config, *socket;
    bool json;
    struct hook_wish wish; /* as the daemon has it */
};

/* Returns the exit status: 0 when spid would run, 1 when not. */
int command_preflight(const struct preflight_options *options);

#endif
