/*
 * What was counted about rules by workers that judge by other rules now: by the rule's identity, so that it goes on where the
 * rule does. In the main thread.
 */
#ifndef DAEMON_LEDGER_H
#define DAEMON_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"

struct policy;

struct ledger {
    struct rule_counter default_rule;
    size_t count;
    struct ledger_line {
        uint32_t identity;
        struct rule_counter counter;
    } *lines; /* sorted by identity */
};

/*
 * Nobody judges by OLD any more: what its counters have is entered, and they begin at zero. Rules that stand in none of the
 * COUNT policies at KEPT (NULLs are passed over) are forgotten. False: there is no memory, and nothing has changed.
 */
bool ledger_close(struct ledger *ledger, const struct policy *old, const struct policy *const *kept, size_t count);

/*
 * What was counted about each rule of POLICY and, last, the default: in the ledger and by the workers that judge by it now.
 * malloc'ed; NULL: there is no memory.
 */
struct rule_counter *ledger_sums(const struct ledger *ledger, const struct policy *policy);

void ledger_free(struct ledger *ledger);

#endif
