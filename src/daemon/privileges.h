/*
 * From root to as little as the daemon's work takes: the user `spid`, one capability, no new privileges, the system calls of
 * system_calls.c, the folders of landlock.c. Once, while there is one thread, so that every later one has no more.
 *
 * What takes more afterwards is the steward's (steward.c).
 */
#ifndef DAEMON_PRIVILEGES_H
#define DAEMON_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PRIVILEGES_USER "spid"

struct privileges {
    bool changes_user; /* it was started as root, and there is the user: */
    uid_t uid;
    gid_t gid;
    bool needs_bpf; /* CAP_BPF stays too, see privileges_need_bpf */
};

/* Whom the daemon will be. Asks the name service, so it comes before the drop. Says in the log where it stays root. */
void privileges_find(struct privileges *privileges);

/*
 * Does this kernel refuse what PROBE does on open maps without CAP_BPF? (Before 5.19, with kernel.unprivileged_bpf_disabled.)
 * PROBE is called once with that capability set aside, and returns whether it could.
 */
bool privileges_need_bpf(bool (*probe)(const void *context), const void *context);

/* Makes the folder of the file at PATH, for that user, where there is none. */
void privileges_make_folder_of(const struct privileges *privileges, const char *path);

/* The drop. False: ERROR says what was refused, and the daemon may not go on. */
bool privileges_drop(const struct privileges *privileges, char *error, size_t error_size);

#endif
