#include "io/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 4096

bool namespace_enter(const char *name, char *error, size_t error_size)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s%s", strchr(name, '/') != NULL ? "" : "/run/netns/", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(error, error_size, "the network namespace %s: %s%s", path, strerror(errno),
                 errno == ENOENT ? "; `ip netns list` shows those that have a name" : "");
        return false;
    }
    bool entered = setns(fd, CLONE_NEWNET) == 0;
    if (!entered)
        snprintf(error, error_size, "the network namespace %s cannot be entered: %s%s", path, strerror(errno),
                 errno == EPERM ? "; it takes CAP_SYS_ADMIN" : errno == EINVAL ? "; it is no network namespace" : "");
    close(fd);
    return entered;
}
