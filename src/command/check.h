/* `spid --check`: reads a rules file, runs its tests, says everything there is to say. */
#ifndef COMMAND_CHECK_H
#define COMMAND_CHECK_H

#include <stdbool.h>

struct check_options {
    const char *file;
    bool strict;  /* warnings refuse the file too */
    bool json;
    bool verbose; /* show the rules in canonical form, and the implicit ones */
};

/* Returns the exit status: 0 fine, 1 refused. */
int command_check(const struct check_options *options);

#endif
