/*
 * The steward: a small process that keeps the privileges that the daemon was started with, for the little that takes them later.
 * It is forked first of all, so it holds none of the daemon's queues, sockets or memory of packets.
 *
 * It knows few requests, and takes no argument but a path, and once, before the daemon gives anything up, what the hook is. It reads
 * nothing of what it opens, and ends with the daemon. Where it is
 * gone, what it was to do stays undone and its caller says so: the hook stays, and nothing passes.
 */
#ifndef DAEMON_STEWARD_H
#define DAEMON_STEWARD_H

#include <stdbool.h>
#include <stddef.h>

#include "io/hook.h"

struct daemon_options;

/* A rules file is one whose name, as the kernel knows it, ends so. */
#define STEWARD_RULES_SUFFIX ".rules"
bool steward_is_rules_name(const char *path);

/* Forks it. False: ERROR says why. Once, while there is one thread. */
bool steward_start(const struct daemon_options *options, char *error, size_t error_size);

/*
 * Opens the rules file at PATH for reading, whoever may read it: a regular file with STEWARD_RULES_SUFFIX. Returns a descriptor, or
 * -errno, -EACCES for any other file or without a steward.
 */
int steward_open_rules(const char *path);

/* HOOK has been installed and is to be looked after. Once. False: ERROR says why that cannot be. */
bool steward_keep_hook(const struct hook *hook, char *error, size_t error_size);

/* hook_look and hook_mend, for the hook that it keeps; HOOK_BROKEN without a steward. */
enum hook_state steward_look_at_hook(char *text, size_t size);
enum hook_state steward_mend_hook(char *text, size_t size);

/* Removes the hook, and the pins of the fast path. False: ERROR says why. */
bool steward_remove_hook(char *error, size_t error_size);

/* Removes the control socket's file; the pid file; the state table's. A file that is not there is none of its business. */
void steward_remove_socket(void);
void steward_remove_pidfile(void);
void steward_remove_state(void);

/* Waits for its end. */
void steward_stop(void);

#endif
