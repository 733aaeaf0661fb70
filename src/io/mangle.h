/*
 * The mangle table of one family, as iptables-save prints it: where our jumps stand in it, and what of others' rules has to do
 * with them. Reads text only.
 */
#ifndef IO_MANGLE_H
#define IO_MANGLE_H

#include <stdbool.h>
#include <stddef.h>

#define MANGLE_NAME_BYTES 40
#define MANGLE_RULE_BYTES 200

/* A rule of somebody else. */
struct mangle_rule {
    char chain[MANGLE_NAME_BYTES];
    unsigned number;              /* in its chain, from 1, as `iptables -D CHAIN NUMBER` takes it */
    char text[MANGLE_RULE_BYTES]; /* "-A ...", cut where it is longer */
};

/*
 * The first rule by which a packet can pass KERNEL_CHAIN without meeting the jump to OUR_CHAIN, in the order in which the kernel
 * asks them: one before the jump that accepts, hands to a queue, or leaves the chain for good; in chains that are jumped to as
 * well. Where there is no jump yet, it would stand last. False: there is none.
 */
bool mangle_escape(const char *table, const char *kernel_chain, const char *our_chain, struct mangle_rule *rule);

/* The first rule of KERNEL_CHAIN behind the jump to OUR_CHAIN: what spid allows never comes to it. False: there is none. */
bool mangle_unreached(const char *table, const char *kernel_chain, const char *our_chain, struct mangle_rule *rule);

/*
 * Copies to OURS, of SIZE bytes, the rules of all chains whose names begin with "spid-" and the jumps to them, in their order,
 * without counters. Returns how long it is; SIZE or more: it did not fit.
 */
size_t mangle_ours(const char *table, char *ours, size_t size);

/* Rules stand in it that iptables cannot print, as nft's can be. */
bool mangle_unreadable(const char *table);

#endif
