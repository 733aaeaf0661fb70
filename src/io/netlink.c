#include "io/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

int netlink_watch(int protocol, uint32_t groups)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

void netlink_drain(int fd)
{
    char buffer[8192];
    /* ENOBUFS means that there was more than fits: something changed, which is what we wanted to know. */
    while (recv(fd, buffer, sizeof buffer, 0) > 0 || errno == EINTR)
        ;
}
