/*
 * Why a rule does not match, in words: for explanations, and for tests that fail.
 */
#ifndef RULES_MISMATCH_H
#define RULES_MISMATCH_H

#include <stdbool.h>

#include "rules/classify.h"

#define MISMATCH_BYTES 300 /* longer words are cut */

struct mismatch {
    const char *what;             /* "destination port" ... */
    char wanted[MISMATCH_BYTES], got[MISMATCH_BYTES];
    char words[2 * MISMATCH_BYTES + 50]; /* "destination port is 445, not 80,443" */
};

/*
 * Fills MISMATCH for the condition of the rule INDEX that FAILED for QUERY in SURROUNDINGS, as a trace tells it. False: none did.
 */
bool mismatch_of(struct mismatch *mismatch, const struct ruleset *ruleset, const struct surroundings *surroundings,
                 const struct query *query, uint32_t index, enum condition failed);

#endif
