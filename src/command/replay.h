/* `spid --replay`: judges the packets of a capture file by the rules. Needs no privileges. */
#ifndef COMMAND_REPLAY_H
#define COMMAND_REPLAY_H

#include <stdbool.h>

struct replay_options {
    const char *capture, *config;
    const char *self;       /* the gateway's own addresses, separated by commas; NULL: none */
    bool json;
    bool verbose;           /* with json: how the rules were read, where they were asked */
    bool pickup;            /* connections are picked up midway */
    bool ignore_checksums;  /* captures from the sending host have them unfilled */
};

/* Returns the exit status: 0 when the capture was read to its end, 1 when not, or when the rules are refused. */
int command_replay(const struct replay_options *options);

#endif
