/*
 * A rules file, as everybody loads it: read, compiled, its own tests run. What there is to say is collected, not printed.
 */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "parser/diagnostic.h"
#include "rules/ruleset.h"

struct file_access;

struct loaded {
    struct ruleset *ruleset; /* NULL: the file is refused; else the caller may take it out, or leave it to load_fini */
    struct diagnostics diagnostics;
    size_t tests_passed, tests_failed;
};

/*
 * Loads the rules file at PATH. SELF are the gateway's own addresses, for tests of rules with `self`. Returns false when the
 * file is refused: DIAGNOSTICS say why. load_fini is owed in any case.
 */
bool load_rules(struct loaded *loaded, const char *path, const struct rangeset *self);

/* The same, by another way to its files than the usual one. */
bool load_rules_by(struct loaded *loaded, const char *path, const struct rangeset *self, const struct file_access *access);

/* Frees the diagnostics, and the ruleset unless it was taken out (set to NULL). */
void load_fini(struct loaded *loaded);

#endif
