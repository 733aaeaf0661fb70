#include "io/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "io/local_socket.h"

#define JOURNAL_PATH "/run/systemd/journal/socket"

/* Does the file begin as it is to? Then it goes on as it is: libpcap 1.10 reads no second section of raw IP. */
static bool has_head(const struct outlet *outlet)
{
    uint8_t bytes[OUTLET_HEAD_BYTES];
    int fd = open(outlet->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, bytes, outlet->head_length);
    close(fd);
    return got == (ssize_t)outlet->head_length && memcmp(bytes, outlet->head, outlet->head_length) == 0;
}

static int open_file(struct outlet *outlet)
{
    struct stat stat;
    outlet->fd = open(outlet->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
    if (outlet->fd < 0)
        return -errno;
    outlet->file = fstat(outlet->fd, &stat) == 0 && S_ISREG(stat.st_mode);
    const struct iovec head = {(void *)outlet->head, outlet->head_length};
    if (outlet->head_length == 0 || (outlet->file && has_head(outlet)))
        return 0;
    int written = outlet_put(outlet, &head, 1);
    if (written == 1)
        return 0;
    outlet_close(outlet);
    return written;
}

int outlet_open(struct outlet *outlet)
{
    if (outlet->kind == LOG_TO_FILE || outlet->kind == LOG_PACKETS_TO_FILE)
        return open_file(outlet);
    int fd = local_socket_open(outlet->kind == LOG_TO_SYSLOG ? SYSLOG_PATH : JOURNAL_PATH);
    if (fd < 0)
        return fd;
    outlet->fd = fd;
    return 0;
}

void outlet_close(struct outlet *outlet)
{
    if (outlet->fd >= 0)
        close(outlet->fd);
    outlet->fd = -1;
}

/* How many of the records are whole in the first BYTES; *REST: the bytes of the next that are there. */
static unsigned whole(const struct iovec *records, unsigned count, size_t bytes, size_t *rest)
{
    unsigned n = 0;
    for (; n < count && bytes >= records[n].iov_len; n++)
        bytes -= records[n].iov_len;
    *rest = bytes;
    return n;
}

static int put_file(const struct outlet *outlet, const struct iovec *records, unsigned count)
{
    struct stat stat;
    size_t rest;
    ssize_t written = writev(outlet->fd, records, (int)count);
    if (written < 0)
        return -errno;
    unsigned done = whole(records, count, (size_t)written, &rest);
    /* It was the last that there was room for. Where it cannot be taken back the rest is lost with it: a reader skips it. */
    if (rest > 0 && fstat(outlet->fd, &stat) == 0 && ftruncate(outlet->fd, stat.st_size - (off_t)rest) != 0)
        return -errno;
    return done > 0 ? (int)done : -ENOSPC;
}

/* A pipe takes so many bytes whole or not at all (PIPE_BUF), and a datagram is one anyway: one record at a time. */
static int put_pipe(const struct outlet *outlet, const struct iovec *record)
{
    return write(outlet->fd, record->iov_base, record->iov_len) >= 0 ? 1 : -errno;
}

static int put_syslog(const struct outlet *outlet, const struct iovec *record)
{
    char head[SYSLOG_HEAD_BYTES];
    const struct iovec parts[] = {{head, syslog_head(head, LOG_INFO)}, {record->iov_base, record->iov_len - 1}};
    int failed = local_socket_send(outlet->fd, parts, 2);
    return failed != 0 ? failed : 1;
}

/* systemd.io, "Native Journal Protocol": a field a line; ours hold no newline. */
static int put_journal(const struct outlet *outlet, const struct iovec *record)
{
    static char head[] = "PRIORITY=6\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=spid\nMESSAGE=";
    const struct iovec parts[] = {{head, sizeof head - 1}, *record};
    int failed = local_socket_send(outlet->fd, parts, 2);
    return failed != 0 ? failed : 1;
}

int outlet_put(const struct outlet *outlet, const struct iovec *records, unsigned count)
{
    switch (outlet->kind) {
    case LOG_TO_SYSLOG:
        return put_syslog(outlet, records);
    case LOG_TO_JOURNAL:
        return put_journal(outlet, records);
    default:
        return outlet->file ? put_file(outlet, records, count) : put_pipe(outlet, records);
    }
}

bool outlet_is_gone(const struct outlet *outlet)
{
    struct stat stat;
    return outlet->file && outlet->fd >= 0 && fstat(outlet->fd, &stat) == 0 && stat.st_nlink == 0;
}

bool outlet_is_broken(int error)
{
    return error != EAGAIN && error != ENOSPC && error != EDQUOT && error != EFBIG && error != EIO && error != EINTR;
}

void outlet_wait(const struct outlet *outlet, int ms)
{
    struct pollfd wanted = {.fd = outlet->fd, .events = POLLOUT};
    poll(&wanted, 1, ms);
}
