/*
 * A decision explained, as JSON: the path through the rules, for each one the first condition that failed, with what was wanted
 * and what came. It is the plain reader with a trace.
 */
#ifndef CONTROL_EXPLAIN_H
#define CONTROL_EXPLAIN_H

#include <jansson.h>

#include "rules/classify.h"
#include "state/table.h"

/*
 * The path of a decision, collected while it is made: `trace` is given to whoever asks the rules (classify_traced, struct engine),
 * and `path` is then the JSON list of the last asking, owned by who uses this; NULL: nobody was asked.
 */
struct explanation {
    const struct ruleset *ruleset;
    const struct surroundings *surroundings;
    struct query query;
    json_t *path;
    struct trace trace;
};
void explanation_init(struct explanation *explanation, const struct ruleset *ruleset, const struct surroundings *surroundings);

/*
 * The answer of interfaces.md for QUERY, with what would happen to the reply, and how full the limits are by TABLE (NULL: nobody
 * knows).
 */
json_t *explain_answer(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query,
                       struct table *table);

#endif
