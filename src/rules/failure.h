/*
 * What happens when something fails, in words: for --check, the log, and whoever rehearses it. What is done then is done by
 * those whom it happens to.
 */
#ifndef RULES_FAILURE_H
#define RULES_FAILURE_H

#include <stdbool.h>

#include "rules/ruleset.h"

struct text;

/* All that can fail; those with a setting come first (enum failure_setting). */
enum failure {
    FAILURE_TABLE_FULL = FAILURE_SETTINGS,
    FAILURE_LOG,            /* the log cannot be written */
    FAILURE_REFUSED_RELOAD, /* the rules file is refused */
    FAILURE_REFUSED_START,
    FAILURE_REMOVED,        /* none: it is stopped, and removes what it installed */
    FAILURE_COUNT
};

/* "daemon-down" ... */
const char *failure_name(unsigned failure);

/* "no daemon runs: stopped, or crashed" ... */
const char *failure_when(unsigned failure);

/* The setting with that name, or FAILURE_SETTINGS. */
enum failure_setting failure_named(const char *name);

/* What the rules of RULESET choose, never ON_DEFAULT; and the word for it. */
enum on failure_choice(const struct ruleset *ruleset, enum failure_setting setting);
const char *failure_choice_name(enum on on);

enum failure_fastpath { FASTPATH_IS, FASTPATH_IS_NOT, FASTPATH_UNKNOWN };

/* What passes then, by RULESET. Whether there is a fast path is known only where the daemon runs. */
void failure_to_text(struct text *text, unsigned failure, const struct ruleset *ruleset, enum failure_fastpath fastpath);

#endif
