/*
 * The system calls that the daemon makes once it has started; any other one ends it. A new part of the daemon that needs another
 * one adds it to the list in system_calls.c, under its purpose.
 */
#ifndef DAEMON_SYSTEM_CALLS_H
#define DAEMON_SYSTEM_CALLS_H

/*
 * From here on this thread, and all that it makes, are held to the list: whatever stands outside of it is not done, and ends the
 * process by SIGSYS with its number on standard error (fail closed: nothing that waits is judged by a daemon that is not itself).
 * Returns 1, 0 where spid was built without libseccomp or with sanitizers, -errno when the kernel refuses. Needs no_new_privs.
 */
int system_calls_confine(void);

#endif
