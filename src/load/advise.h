/* What the analysis of a ruleset finds, as diagnostics. */
#ifndef LOAD_ADVISE_H
#define LOAD_ADVISE_H

#include "parser/diagnostic.h"
#include "analysis/findings.h"

/* Warnings about rules that cannot do what their author meant, as of TODAY (days since 1970-01-01). Returns what is left out. */
struct findings_left advise(struct diagnostics *diagnostics, const struct ruleset *ruleset, int32_t today);

/* Errors about each `protect` that the rules break. */
void advise_protection(struct diagnostics *diagnostics, const struct ruleset *ruleset, int32_t today);

#endif
