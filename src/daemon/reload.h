/* A rules file to a policy, for the start and for every reload. What is wrong goes to the log; the old policy stays. */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

#include <stddef.h>

#include "daemon/worker.h"

/* What became of it: for the log, and for who asked. */
struct reload_result {
    struct policy *policy; /* NULL: refused */
    size_t errors, warnings, tests;
    char message[600];     /* the first error, or what else was wrong */
};

/*
 * Reads the rules at PATH for so many WORKERS as generation GENERATION. CAPACITY is the state table's: a file that wants more
 * connections is refused. Diagnostics are logged.
 */
void reload_read(struct reload_result *result, const char *path, uint32_t generation, unsigned workers,
                 uint32_t capacity);

/*
 * BEFORE, which was in use until it was followed by others, the last of them CURRENT: makes it fit for use again, in the
 * surroundings of now and without the members of sets that are known no more. Takes it over and returns what takes its place.
 */
struct policy *reload_again(struct policy *before, const struct policy *current);

#endif
