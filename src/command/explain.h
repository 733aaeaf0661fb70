/* `spid --explain`: what the rules say about one packet, and why. */
#ifndef COMMAND_EXPLAIN_H
#define COMMAND_EXPLAIN_H

#include <stdbool.h>

struct explain_options {
    const char *packet, *config;
    bool json;
};

/* Returns the exit status: 0 explained, 1 when the file or the packet is refused. */
int command_explain(const struct explain_options *options);

#endif
