/* A witness in the words of an `explain`: 10.0.0.1@lan to 192.0.2.1 tcp 25. */
#ifndef ANALYSIS_WITNESS_H
#define ANALYSIS_WITNESS_H

#include "analysis/region.h"

struct text;

/* Appends QUERY; the state too where it is not `new`, or where ALWAYS asks for it. */
void query_to_text(struct text *text, const struct ruleset *ruleset, const struct query *query, bool always);

/* Appends WITNESS, and which of its addresses must be members of a set, or the gateway's. */
void witness_to_text(struct text *text, const struct ruleset *ruleset, const struct witness *witness, bool always);

/* The decision of the plain reader about WITNESS: what was proved of boxes, held against the one who decides packets. RULESET is in
 * nobody's use, and its sets that move have no members: those of the witness come and go. */
bool witness_classify(const struct ruleset *ruleset, const struct witness *witness, uint32_t *rule, enum action *action);

#endif
