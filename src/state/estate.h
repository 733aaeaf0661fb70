/*
 * What a daemon leaves to the next one: the memory of the state table, in a file on a tmpfs that outlasts who wrote
 * it. Killed he need do nothing; what he did last is there. The next one reads the file as a stranger's, takes over
 * what he finds plausible (state/inherit.h), into an estate of his own, and never writes to the old one.
 *
 * The file is a header and regions of items, each the raw struct. The header says whose layout that is, so a daemon
 * with other structs refuses it; and of which boot, because times count from there. Who stops in good order seals it
 * with a checksum over all. Without a seal each item must be judged for itself.
 *
 * Knows nothing of paths, and nothing of what the items mean.
 */
#ifndef STATE_ESTATE_H
#define STATE_ESTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum estate_region { ESTATE_CONNECTIONS, ESTATE_FAMILIES, ESTATE_EXPECTATIONS, ESTATE_MEMBERS, ESTATE_REGION_COUNT };

/* A boot of the machine: /proc/sys/kernel/random/boot_id. */
struct estate_boot {
    uint8_t id[16];
};

struct estate;

/*
 * Ends the use of an estate, one's own or another's; the file stays, and its descriptor, which the estate has
 * borrowed, is the caller's. NULL is allowed.
 */
void estate_close(struct estate *estate);

/* ---- one's own ---- */

/* Makes an estate in the file FD, which is empty. NULL: the system refuses it, errno says why. */
struct estate *estate_new(int fd, const struct estate_boot *boot);

/*
 * The memory of REGION, for items 0 .. ITEMS - 1 of ITEM_BYTES, zeroed. Each is touched only after estate_provide.
 * Once a region. NULL: refused. Where ESTATE is NULL nothing outlasts the process: then it is the process's own memory, and
 * the functions that follow have nothing to do.
 */
void *estate_claim(struct estate *estate, enum estate_region region, size_t item_bytes, uint32_t items);

/* Gives back what was claimed of ESTATE; an estate's memory stays until its end. NULL is allowed for AT. */
void estate_release(const struct estate *estate, void *at, size_t item_bytes, uint32_t items);

/*
 * Makes sure that items up to INDEX may be touched. False: the file system is full. A system call once in many items.
 */
bool estate_provide(struct estate *estate, enum estate_region region, uint32_t index);

/*
 * Has memory for connections at hand before it is asked for; USED: the highest index in use. Beside the packet path,
 * many times a second; provides no more than BUDGET large pages.
 */
void estate_tend(struct estate *estate, uint32_t used, unsigned budget);

/* Has the file system refused more? Then it is not asked again before estate_try_again. */
bool estate_is_full(const struct estate *estate);
void estate_try_again(struct estate *estate);

/* Could connections be put on large pages so far? Many of them are found faster there. */
bool estate_is_large(const struct estate *estate);

/* Until then connections are picked up midway (engine.h): the next daemon goes on with that. */
void estate_set_pickup(struct estate *estate, uint64_t until_ms);

/* Without its owner packets pass that nobody sees, and so does what they open and end. */
void estate_set_open(struct estate *estate, bool open);

/* Nobody writes any more: seals what is there. */
void estate_seal(struct estate *estate);

/* Whoever finds the file from now on refuses it. */
void estate_void(struct estate *estate);

/* ---- another's ---- */

enum estate_flaw {
    ESTATE_FINE,
    ESTATE_FOREIGN,   /* no estate at all */
    ESTATE_LAYOUT,    /* of a daemon with other structs */
    ESTATE_BOOT,      /* from before the machine was started */
    ESTATE_HEADER,    /* its header contradicts itself */
    ESTATE_TRUNCATED, /* shorter than its header says */
    ESTATE_CHECKSUM,  /* sealed, and changed since */
    ESTATE_SYSTEM,    /* the system refused to map it */
};

/* Why it is refused, for people: "it is shorter than its header says" ... */
const char *estate_flaw_text(enum estate_flaw flaw);

/* Opens the estate in the file FD, to be read. NULL: *FLAW says why it is refused. */
struct estate *estate_open(int fd, const struct estate_boot *boot, enum estate_flaw *flaw);

/*
 * The items of REGION, *COUNT of them (the first is number 0); those that were never used are zero. NULL: there are
 * none.
 */
const void *estate_items(const struct estate *estate, enum estate_region region, size_t item_bytes, uint32_t *count);

uint64_t estate_pickup(const struct estate *estate);
bool estate_is_open(const struct estate *estate);
bool estate_is_sealed(const struct estate *estate);

#endif
