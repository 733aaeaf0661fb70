/*
 * The least that a program on an NFQUEUE can do: it takes packets and accepts them all. As fast as the queue allows: one
 * recvmmsg for many, one verdict for all up to the last of them (NFQNL_MSG_VERDICT_BATCH), no packet is looked at. So its
 * figure is the limit of everything that judges packets in userspace.
 *
 *   acceptall QUEUE [COPY]     COPY: bytes of each packet that are brought along (128: all headers)
 *
 * On SIGTERM it prints its user and system time, and how many packets it had, as one JSON object.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define BATCH 64
#define BUFFER_BYTES (0x10000 + 4096)
#define QUEUE_LENGTH 8192
#define RECEIVE_BUFFER_BYTES (16 << 20)

static struct mmsghdr messages[BATCH];
static struct iovec vectors[BATCH];
static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static void send_message(struct mnl_socket *socket, struct nlmsghdr *message)
{
    if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0) {
        perror("acceptall");
        exit(1);
    }
}

static struct mnl_socket *open_queue(uint16_t number, uint32_t copy)
{
    char buffer[8192];
    int size = RECEIVE_BUFFER_BYTES;
    struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);
    if (socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
        perror("acceptall");
        exit(1);
    }
    struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, number);
    nfq_nlmsg_cfg_put_cmd(message, AF_INET, NFQNL_CFG_CMD_BIND);
    send_message(socket, message);
    message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, number);
    nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, (int)copy);
    nfq_nlmsg_cfg_put_qmaxlen(message, QUEUE_LENGTH);
    mnl_attr_put_u32(message, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
    mnl_attr_put_u32(message, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
    send_message(socket, message);
    setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    return socket;
}

/* The id of the packet in this message, in host's order; 0: none. The header's attribute is the first one. */
static uint32_t packet_id(const struct nlmsghdr *message)
{
    if (message->nlmsg_type != ((NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_PACKET))
        return 0;
    const struct nlattr *attribute = mnl_nlmsg_get_payload_offset(message, sizeof(struct nfgenmsg));
    return ntohl(((const struct nfqnl_msg_packet_hdr *)mnl_attr_get_payload(attribute))->packet_id);
}

int main(int argc, char **argv)
{
    uint16_t number = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0;
    struct mnl_socket *socket = open_queue(number, argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 128);
    uint8_t *buffers = malloc((size_t)BATCH * BUFFER_BYTES);
    char verdict[256];
    uint64_t packets = 0;
    if (buffers == NULL)
        return 1;
    signal(SIGTERM, stop);
    for (unsigned i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){buffers + (size_t)i * BUFFER_BYTES, BUFFER_BYTES};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    while (!stopped) {
        int count = recvmmsg(mnl_socket_get_fd(socket), messages, BATCH, MSG_DONTWAIT, NULL);
        if (count < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = mnl_socket_get_fd(socket), .events = POLLIN}, 1, 100);
        uint32_t last = 0;
        for (int i = 0; i < count; i++) {
            uint32_t id = packet_id((const struct nlmsghdr *)vectors[i].iov_base);
            last = id != 0 ? id : last;
            packets += id != 0;
        }
        if (last == 0)
            continue;
        struct nlmsghdr *message = nfq_nlmsg_put(verdict, NFQNL_MSG_VERDICT_BATCH, number);
        nfq_nlmsg_verdict_put(message, (int)last, NF_ACCEPT);
        send_message(socket, message);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"packets\":%llu,\"user_s\":%.3f,\"system_s\":%.3f}\n", (unsigned long long)packets,
           (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
           (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6);
    free(buffers);
    return 0;
}
