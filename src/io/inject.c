#include "io/inject.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct inject {
    int raw4, raw6;   /* whole IP packets, from any source */
    int icmp4, icmp6; /* messages; the kernel chooses our address */
    uint64_t second;
    unsigned this_second;
    struct inject_counters counters;
};

static int open_raw(int family, int protocol, uint32_t mark)
{
    int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    /* Without the mark our answers would be queued to ourselves where OUTPUT is hooked. */
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

struct inject *inject_new(uint32_t mark, char *error, size_t error_size)
{
    struct inject *inject = calloc(1, sizeof *inject);
    if (inject == NULL) {
        snprintf(error, error_size, "no memory");
        return NULL;
    }
    inject->raw4 = open_raw(AF_INET, IPPROTO_RAW, mark); /* IP_HDRINCL is implied */
    int reason = errno;
    inject->icmp4 = open_raw(AF_INET, IPPROTO_ICMP, mark);
    inject->raw6 = open_raw(AF_INET6, IPPROTO_RAW, mark);
    inject->icmp6 = open_raw(AF_INET6, IPPROTO_ICMPV6, mark);
    if (inject->raw4 < 0 || inject->icmp4 < 0) {
        snprintf(error, error_size, "raw sockets for `reject` are refused (%s); run spid as root or with CAP_NET_RAW",
                 strerror(reason));
        inject_free(inject);
        return NULL;
    }
    return inject;
}

void inject_free(struct inject *inject)
{
    if (inject == NULL)
        return;
    const int fds[] = {inject->raw4, inject->raw6, inject->icmp4, inject->icmp6};
    for (unsigned i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(inject);
}

const struct inject_counters *inject_counters(const struct inject *inject)
{
    return &inject->counters;
}

static bool within_rate(struct inject *inject, uint64_t now_ms)
{
    if (inject->second != now_ms / 1000) {
        inject->second = now_ms / 1000;
        inject->this_second = 0;
    }
    return inject->this_second++ < INJECT_PER_SECOND_MAX;
}

static ssize_t send_to(int fd, struct address to, bool v4, const uint8_t *bytes, size_t length)
{
    struct sockaddr_in address4 = {.sin_family = AF_INET};
    struct sockaddr_in6 address6 = {.sin6_family = AF_INET6};
    if (v4) {
        address4.sin_addr.s_addr = htonl((uint32_t)to.low);
        return sendto(fd, bytes, length, 0, (const struct sockaddr *)&address4, sizeof address4);
    }
    address_bytes(to, address6.sin6_addr.s6_addr);
    return sendto(fd, bytes, length, 0, (const struct sockaddr *)&address6, sizeof address6);
}

void inject_reply(struct inject *inject, const struct packet *packet, uint64_t now_ms)
{
    uint8_t bytes[REPLY_BYTES_MAX];
    size_t length;
    enum reply_kind kind = reply_build(packet, bytes, &length);
    if (kind == REPLY_NONE)
        return;
    if (!within_rate(inject, now_ms)) {
        inject->counters.left_out++;
        return;
    }
    bool v4 = packet->family == 4;
    int fd = kind == REPLY_RST ? (v4 ? inject->raw4 : inject->raw6) : (v4 ? inject->icmp4 : inject->icmp6);
    if (fd < 0 || send_to(fd, packet->src, v4, bytes, length) < 0)
        inject->counters.failed++;
    else
        inject->counters.sent++;
}
