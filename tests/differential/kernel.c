#include "tests/differential/kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_BYTES_MAX 65535
#define WAIT_MS 20

/*
 * Packets are sent on in1, come in on in0, are forwarded to out0 and end at out1. `loose` is off as it is in spid: a segment of an
 * unknown connection opens none. Checksums are not looked at on either side: captures of sending hosts have none.
 */
static const char set_up[] =
    "set -e\n"
    "ip link set lo up\n"
    "ip link add in0 type veth peer name in1\n"
    "ip link add out0 type veth peer name out1\n"
    "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 "
    "net.ipv4.conf.in0.rp_filter=0 net.ipv6.conf.in1.disable_ipv6=1 net.ipv6.conf.out1.disable_ipv6=1 net.ipv4.icmp_ratelimit=0\n"
    "for link in in0 out0; do ip link set $link addrgenmode none; ip link set $link arp off; done\n"
    "ip link set in0 address 02:00:00:00:00:01\n"
    "for link in in0 in1 out0 out1; do ip link set $link mtu 65535 up; done\n"
    "ip route add default dev out0\n"
    "ip -6 route add default dev out0\n"
    "for tables in iptables ip6tables; do\n"
    "  $tables -w -t raw -A PREROUTING -i out1 -j DROP\n"
    "  mark=1\n"
    "  for state in INVALID NEW ESTABLISHED RELATED UNTRACKED; do\n"
    "    $tables -w -t mangle -A FORWARD -m conntrack --ctstate $state -j MARK --set-mark $mark\n"
    "    mark=$((mark + 1))\n"
    "  done\n"
    "  $tables -w -t mangle -A FORWARD -j NFQUEUE --queue-num 0\n"
    "done\n"
    "sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0 net.netfilter.nf_conntrack_checksum=0\n";

static int out = -1;
static struct mnl_socket *queue;
static struct sockaddr_ll destination;

const char *kernel_state_name(enum kernel_state state)
{
    static const char *const names[] = {"none", "INVALID", "NEW", "ESTABLISHED", "RELATED", "UNTRACKED"};
    return names[state];
}

static bool open_sender(void)
{
    if (out >= 0)
        close(out);
    out = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    destination = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("in1")};
    return out >= 0;
}

static bool open_queue(void)
{
    char buffer[8192];
    if (queue != NULL)
        mnl_socket_close(queue);
    queue = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (queue == NULL || mnl_socket_bind(queue, 0, MNL_SOCKET_AUTOPID) < 0)
        return false;
    struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, 0);
    nfq_nlmsg_cfg_put_cmd(message, AF_INET, NFQNL_CFG_CMD_BIND);
    if (mnl_socket_sendto(queue, message, message->nlmsg_len) < 0)
        return false;
    message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, 0);
    nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, 0xffff);
    return mnl_socket_sendto(queue, message, message->nlmsg_len) >= 0;
}

bool kernel_enter(char *error, size_t error_size)
{
    if (unshare(CLONE_NEWNET) != 0) {
        snprintf(error, error_size, "a network namespace of its own is refused: %s", strerror(errno));
        return false;
    }
    if (system(set_up) != 0) {
        snprintf(error, error_size, "the namespace cannot be set up (ip, sysctl and iptables with conntrack are needed)");
        return false;
    }
    if (open_sender() && open_queue())
        return true;
    snprintf(error, error_size, "a packet socket and an NFQUEUE are needed: %s", strerror(errno));
    return false;
}

/* A router would count the hop limit down, and refuse what comes with 1. */
static void set_hop_limit(uint8_t *packet, size_t length)
{
    if (packet[0] >> 4 == 6) {
        packet[7] = 64;
        return;
    }
    size_t header = (packet[0] & 0x0fu) * 4u;
    packet[8] = 64;
    packet[10] = packet[11] = 0;
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < header && i + 1 < length; i += 2)
        sum += (uint32_t)packet[i] << 8 | packet[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    packet[10] = (uint8_t)(~sum >> 8);
    packet[11] = (uint8_t)~sum;
}

static void accept_packet(uint32_t id)
{
    char buffer[256];
    struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_VERDICT, 0);
    nfq_nlmsg_verdict_put(message, (int)id, NF_ACCEPT);
    if (mnl_socket_sendto(queue, message, message->nlmsg_len) < 0)
        perror("verdict");
}

/* One message of the queue; false when it holds no packet. */
static bool take_message(const struct nlmsghdr *message, struct kernel_packet *packet)
{
    struct nlattr *attributes[NFQA_MAX + 1] = {NULL};
    if ((message->nlmsg_type & 0xff) != NFQNL_MSG_PACKET || nfq_nlmsg_parse(message, attributes) < 0 ||
        attributes[NFQA_PACKET_HDR] == NULL || attributes[NFQA_PAYLOAD] == NULL)
        return false;
    const struct nfqnl_msg_packet_hdr *header = mnl_attr_get_payload(attributes[NFQA_PACKET_HDR]);
    uint32_t mark = attributes[NFQA_MARK] != NULL ? ntohl(mnl_attr_get_u32(attributes[NFQA_MARK])) : 0;
    packet->state = mark < KERNEL_STATE_COUNT ? (enum kernel_state)mark : KERNEL_NONE;
    packet->bytes = mnl_attr_get_payload(attributes[NFQA_PAYLOAD]);
    packet->length = mnl_attr_get_payload_len(attributes[NFQA_PAYLOAD]);
    accept_packet(ntohl(header->packet_id));
    return true;
}

bool kernel_send(const uint8_t *bytes, size_t length)
{
    static uint8_t frame[sizeof(struct ether_header) + PACKET_BYTES_MAX];
    struct ether_header ethernet = {.ether_dhost = {2, 0, 0, 0, 0, 1}, .ether_shost = {2, 0, 0, 0, 0, 2}};
    if (length < 20 || length > PACKET_BYTES_MAX)
        return false;
    ethernet.ether_type = htons(bytes[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
    memcpy(frame, &ethernet, sizeof ethernet);
    memcpy(frame + sizeof ethernet, bytes, length);
    set_hop_limit(frame + sizeof ethernet, length);
    return sendto(out, frame, sizeof ethernet + length, 0, (struct sockaddr *)&destination, sizeof destination) >= 0;
}

bool kernel_take(struct kernel_packet *packet)
{
    static _Alignas(16) uint8_t answer[PACKET_BYTES_MAX + 4096];
    struct pollfd ready = {.fd = mnl_socket_get_fd(queue), .events = POLLIN};
    while (poll(&ready, 1, WAIT_MS) == 1) {
        ssize_t got = mnl_socket_recvfrom(queue, answer, sizeof answer);
        if (got >= (ssize_t)sizeof(struct nlmsghdr) && take_message((const struct nlmsghdr *)answer, packet))
            return true;
    }
    return false;
}

bool kernel_pass(const uint8_t *bytes, size_t length, struct kernel_packet *packet)
{
    return kernel_send(bytes, length) && kernel_take(packet);
}
