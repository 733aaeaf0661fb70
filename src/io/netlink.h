/* Notices of the kernel's: that something has changed is all that is taken from them. */
#ifndef IO_NETLINK_H
#define IO_NETLINK_H

#include <stdint.h>

/* A socket of PROTOCOL (NETLINK_ROUTE ...) that is readable whenever one of GROUPS, a bit each, has something to tell; or -errno. */
int netlink_watch(int protocol, uint32_t groups);

/* Reads all that waits there. */
void netlink_drain(int fd);

#endif
