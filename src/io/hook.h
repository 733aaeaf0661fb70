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

/*
 * Packets that spid sends itself (answers to rejected ones) carry this mark and are not queued again where OUTPUT is hooked: nothing
 * but a TCP RST and an ICMP "unreachable" is let past for it, so that whoever else sets the mark gains nothing.
 */
struct hook_mark {
    uint32_t value, mask; /* value without bits outside of mask, and not 0 */
};

/* Alone in the mark's highest bit, which hardly anybody uses. */
#define HOOK_MARK_DEFAULT ((struct hook_mark){0x80000000u, 0x80000000u})

struct hook {
    uint8_t chains; /* CHAIN_BITs */
    uint16_t queue_first, queue_last;
    const char *fastpath; /* the pinned program whose packets pass in FORWARD without being queued; NULL: there is none */
    bool bypass;          /* while nobody owns the queue packets pass; else they are dropped */
    bool closed;          /* nothing is queued and nothing passes, but what a machine needs to have an address: loopback, ND, DHCP */
    struct hook_mark mark;
};

/* What the command line asks for, over the rules file's `hook` and `queue`. */
struct hook_wish {
    bool queues_given, chains_given; /* what follows holds */
    uint16_t queue_first, queue_last;
    uint8_t chains; /* CHAIN_BITs; 0: install nothing */
};

struct ruleset;

/*
 * Sets chains and queues of HOOK: those of WISH, else RULESET's, else (NULL: there is no file that says anything) what is
 * forwarded. Where nobody names queues there is one a processor, from 0.
 */
void hook_choose(struct hook *hook, const struct hook_wish *wish, const struct ruleset *ruleset);

/* CHAINS, and both of the gateway's own where it has one: its connections can be followed only by both of their directions. */
uint8_t hook_whole(uint8_t chains);

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
 * Would packets get past the chains of HOOK, installed already or not, by rules of others? Returns 0 when none does; -1 with the
 * rule and the mend in ERROR, or with why that cannot be told.
 */
int hook_clash(const struct hook *hook, char *error, size_t error_size);

/*
 * The first rule of others behind our jumps, which no packet that spid judges comes to. True: there is one, NOTE says which.
 */
bool hook_unreached(const struct hook *hook, char *note, size_t note_size);

#define HOOK_MEMORY_BYTES 1500

/* How our rules look while they stand as they should, IPv4's and IPv6's. */
struct hook_memory {
    char rules[2][HOOK_MEMORY_BYTES];
};

/* After hook_install: keeps how it looks now. Returns 0, or -1 with why in ERROR. */
int hook_remember(struct hook_memory *memory, char *error, size_t error_size);

enum hook_state {
    HOOK_STANDS, /* and everything meets it */
    HOOK_WRONG,  /* it does not, or rules of others let packets past: hook_mend is called for */
    HOOK_MENDED, /* that was so; now it stands, before them */
    HOOK_BROKEN  /* it cannot be told, or not be mended */
};

/* Looks whether HOOK stands as in MEMORY and whether everything meets it. TEXT says what is wrong. */
enum hook_state hook_look(const struct hook *hook, const struct hook_memory *memory, char *text, size_t size);

/* The same, and puts it right; TEXT says what was done, too. */
enum hook_state hook_mend(const struct hook *hook, struct hook_memory *memory, char *text, size_t size);

/* The names of our chain, and of the kernel's that jumps to it, for enum chain CHAIN. */
const char *hook_our_chain(unsigned chain);
const char *hook_kernel_chain(unsigned chain);

/*
 * The input of iptables-restore --noflush: chains (made or emptied) and their rules; the jumps are none of it. FAMILY is 4
 * or 6; DEFRAGMENT adds the rule that turns the kernel's reassembly on. Returns the length; the text is terminated.
 */
size_t hook_restore_text(const struct hook *hook, int family, bool defragment, char *text, size_t size);

#endif
