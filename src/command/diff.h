/* `spid --diff`: the packets whose verdict changes from one rules file to another. */
#ifndef COMMAND_DIFF_H
#define COMMAND_DIFF_H

#include <stdbool.h>

struct diff_options {
    const char *old, *fresh;
    bool json;
};

/* Returns the exit status: 0 equivalent, 3 different, 1 when a file is refused. */
int command_diff(const struct diff_options *options);

#endif
