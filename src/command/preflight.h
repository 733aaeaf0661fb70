/* `spid --preflight`: would spid run here, and how well? Looks, tries in a network namespace of its own, and changes nothing. */
#ifndef COMMAND_PREFLIGHT_H
#define COMMAND_PREFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

struct preflight_options {
    const char *config, *socket;
    bool json;
    bool queues_given, hooks_given; /* as the daemon has them, over the file's */
    uint16_t queue_first, queue_last;
    uint8_t hooks;
};

/* Returns the exit status: 0 when spid would run, 1 when not. */
int command_preflight(const struct preflight_options *options);

#endif
