/*
 * The kernel-side hook: chains of our own in the mangle table that queue packets, and one jump to each.
 *
 * In the mangle table a deny is final, while an allow goes on to whatever others have in the filter table. The jumps are
 * appended: a packet that comes back from the queue goes on behind the whole chain, so rules of others (marks, MSS
 * clamps) must stand before ours to be seen at all.
 */
#ifndef IO_HOOK_H
#define IO_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hook {
    uint8_t chains; /* CHAIN_BITs */
    uint16_t queue_first, queue_last;
    const char *fastpath; /* the pinned program whose packets pass in FORWARD without being queued; NULL: there is none */
    bool bypass;          /* while nobody owns the queue packets pass; else they are dropped */
    bool closed;          /* nothing is queued and nothing passes, but what a machine needs to have an address: loopback, ND, DHCP */
};

/* CHAINS, and both of the gateway's own where it has one: its connections can be followed only by both of their directions. */
uint8_t hook_whole(uint8_t chains);

/*
 * Packets that spid sends itself (answers to rejected ones) carry this mark and are not queued again. It stands alone in the
 * mark's highest bit, which hardly anybody uses.
 */
#define HOOK_OWN_MARK 0x80000000u

/* What an installation found missing, that does not keep the daemon from running. */
enum hook_missing { HOOK_NO_IPV6 = 1, HOOK_NO_DEFRAGMENTATION_V4 = 2, HOOK_NO_DEFRAGMENTATION_V6 = 4 };

/*
 * Installs the hook for both families, in place of what an earlier daemon left: in one step, so that no packet passes
 * unjudged in between; chains of ours that are not asked for go. Returns 0 and sets *MISSING, or -1 with why and the mend in ERROR.
 */
int hook_install(const struct hook *hook, unsigned *missing, char *error, size_t error_size);

/* Is there a hook that queues packets already, for a daemon that runs or is to come back? */
bool hook_queues(void);

/* Removes exactly what hook_install made. Returns 0, or -1 with why in ERROR. */
int hook_remove(char *error, size_t error_size);

/*
 * The input of iptables-restore --noflush: chains (made or emptied) and their rules; the jumps are none of it. FAMILY is 4
 * or 6; DEFRAGMENT adds the rule that turns the kernel's reassembly on. Returns the length; the text is terminated.
 */
size_t hook_restore_text(const struct hook *hook, int family, bool defragment, char *text, size_t size);

#endif
