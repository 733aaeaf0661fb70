/*
 * A set of addresses that is filled while spid runs: by `overload` and by hand, by the answers to DNS look-ups, by the prefixes
 * of a zone. Each member leaves at its own time. Several threads may ask and add at once; the lock inside is the last that
 * anybody takes.
 *
 * Rulesets share it: a reload's new ruleset goes on with the members of the old one's set of the same name.
 */
#ifndef RULES_DYNAMIC_SET_H
#define RULES_DYNAMIC_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/siphash.h"
#include "packet/address.h"

struct dynamic_set;

#define DYNAMIC_SET_MAX 1048576u /* members of one set at most */

struct dynamic_member {
    struct address address;
    uint64_t added_ms, until_ms; /* on the engine's clock; until UINT64_MAX: it stays */
    uint32_t by;                 /* identity of the rule that entered it, 0: somebody did by hand; a dns set's: which name did */
};

/*
 * Returns an empty set for MOST members (1..DYNAMIC_SET_MAX), shared once; NULL when there is no memory. KEY is random and
 * secret: strangers choose the members.
 */
struct dynamic_set *dynamic_set_new(uint32_t most, const struct siphash_key *key);

/* One more who holds the set; dynamic_set_release gives it back, and frees it when nobody is left. NULL is allowed there. */
struct dynamic_set *dynamic_set_share(struct dynamic_set *set);
void dynamic_set_release(struct dynamic_set *set);

uint32_t dynamic_set_most(const struct dynamic_set *set);

/* Is ADDRESS a member at NOW_MS? */
bool dynamic_set_holds(struct dynamic_set *set, struct address address, uint64_t now_ms);

/*
 * Enters MEMBER at NOW_MS; who is in already stays until the later of both times. False: the set is full of members whose
 * time is not over.
 */
bool dynamic_set_add(struct dynamic_set *set, const struct dynamic_member *member, uint64_t now_ms);

/* Enters MEMBER, or puts it in place of what is known of its address, whichever time is the later. False: as above. */
bool dynamic_set_put(struct dynamic_set *set, const struct dynamic_member *member, uint64_t now_ms);

/* What is known of ADDRESS at NOW_MS; false: it is no member. */
bool dynamic_set_find(struct dynamic_set *set, struct address address, uint64_t now_ms, struct dynamic_member *member);

/*
 * Is it known who belongs in the set? Until then nobody may be let in for not being in it. A new set is filled; who cannot
 * know yet says so.
 */
void dynamic_set_fill(struct dynamic_set *set, bool filled);
bool dynamic_set_filled(const struct dynamic_set *set);

/* Takes ADDRESS out. False: it was not in. */
bool dynamic_set_delete(struct dynamic_set *set, struct address address, uint64_t now_ms);

/* Takes everybody out. */
void dynamic_set_clear(struct dynamic_set *set);

/* Copies up to SIZE members at NOW_MS to MEMBERS, in no order; returns how many there are. */
uint32_t dynamic_set_list(struct dynamic_set *set, uint64_t now_ms, struct dynamic_member *members, uint32_t size);

/*
 * Reads slots from *PLACE on, no more than BUDGET under one lock, and copies the members in them at NOW_MS to MEMBERS, which holds
 * so many. Returns how many they are; *PLACE is where to go on, 0 at the end. Who joins or leaves meanwhile may be left out.
 */
uint32_t dynamic_set_read(struct dynamic_set *set, uint32_t *place, uint32_t budget, uint64_t now_ms,
                          struct dynamic_member *members);

/* Grows whenever somebody joins, leaves by hand, or has another time. */
uint64_t dynamic_set_changes(const struct dynamic_set *set);

/* The connections of members are to be matched anew: noted here by the packet path, taken by whoever does it. */
void dynamic_set_ask_flush(struct dynamic_set *set);
bool dynamic_set_take_flush(struct dynamic_set *set);

#endif
