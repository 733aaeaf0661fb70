/* A place to listen at that nobody outside of this machine reaches. */
#ifndef DAEMON_LOOPBACK_H
#define DAEMON_LOOPBACK_H

#include <sys/socket.h>

/*
 * Reads "127.0.0.1:9477" or "[::1]:9477" into ADDRESS; the port is not 0. Returns its length, 0: that is no address and port, or
 * not one of the loopback (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3).
 */
socklen_t loopback_read(const char *text, struct sockaddr_storage *address);

#endif
