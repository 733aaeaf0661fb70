/*
 * What a ruleset does not say and the machine does: which zone an interface belongs to, and which addresses are the
 * gateway's own. Adapters make one whenever the kernel's answer changes; it is immutable and is swapped together with
 * the ruleset that its zones come from.
 */
#ifndef RULES_SURROUNDINGS_H
#define RULES_SURROUNDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/rangeset.h"

struct ruleset;

struct interface_zone {
    uint32_t interface; /* the kernel's index; never 0 */
    uint16_t zone;
};

struct surroundings {
    size_t interface_count;
    struct interface_zone *interfaces; /* sorted by index */
    struct rangeset self;
    uint64_t schedules;                /* of the ruleset, that hold now: bit by bit */
};

/*
 * Makes surroundings of the COUNT pairs at INTERFACES (any order) and the SELF_COUNT ranges at SELF (any order); both
 * are copied. Returns NULL when there is no memory. Freed by surroundings_free.
 */
struct surroundings *surroundings_new(const struct interface_zone *interfaces, size_t count,
                                      const struct address_range *self, size_t self_count);

/*
 * The surroundings of a file that is only checked: no interfaces, and as the gateway's own the COUNT ranges at SELF and an address
 * of each family that stands for it, the dummy 192.0.0.8 (RFC 7600) and 100::8 of the block to be discarded (RFC 6666), which no
 * host has. NULL when there is no memory.
 */
struct surroundings *surroundings_offline(const struct address_range *self, size_t count);

/*
 * The first of the gateway's own addresses of the family but for loopback, which is never judged. SURROUNDINGS NULL: what stands for
 * it offline. False: it has none.
 */
bool surroundings_own(const struct surroundings *surroundings, bool v4, struct address *own);

/* The same with other schedules that hold; NULL when there is no memory. */
struct surroundings *surroundings_at(const struct surroundings *surroundings, uint64_t schedules);

void surroundings_free(struct surroundings *surroundings);

/* The zone of the interface with this index; 0 when it has none, or for index 0. */
uint16_t surroundings_zone(const struct surroundings *surroundings, uint32_t interface);

#endif
