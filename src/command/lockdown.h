/* `spid --lockdown`: closes the chains that the daemon will hook, until it is ready. For the time before the network is up. */
#ifndef COMMAND_LOCKDOWN_H
#define COMMAND_LOCKDOWN_H

#include "io/hook.h"

struct lockdown_options {
    const char *config;
    struct hook_wish wish; /* as the daemon has it */
};

/* Returns the exit status: 0 closed, or there was no need to; 1 not, and it has said why. */
int command_lockdown(const struct lockdown_options *options);

#endif
