/* A ruleset's only rule, for what is not about rules: everything may be opened, and goes on. */
#ifndef TESTS_ALLOW_ALL_H
#define TESTS_ALLOW_ALL_H

#include "rules/ruleset.h"

static const struct rule allow_all = {
    .file = "allow-all",
    .line = 1,
    .identity = 1,
    .action = ACTION_ALLOW,
    .states = STATES_BY_DEFAULT,
    .src = {.term_count = 1, .terms = (const struct endpoint_term[]){{.kind = TERM_ANY}}},
    .dst = {.term_count = 1, .terms = (const struct endpoint_term[]){{.kind = TERM_ANY}}},
};

#endif
