/*
 * The `test` statements of a rules file, held against its ruleset: by the classifier that decides live packets.
 */
#ifndef ENGINE_SELFTEST_H
#define ENGINE_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/screen.h"
#include "rules/classify.h"

struct text;

/* Who decides a query: what stands before the rules, or they. */
struct answer {
    enum screening screening;
    struct decision decision; /* the rules were not asked: by no rule */
};

/* As on a packet's way. TRACE is told of the rules that are read, unless it is NULL. */
void selftest_ask(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query,
                  const struct trace *trace, struct answer *answer);

/* What would happen to the answer to QUERY, which was answered by FIRST; its packet is matched as REPLY then. */
void selftest_ask_reply(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query,
                        const struct answer *first, const struct trace *trace, struct query *reply, struct answer *answer);

/*
 * Runs one test. Returns true when it passes; else EXPLANATION says what was expected and what came, in one line, such
 * as: expected allow by "web", got deny by default ("web": destination port is 445, not 80,443): the first condition that failed of
 * the rule that was to decide, or of the one that came nearest. `self` in the rules is whatever SURROUNDINGS says; a test that
 * names no time must not depend on a schedule, one without a date not on `expires`. Nobody is in a dns set, and
 * none is filled: where that may be why a test fails, EXPLANATION says so.
 */
bool selftest_run(const struct ruleset *ruleset, const struct surroundings *surroundings,
                  const struct ruleset_test *test, struct text *explanation);

#endif
