#include "daemon/peer.h"

#include <grp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

#define GROUPS_MAX 256
#define NO_GROUP ((gid_t)-1)

static gid_t group_of(const char *name)
{
    const struct group *group = getgrnam(name);
    return group != NULL ? group->gr_gid : NO_GROUP;
}

struct peer_groups peer_groups_now(void)
{
    return (struct peer_groups){group_of(PEER_READING_GROUP), group_of(PEER_CHANGING_GROUP)};
}

static bool in_group(const struct ucred *peer, const gid_t *groups, unsigned count, gid_t group)
{
    bool in = peer->gid == group;
    for (unsigned i = 0; i < count; i++)
        in |= groups[i] == group;
    return in && group != NO_GROUP;
}

enum peer_permission peer_permission(const struct peer_groups *groups, int fd)
{
    struct ucred peer;
    gid_t others[GROUPS_MAX];
    socklen_t length = sizeof peer, others_bytes = sizeof others;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return PEER_MAY_NOTHING; /* fail closed */
    if (peer.uid == 0)
        return PEER_MAY_CHANGE;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, others, &others_bytes) != 0)
        others_bytes = 0;
    unsigned count = (unsigned)(others_bytes / sizeof others[0]);
    if (in_group(&peer, others, count, groups->changers))
        return PEER_MAY_CHANGE;
    return in_group(&peer, others, count, groups->readers) ? PEER_MAY_READ : PEER_MAY_NOTHING;
}
