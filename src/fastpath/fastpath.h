/*
 * The kernel's fast path: an eBPF program that passes packets of connections which the daemon has entered in its maps
 * (fastpath.bpf.c), both pinned, so that they outlive the daemon.
 *
 * This file knows maps and pins; which connections may be entered, and what is done with what comes back, is the caller's
 * business. No function is for two threads at once, but for fastpath_deadline and fastpath_sweep, which may run beside the others.
 */
#ifndef FASTPATH_FASTPATH_H
#define FASTPATH_FASTPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fastpath/map_layout.h"
#include "packet/tuple.h"

struct fastpath;

/* Where bpffs is mounted on nearly every system. */
#define FASTPATH_ROOT "/sys/fs/bpf"
#define FASTPATH_FOLDER_BYTES 64

struct fastpath_config {
    const char *folder; /* where it is pinned: in a bpf file system; made if need be (borrowed). NULL: nowhere, for tests */
    uint32_t most;      /* so many entries a family */
};

/* Entries that fastpath_enter takes at once. */
#define FASTPATH_BATCH 64u

/* Entries of one step of fastpath_sweep. */
#define FASTPATH_SWEEP 4096u

/* A connection in a map. Of the tuple only what names TCP and UDP connections is kept. */
struct fastpath_record {
    struct tuple tuple;
    struct fastpath_entry entry;
};

/* Is the fast path part of this build? */
bool fastpath_built(void);

/*
 * The folder of the network namespace that this process is in, below FASTPATH_ROOT: names it for as long as the machine runs.
 */
void fastpath_folder(char folder[FASTPATH_FOLDER_BYTES]);

/*
 * Loads the program into the kernel and pins it with its maps. What an earlier daemon has left there is taken over with its
 * entries where it fits (*INHERITED), else replaced: its entries are gone then. Nothing passes before fastpath_control says so; what
 * was taken over goes on as it did. Returns NULL and writes why, with the mend, to the ERROR_SIZE bytes at ERROR.
 */
struct fastpath *fastpath_open(const struct fastpath_config *config, bool *inherited, char *error, size_t error_size);

/* Lets go of the program and its maps; what is pinned stays in the kernel. NULL is allowed. */
void fastpath_close(struct fastpath *fastpath);

/* Removes what is pinned in FOLDER, whoever has left it. Nothing there: nothing to do. */
void fastpath_unpin(const char *folder);

/* The pinned program, for iptables. */
const char *fastpath_program(const struct fastpath *fastpath);

/* The descriptor of the loaded program, for tests. */
int fastpath_program_fd(const struct fastpath *fastpath);

/* Can this process look into the maps? */
bool fastpath_is_readable(const struct fastpath *fastpath);

/* Entries of this generation pass from now on, and no others. */
void fastpath_generation(struct fastpath *fastpath, uint32_t generation);
uint32_t fastpath_generation_now(const struct fastpath *fastpath);

#define FASTPATH_FOREVER UINT64_MAX

/* Nothing passes from DEADLINE_MS of CLOCK_MONOTONIC on. 0: nothing does. */
void fastpath_deadline(struct fastpath *fastpath, uint64_t deadline_ms);

/*
 * Enters COUNT connections, at most FASTPATH_BATCH, in place of entries with the same tuple. Returns how many went in: the first so
 * many of each family; the others found no room.
 */
unsigned fastpath_enter(struct fastpath *fastpath, const struct fastpath_record *records, unsigned count);

/* Reads the entry of TUPLE as it is now; false: there is none. */
bool fastpath_read(struct fastpath *fastpath, const struct tuple *tuple, struct fastpath_entry *entry);

/* The same, and removes it. */
bool fastpath_take(struct fastpath *fastpath, const struct tuple *tuple, struct fastpath_entry *entry);

/*
 * Moves the windows of a TCP connection's entry on to NEWS, whose key is filled in here; its counters stay as they are. False: it is not
 * there, or changes too fast.
 */
bool fastpath_tell(const struct fastpath *fastpath, const struct tuple *tuple, struct fastpath_news *news);

/* Where a sweep stands; zeroed: at the beginning. */
struct fastpath_place {
    bool v6;
    bool under_way;
    uint32_t bucket;
};

/*
 * Copies the next entries to RECORDS, of FASTPATH_SWEEP. An entry that is there all the while is seen; one that is made or removed meanwhile may be.
 * Returns how many; *PLACE is zeroed when the sweep has come to its end.
 */
unsigned fastpath_sweep(struct fastpath *fastpath, struct fastpath_place *place, struct fastpath_record *records);

#endif
