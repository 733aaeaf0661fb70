#include "io/local_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

int local_socket_open(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) == 0)
        return fd;
    int why = -errno;
    close(fd);
    return why;
}

bool local_socket_is_served(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = strlen(path) < sizeof address.sun_path ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
    if (fd < 0)
        return false;
    strcpy(address.sun_path, path);
    bool served = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN || errno == EACCES;
    close(fd);
    return served;
}

int local_socket_send(int fd, const struct iovec *parts, unsigned count)
{
    struct iovec list[4];
    struct msghdr message = {.msg_iov = list, .msg_iovlen = count};
    memcpy(list, parts, count * sizeof list[0]);
    if (sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        return 0;
    return errno == ENOBUFS ? -EAGAIN : -errno;
}

size_t syslog_head(char head[SYSLOG_HEAD_BYTES], int priority)
{
    char date[24];
    struct tm tm;
    time_t now = time(NULL);
    localtime_r(&now, &tm);
    strftime(date, sizeof date, "%b %e %H:%M:%S", &tm);
    int length = snprintf(head, SYSLOG_HEAD_BYTES, "<%d>%s spid[%ld]: ", LOG_DAEMON | priority, date, (long)getpid());
    return length < SYSLOG_HEAD_BYTES ? (size_t)length : SYSLOG_HEAD_BYTES - 1;
}
