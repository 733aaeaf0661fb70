/*
 * The few rules of many that a query can match, found in a time that hardly grows with their number.
 *
 * Each field's values are numbered by the rules' own borders (ranks), so that rules lie evenly however unevenly addresses are
 * given out. Over the ranks stand decision trees that cut one field into equal parts at each node (Gupta, McKeown, "Packet
 * classification using hierarchical intelligent cuttings", 1999; the even parts of uneven rules: Vamanan, Voskuilen,
 * Vijaykumar, "EffiCuts", 2010). Rules that are broad in their source, in their destination, or in both have trees of their own:
 * a cut through a broad rule copies it (EffiCuts again). A leaf lists its rules with their boxes, in order.
 *
 * Candidates are never left out, and come in the order of the rules; whether one matches is for the plain reader to say
 * (rules/classify.c) where its box does not say all. So what moves while spid runs (the gateway's addresses, the members of sets)
 * needs nothing here to be built anew.
 */
#ifndef RULES_CLASSIFIER_H
#define RULES_CLASSIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/projection.h"

struct classifier;
struct classifier_entry;

#define CLASSIFIER_TREES 4u /* broad source or not, broad destination or not */

/*
 * A cut copies the rules that lie across it. A tree has at most so many entries a rule, of 44 bytes, the nodes
 * counted by their bytes: where more would be needed, nodes stay uncut and their lists long. Mostly it has a quarter of that.
 */
#define CLASSIFIER_COPIES_MAX 16u

/* So few rules are read one by one sooner than any are chosen. */
#define CLASSIFIER_RULES_MIN 16u

/*
 * Compiles the rules of RULESET, which do not change any more. NULL: they are too few, or there is no memory; the plain reader
 * reads all of them then.
 */
struct classifier *classifier_new(const struct ruleset *ruleset);

/* NULL is allowed. */
void classifier_free(struct classifier *classifier);

/* Bytes that it takes. */
size_t classifier_bytes(const struct classifier *classifier);

/* A query among the candidates. */
struct classifier_walk {
    uint32_t ranks[FIELD_COUNT];
    const struct classifier_entry *at[CLASSIFIER_TREES]; /* what comes next; NULL: nothing */
};

struct classifier_candidate {
    uint32_t rule;
    bool exact; /* it matches, but for the time; else it is to be asked */
    bool final; /* it matches, and decides: so ... */
    enum action action;
};

void classifier_begin(const struct classifier *classifier, const struct query *query, struct classifier_walk *walk);

/* The next candidate, of a higher index than the last; false: there is none. */
bool classifier_next(struct classifier_walk *walk, struct classifier_candidate *candidate);

#endif
