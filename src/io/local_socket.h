/*
 * Sockets on this machine: datagrams to /dev/log, the journal, systemd; and whether a daemon serves one. Nothing here ever waits: a
 * reader who is not there, or does not read, is an error that the caller hears of.
 */
#ifndef IO_LOCAL_SOCKET_H
#define IO_LOCAL_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* A datagram socket that is connected to PATH (an abstract one begins with '@'); -errno. */
int local_socket_open(const char *path);

/* Sends one datagram. 0, or -errno: -EAGAIN where the reader has not read what was sent before. */
int local_socket_send(int fd, const struct iovec *parts, unsigned count);

/* Does somebody listen at the stream socket PATH, or may we not know? A file that nobody listens at is left over. */
bool local_socket_is_served(const char *path);

/* How a line to syslog begins: priority (LOG_INFO and so on, of the daemon's facility), time, name (RFC 3164, 4.1). */
#define SYSLOG_HEAD_BYTES 64
#define SYSLOG_PATH "/dev/log"
size_t syslog_head(char head[SYSLOG_HEAD_BYTES], int priority);

#endif
