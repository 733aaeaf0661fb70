/* What somebody at the other end of a local socket may ask of the daemon, told by the kernel's word for who he is. */
#ifndef DAEMON_PEER_H
#define DAEMON_PEER_H

#include <sys/types.h>

#define PEER_READING_GROUP "spid"
#define PEER_CHANGING_GROUP "spid-admin"

/* Each may what those before it may. */
enum peer_permission { PEER_MAY_NOTHING, PEER_MAY_READ, PEER_MAY_CHANGE };

/* The groups by number; (gid_t)-1: this machine has none. */
struct peer_groups {
    gid_t readers, changers;
};

/* As the machine has them now: asked once at the start, because who looks names up may do anything, which the filter of system calls forbids. */
struct peer_groups peer_groups_now(void);

/* Root may change everything; others what their groups may, all of them (SO_PEERCRED, SO_PEERGROUPS). FD: a connected local socket. */
enum peer_permission peer_permission(const struct peer_groups *groups, int fd);

#endif
