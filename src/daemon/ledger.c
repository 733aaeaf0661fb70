#include "daemon/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/worker.h"

static void add(struct rule_counter *sum, const struct rule_counter *counter)
{
    uint64_t first = __atomic_load_n(&counter->first_ms, __ATOMIC_RELAXED);
    uint64_t last = __atomic_load_n(&counter->last_ms, __ATOMIC_RELAXED);
    sum->packets += __atomic_load_n(&counter->packets, __ATOMIC_RELAXED);
    sum->bytes += __atomic_load_n(&counter->bytes, __ATOMIC_RELAXED);
    sum->connections += __atomic_load_n(&counter->connections, __ATOMIC_RELAXED);
    if (first != 0 && (sum->first_ms == 0 || first < sum->first_ms))
        sum->first_ms = first;
    if (last > sum->last_ms)
        sum->last_ms = last;
}

static int compare(const void *a, const void *b)
{
    const struct ledger_line *x = a, *y = b;
    return x->identity < y->identity ? -1 : x->identity > y->identity;
}

static const struct ledger_line *line_of(const struct ledger *ledger, uint32_t identity)
{
    const struct ledger_line wanted = {.identity = identity};
    return ledger->count > 0 ? bsearch(&wanted, ledger->lines, ledger->count, sizeof wanted, compare) : NULL;
}

struct rule_counter *ledger_sums(const struct ledger *ledger, const struct policy *policy)
{
    const struct ruleset *ruleset = policy->ruleset;
    size_t count = ruleset->rule_count + 1;
    struct rule_counter *sums = calloc(count, sizeof *sums);
    if (sums == NULL)
        return NULL;
    for (size_t i = 0; i < ruleset->rule_count; i++) {
        const struct ledger_line *line = line_of(ledger, ruleset->rules[i].identity);
        if (line != NULL)
            sums[i] = line->counter;
    }
    sums[ruleset->rule_count] = ledger->default_rule;
    for (unsigned w = 0; w < policy->workers; w++)
        for (size_t i = 0; i < count; i++)
            add(&sums[i], &policy->counters[w][i]);
    return sums;
}

/* The lines of KEPT's rules, sorted, each once, with what the ledger has of them. */
static size_t copy_lines(struct ledger_line *lines, const struct ledger *ledger, const struct policy *const *kept, size_t count)
{
    size_t filled = 0, different = 0;
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; kept[k] != NULL && i < kept[k]->ruleset->rule_count; i++)
            lines[filled++] = (struct ledger_line){.identity = kept[k]->ruleset->rules[i].identity};
    if (filled > 0)
        qsort(lines, filled, sizeof *lines, compare);
    for (size_t i = 0; i < filled; i++) {
        if (different > 0 && lines[different - 1].identity == lines[i].identity)
            continue;
        const struct ledger_line *line = line_of(ledger, lines[i].identity);
        lines[different++] = line != NULL ? *line : lines[i];
    }
    return different;
}

static size_t room_for(const struct policy *const *kept, size_t count)
{
    size_t room = 1;
    for (size_t k = 0; k < count; k++)
        room += kept[k] != NULL ? kept[k]->ruleset->rule_count : 0;
    return room;
}

bool ledger_close(struct ledger *ledger, const struct policy *old, const struct policy *const *kept, size_t count)
{
    const struct ruleset *ruleset = old->ruleset;
    struct ledger_line *lines = calloc(room_for(kept, count), sizeof *lines);
    struct rule_counter *sums = ledger_sums(ledger, old);
    if (lines == NULL || sums == NULL) {
        free(lines);
        free(sums);
        return false;
    }
    struct ledger next = {sums[ruleset->rule_count], copy_lines(lines, ledger, kept, count), lines};
    for (size_t i = 0; i < ruleset->rule_count; i++) {
        const struct ledger_line *line = line_of(&next, ruleset->rules[i].identity);
        if (line != NULL)
            next.lines[line - next.lines].counter = sums[i];
    }
    for (unsigned w = 0; w < old->workers; w++)
        memset(old->counters[w], 0, (ruleset->rule_count + 1) * sizeof *old->counters[w]);
    free(sums);
    ledger_free(ledger);
    *ledger = next;
    return true;
}

void ledger_free(struct ledger *ledger)
{
    free(ledger->lines);
    *ledger = (struct ledger){.count = 0};
}
