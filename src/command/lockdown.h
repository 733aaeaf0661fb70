/* `spid --lockdown`: closes the chains that the daemon will hook, until it is ready. For the time before the network is up. */
#ifndef COMMAND_LOCKDOWN_H
#define COMMAND_LOCKDOWN_H

#include <stdbool.h>
#include <stdint.h>

struct lockdown_options {
    const char *config;
    bool hooks_given; /* hooks holds, over the file's `hook` */
    uint8_t hooks;    /* CHAIN_BITs */
};

/* Returns the exit status: 0 closed, or there was no need to; 1 not, and it has said why. */
int command_lockdown(const struct lockdown_options *options);

#endif
