/* The inside of the store of families. For family.c, and family_inherit.c, which fills it before anybody uses it. */
#ifndef STATE_FAMILY_PRIVATE_H
#define STATE_FAMILY_PRIVATE_H

#include <pthread.h>

#include "state/family.h"

/* An announcement: it waits for a child (then it stands in a hash chain), or children live, or both; else it is free. */
struct expectation {
    struct expected expected;
    uint32_t hash_next;      /* while it waits; of a free one: the next free one */
    uint32_t family;
    uint32_t next, previous; /* in its family, the newest first */
    bool waits, doomed, lingers;
    uint32_t children;       /* that live */
    uint32_t grace_ms;       /* doomed: so long its children may live on */
    uint64_t until_ms;       /* it waits until then */
    uint64_t end_ms;         /* atomic: its children end then; 0: by themselves */
};

struct families {
    pthread_mutex_t lock;
    struct siphash_key key;
    struct tally *tally;
    struct estate *estate;         /* whose memory list and expectations are; NULL: the process's own */
    struct blocks *blocks;
    struct family *list;           /* FAMILIES_MAX + 1 */
    struct expectation *expectations; /* EXPECTATIONS_MAX + 1 */
    uint32_t *buckets;
    uint32_t free_family, fresh_family, free_expectation, fresh_expectation;
    uint32_t cursor;               /* where families_expire goes on */
    uint32_t waiting;              /* atomic */
    uint32_t children;
    struct families_use use;
};

/* For all of these the lock is held. */

/* A new family, zeroed, that nobody holds; NULL: there are as many as there may be. */
struct family *family_new(struct families *families);

/* Frees a family that nobody holds. */
void family_drop(struct families *families, struct family *family);

/* A new one of FAMILY, that does not wait yet; NULL: its source, or all together, have as many as they may. */
struct expectation *expectation_new(struct families *families, struct family *family, const struct expected *expected);

/* It waits until its `until_ms`. */
void expectation_wait(struct families *families, struct expectation *expectation);

/* Frees the expectation when it neither waits nor has children. */
void expectation_settle(struct families *families, struct expectation *expectation);

#endif
