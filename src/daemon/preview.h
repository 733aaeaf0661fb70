/*
 * What other rules would do to the connections that there are: how many keep their rule, how many get another, how many are
 * cut. Changes nothing. In the main thread.
 */
#ifndef DAEMON_PREVIEW_H
#define DAEMON_PREVIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct daemon;
struct policy;

/* What becomes of a connection. In the order in which an administrator wants to read of it. */
enum fate {
    FATE_LOSE,   /* it passes, and will be cut */
    FATE_CHANGE, /* it passes, and will by another rule */
    FATE_RETURN, /* it is cut, and will pass again */
    FATE_DENIED, /* it is cut, and will be */
    FATE_KEEP,   /* it passes, and will by the same rule */
    FATE_COUNT
};

/* Pairs of an old and a new rule that are told apart; the connections of further ones are in the sums only. */
#define PREVIEW_GROUPS_MAX 1024u

/* Who decides about a connection: a rule of its ruleset; else what stands before the rules; else the default. */
struct decider {
    const char *before; /* a constant, "antispoof"; NULL: the rules are asked */
    uint32_t rule;      /* index, or RULE_DEFAULT */
    uint8_t action;     /* enum action */
};

struct preview_group {
    struct decider old, new;
    enum fate fate;
    uint64_t connections; /* 0: the place is free */
};

struct preview {
    const struct ruleset *old, *new; /* borrowed; preview_answer reads them */
    uint64_t fates[FATE_COUNT];
    size_t group_count;
    uint64_t left_out; /* connections of further groups */
    struct preview_group groups[2 * PREVIEW_GROUPS_MAX]; /* by hash; then, the first group_count, sorted */
};

/*
 * Counts the connections of DAEMON by what its policy says about them and NEXT, which is not in use, would. Walks the whole
 * table in parts, and asks the rules while no packet waits for it. The moving sets of NEXT have been adopted already.
 */
void preview_make(struct preview *preview, const struct daemon *daemon, const struct policy *next);

/* Adds "connections", the sums by fate; "groups", the greatest first; and "left_out" to ANSWER. */
void preview_answer(const struct preview *preview, json_t *answer);

#endif
