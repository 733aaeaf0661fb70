#include "io/nfqueue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/owner.h"

/* A packet of 64 KB and its attributes. */
#define BUFFER_BYTES (0x10000 + 4096)

/* Buffers begin in different sets of the processor's first cache, which whole pages would not. */
#define BUFFER_STEP (BUFFER_BYTES + 5 * 64)

/* One verdict: headers, the verdict header, room to spare. */
#define VERDICT_BYTES 64

/* Enough for a configuration message and the answer to it. */
#define CONFIGURE_BYTES 8192

struct nfqueue {
    struct mnl_socket *socket;
    uint16_t number;
    bool whole; /* packets come whole, not their headers only */
    bool open;  /* what finds the queue full passes */
    bool full;  /* it has no room */
    bool left;  /* nobody serves it */
    uint32_t sequence; /* of the last message whose answer was waited for */
    bool each; /* each packet gets a verdict of its own from now on: some packet may wait that was not judged */
    struct nfqueue_counters counters;
    struct mmsghdr messages[NFQUEUE_BATCH_MAX];
    struct iovec vectors[NFQUEUE_BATCH_MAX];
    uint8_t *buffers;
    unsigned count; /* packets of the batch that are to be judged */
    struct engine_job jobs[NFQUEUE_BATCH_MAX];
    struct nfqueue_answer answers[NFQUEUE_BATCH_MAX];
    uint32_t ids[NFQUEUE_BATCH_MAX], marks[NFQUEUE_BATCH_MAX];
    size_t verdict_bytes;
    _Alignas(16) uint8_t verdicts[NFQUEUE_BATCH_MAX * VERDICT_BYTES];
};

static void put_verdict(struct nfqueue *queue, uint32_t id, struct nfqueue_answer answer, uint32_t old_mark)
{
    struct nlmsghdr *message = (struct nlmsghdr *)(void *)(queue->verdicts + queue->verdict_bytes);
    struct nlmsghdr *made = nfq_nlmsg_put((char *)message, NFQNL_MSG_VERDICT, queue->number);
    nfq_nlmsg_verdict_put(made, (int)id, answer.pass ? NF_ACCEPT : NF_DROP);
    if (answer.mask != 0)
        nfq_nlmsg_verdict_put_mark(made, (old_mark & ~answer.mask) | answer.mark);
    queue->verdict_bytes += NLMSG_ALIGN(made->nlmsg_len);
}

/* The library's own reader asks about each attribute through a function; here it is a loop. */
static void read_attributes(const struct nlmsghdr *message, const struct nlattr *attributes[NFQA_MAX + 1])
{
    const struct nlattr *attribute = mnl_nlmsg_get_payload_offset(message, sizeof(struct nfgenmsg));
    const char *end = mnl_nlmsg_get_payload_tail(message);
    for (; mnl_attr_ok(attribute, (int)(end - (const char *)attribute)); attribute = mnl_attr_next(attribute))
        if (mnl_attr_get_type(attribute) <= NFQA_MAX)
            attributes[mnl_attr_get_type(attribute)] = attribute;
}

/* The packet of this message; NULL: it is none, or has no number. */
static const struct nfqnl_msg_packet_hdr *packet_of(const struct nlattr *attributes[NFQA_MAX + 1])
{
    const struct nlattr *attribute = attributes[NFQA_PACKET_HDR];
    bool whole = attribute != NULL && mnl_attr_get_payload_len(attribute) >= sizeof(struct nfqnl_msg_packet_hdr);
    return whole ? mnl_attr_get_payload(attribute) : NULL;
}

/* Before the queue is ready: without a verdict it would pass with the first batch. */
static void deny_early(struct nfqueue *queue, const struct nlmsghdr *message)
{
    const struct nlattr *attributes[NFQA_MAX + 1] = {NULL};
    read_attributes(message, attributes);
    const struct nfqnl_msg_packet_hdr *header = packet_of(attributes);
    queue->counters.unreadable++;
    queue->verdict_bytes = 0;
    if (header != NULL)
        put_verdict(queue, ntohl(header->packet_id), (struct nfqueue_answer){.pass = false}, 0);
    if (header == NULL || send(nfqueue_fd(queue), queue->verdicts, queue->verdict_bytes, 0) < 0)
        queue->each = true; /* it waits still */
}

/* Sends one configuration message and waits for its answer: 0 or -errno. */
static int configure(struct nfqueue *queue, struct nlmsghdr *message)
{
    char buffer[CONFIGURE_BYTES];
    message->nlmsg_flags |= NLM_F_ACK;
    message->nlmsg_seq = ++queue->sequence;
    if (mnl_socket_sendto(queue->socket, message, message->nlmsg_len) < 0)
        return -errno;
    for (;;) {
        ssize_t got = mnl_socket_recvfrom(queue->socket, buffer, sizeof buffer);
        /* The kernel left messages out: their packets are dropped. */
        if (got < 0 && errno == ENOBUFS)
            continue;
        if (got < 0)
            return -errno;
        const struct nlmsghdr *answer = (const struct nlmsghdr *)buffer;
        if (!mnl_nlmsg_ok(answer, (int)got))
            continue;
        if (answer->nlmsg_type == NLMSG_ERROR && answer->nlmsg_seq == queue->sequence)
            return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(answer))->error;
        if (answer->nlmsg_type != NLMSG_ERROR)
            deny_early(queue, answer);
    }
}

/* What is set while it runs; nobody waits for the answer: an error comes back among the packets, as one on a verdict. */
static struct nlmsghdr *setting(const struct nfqueue *queue, char *buffer)
{
    return nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue->number);
}

static bool set(struct nfqueue *queue, const struct nlmsghdr *message)
{
    return mnl_socket_sendto(queue->socket, message, message->nlmsg_len) >= 0;
}

static void put_flags(struct nlmsghdr *message, uint32_t flags, uint32_t mask)
{
    mnl_attr_put_u32(message, NFQA_CFG_FLAGS, htonl(flags));
    mnl_attr_put_u32(message, NFQA_CFG_MASK, htonl(mask));
}

static uint32_t length_of(const struct nfqueue *queue)
{
    return queue->full ? 0 : NFQUEUE_LENGTH;
}

static int bind_queue(struct nfqueue *queue)
{
    char buffer[CONFIGURE_BYTES];
    struct nlmsghdr *message = setting(queue, buffer);
    nfq_nlmsg_cfg_put_cmd(message, AF_INET, NFQNL_CFG_CMD_BIND);
    int error = configure(queue, message);
    if (error != 0)
        return error;
    message = setting(queue, buffer);
    nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, NFQUEUE_HEADERS_BYTES);
    nfq_nlmsg_cfg_put_qmaxlen(message, length_of(queue));
    /* Packets that the network card would cut up come whole: one verdict for 64 KB. */
    put_flags(message, NFQA_CFG_F_GSO | (queue->open ? NFQA_CFG_F_FAIL_OPEN : 0u), NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN);
    return configure(queue, message);
}

static void explain(uint16_t number, int error, char *text, size_t size)
{
    char owner[200];
    switch (-error) {
    case EBUSY:
        owner_of_queue(number, owner, sizeof owner);
        snprintf(text, size, "queue %u is taken by %s; stop it, or choose another number (-q, or `queue` in the rules)",
                 number, owner);
        break;
    case EPERM:
        /* The kernel answers EPERM for a queue that another owns, too. */
        if (geteuid() == 0 && owner_of_queue(number, owner, sizeof owner))
            snprintf(text, size,
                     "queue %u is taken by %s; stop it, or choose another number (-q, or `queue` in the rules)", number,
                     owner);
        else
            snprintf(text, size, "queue %u: not permitted; run spid as root or with CAP_NET_ADMIN", number);
        break;
    case EINVAL:
    case EOPNOTSUPP:
    case EPROTONOSUPPORT:
        snprintf(text, size, "queue %u: this kernel has no NFQUEUE; load it with 'modprobe nfnetlink_queue'", number);
        break;
    default:
        snprintf(text, size, "queue %u: %s", number, strerror(-error));
    }
}

static void prepare_buffers(struct nfqueue *queue)
{
    for (unsigned i = 0; i < NFQUEUE_BATCH_MAX; i++) {
        queue->vectors[i] = (struct iovec){queue->buffers + (size_t)i * BUFFER_STEP, BUFFER_BYTES};
        queue->messages[i].msg_hdr = (struct msghdr){.msg_iov = &queue->vectors[i], .msg_iovlen = 1};
    }
}

struct nfqueue *nfqueue_open(uint16_t number, char *error, size_t error_size)
{
    struct nfqueue *queue = calloc(1, sizeof *queue);
    uint8_t *buffers = malloc((size_t)NFQUEUE_BATCH_MAX * BUFFER_STEP);
    int size = NFQUEUE_RECEIVE_BYTES, result = -ENOMEM;
    if (queue != NULL && buffers != NULL) {
        queue->number = number;
        queue->buffers = buffers;
        queue->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
        result = queue->socket == NULL || mnl_socket_bind(queue->socket, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno
                                                                                                    : bind_queue(queue);
    }
    if (result != 0) {
        explain(number, result, error, error_size);
        if (queue != NULL && queue->socket != NULL)
            mnl_socket_close(queue->socket);
        free(buffers);
        free(queue);
        return NULL;
    }
    if (setsockopt(nfqueue_fd(queue), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
        setsockopt(nfqueue_fd(queue), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    prepare_buffers(queue);
    return queue;
}

void nfqueue_close(struct nfqueue *queue)
{
    if (queue == NULL)
        return;
    mnl_socket_close(queue->socket);
    free(queue->buffers);
    free(queue);
}

static bool set_whole(struct nfqueue *queue)
{
    char buffer[CONFIGURE_BYTES];
    struct nlmsghdr *message = setting(queue, buffer);
    nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, 0xffff);
    return set(queue, message);
}

void nfqueue_want_whole(struct nfqueue *queue)
{
    if (!queue->whole)
        queue->whole = queue->left || set_whole(queue);
}

void nfqueue_fail_open(struct nfqueue *queue, bool open)
{
    char buffer[CONFIGURE_BYTES];
    struct nlmsghdr *message = setting(queue, buffer);
    put_flags(message, open ? NFQA_CFG_F_FAIL_OPEN : 0, NFQA_CFG_F_FAIL_OPEN);
    if (queue->open != open && (queue->left || set(queue, message)))
        queue->open = open;
}

void nfqueue_be_full(struct nfqueue *queue, bool full)
{
    char buffer[CONFIGURE_BYTES];
    struct nlmsghdr *message = setting(queue, buffer);
    queue->full = full;
    nfq_nlmsg_cfg_put_qmaxlen(message, length_of(queue));
    if (!queue->left && !set(queue, message))
        queue->counters.refused++;
}

/*
 * Reads what has come until now, of a queue that is given up: the kernel has dropped those packets. An answer to that could get
 * lost among them; it comes only if the queue is kept, which is returned.
 */
static bool drain(struct nfqueue *queue)
{
    char buffer[CONFIGURE_BYTES];
    const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
    bool kept = false;
    for (;;) {
        ssize_t got = recv(nfqueue_fd(queue), buffer, sizeof buffer, MSG_DONTWAIT);
        if (got < 0 && errno != ENOBUFS && errno != EINTR)
            break;
        kept |= got >= (ssize_t)sizeof *message && message->nlmsg_type == NLMSG_ERROR && message->nlmsg_seq == queue->sequence;
    }
    queue->each |= kept; /* nobody has judged them, and they wait still */
    return kept;
}

void nfqueue_leave(struct nfqueue *queue)
{
    char buffer[CONFIGURE_BYTES];
    struct nlmsghdr *message = setting(queue, buffer);
    if (queue->left)
        return;
    nfq_nlmsg_cfg_put_cmd(message, AF_INET, NFQNL_CFG_CMD_UNBIND);
    message->nlmsg_seq = ++queue->sequence;
    queue->left = set(queue, message) && !drain(queue);
}

int nfqueue_return(struct nfqueue *queue)
{
    if (!queue->left)
        return 0;
    queue->left = false;
    int error = bind_queue(queue);
    queue->left = error != 0;
    if (error == 0 && queue->whole)
        queue->whole = set_whole(queue);
    return error;
}

int nfqueue_fd(const struct nfqueue *queue)
{
    return mnl_socket_get_fd(queue->socket);
}

const struct nfqueue_counters *nfqueue_counters(const struct nfqueue *queue)
{
    return &queue->counters;
}

/* Everything that waits, up to this packet. */
static void put_verdict_up_to(struct nfqueue *queue, uint32_t id, bool pass)
{
    char *at = (char *)queue->verdicts + queue->verdict_bytes;
    struct nlmsghdr *made = nfq_nlmsg_put(at, NFQNL_MSG_VERDICT_BATCH, queue->number);
    nfq_nlmsg_verdict_put(made, (int)id, pass ? NF_ACCEPT : NF_DROP);
    queue->verdict_bytes += NLMSG_ALIGN(made->nlmsg_len);
}

/* Do the answers to these two packets fit into one verdict? */
static bool same_answer(const struct nfqueue *queue, unsigned a, unsigned b)
{
    const struct nfqueue_answer *answers = queue->answers;
    return answers[a].pass == answers[b].pass && answers[a].mask == 0 && answers[b].mask == 0;
}

/*
 * One verdict for all neighbours with the same answer: the kernel keeps packets in the order of their ids, and those before
 * them have theirs already. Where one may be left without, that would let it pass unjudged.
 */
static void put_verdicts(struct nfqueue *queue)
{
    for (unsigned i = 0, last; i < queue->count; i = last + 1) {
        for (last = i; last + 1 < queue->count && same_answer(queue, i, last + 1);)
            last++;
        if (last > i && !queue->each)
            put_verdict_up_to(queue, queue->ids[last], queue->answers[i].pass);
        else
            for (unsigned k = i; k <= last; k++)
                put_verdict(queue, queue->ids[k], queue->answers[k], queue->marks[k]);
    }
}

static uint32_t be32_attribute(const struct nlattr *attribute)
{
    return attribute != NULL && mnl_attr_get_payload_len(attribute) >= sizeof(uint32_t) ? ntohl(mnl_attr_get_u32(attribute)) : 0;
}

static enum chain chain_of(uint8_t hook)
{
    return hook == NF_INET_LOCAL_IN ? CHAIN_INPUT : hook == NF_INET_LOCAL_OUT ? CHAIN_OUTPUT : CHAIN_FORWARD;
}

/* One packet message: it joins the batch. What cannot be read is denied (fail closed). */
static void take_packet(struct nfqueue *queue, const struct nlmsghdr *message, uint64_t now_ms)
{
    const struct nlattr *attributes[NFQA_MAX + 1] = {NULL};
    read_attributes(message, attributes);
    const struct nfqnl_msg_packet_hdr *header = packet_of(attributes);
    if (header == NULL) {
        queue->counters.unreadable++;
        queue->each = true; /* it waits for ever: fail closed */
        return;
    }
    uint32_t id = ntohl(header->packet_id);
    if (attributes[NFQA_PAYLOAD] == NULL) {
        queue->counters.unreadable++;
        put_verdict(queue, id, (struct nfqueue_answer){.pass = false}, 0);
        return;
    }
    size_t captured = mnl_attr_get_payload_len(attributes[NFQA_PAYLOAD]);
    uint32_t flags = be32_attribute(attributes[NFQA_SKB_INFO]), whole = be32_attribute(attributes[NFQA_CAP_LEN]);
    struct engine_job *job = &queue->jobs[queue->count];
    job->bytes = mnl_attr_get_payload(attributes[NFQA_PAYLOAD]);
    job->captured = captured;
    job->arrival = (struct arrival){
        .now_ms = now_ms,
        .chain = chain_of(header->hook),
        .in_interface = be32_attribute(attributes[NFQA_IFINDEX_INDEV]),
        .out_interface = be32_attribute(attributes[NFQA_IFINDEX_OUTDEV]),
        .checksum = flags & NFQA_SKB_CSUMNOTREADY      ? CHECKSUM_UNFILLED
                    : flags & NFQA_SKB_CSUM_NOTVERIFIED ? CHECKSUM_VERIFY
                                                        : CHECKSUM_GOOD,
        .length = whole > captured ? whole : (uint32_t)captured,
    };
    /* Nobody has verified it, and not all of it is here: the next ones can be. */
    if (job->arrival.checksum == CHECKSUM_VERIFY && whole > captured)
        nfqueue_want_whole(queue);
    queue->counters.packets++;
    queue->ids[queue->count] = id;
    queue->marks[queue->count++] = be32_attribute(attributes[NFQA_MARK]);
}

static void take_error(struct nfqueue *queue, const struct nlmsghdr *message)
{
    const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
    /* ENOENT: the packet is gone, because its device or its namespace went away. */
    if (message->nlmsg_len >= NLMSG_LENGTH(sizeof *error) && error->error != 0 && error->error != -ENOENT)
        queue->counters.refused++;
}

static void take_message(struct nfqueue *queue, const uint8_t *bytes, unsigned length, uint64_t now_ms)
{
    const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)bytes;
    int left = (int)length;
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
        if (message->nlmsg_type == NLMSG_ERROR)
            take_error(queue, message);
        else if (message->nlmsg_type == ((NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_PACKET) &&
                 queue->count + queue->verdict_bytes / VERDICT_BYTES < NFQUEUE_BATCH_MAX)
            take_packet(queue, message, now_ms);
        else {
            queue->counters.unreadable++;
            queue->each = true; /* it may have been a packet */
        }
    }
}

unsigned nfqueue_turn(struct nfqueue *queue, uint64_t now_ms, nfqueue_judge judge, void *context)
{
    int fd = nfqueue_fd(queue);
    int count = recvmmsg(fd, queue->messages, NFQUEUE_BATCH_MAX, MSG_DONTWAIT, NULL);
    if (count < 0) {
        if (errno == ENOBUFS)
            queue->counters.lost++;
        return 0;
    }
    queue->verdict_bytes = 0;
    queue->count = 0;
    for (int i = 0; i < count; i++)
        take_message(queue, queue->vectors[i].iov_base, queue->messages[i].msg_len, now_ms);
    judge(context, queue->jobs, queue->count, queue->answers);
    put_verdicts(queue);
    if (queue->verdict_bytes > 0 && send(fd, queue->verdicts, queue->verdict_bytes, 0) < 0) {
        queue->counters.refused++;
        queue->each = true; /* its packets wait still */
    }
    queue->counters.batches++;
    return (unsigned)count;
}

bool nfqueue_kernel_read(const char *text, uint16_t number, struct nfqueue_kernel *kernel)
{
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        unsigned queue, port, waiting, mode, range;
        unsigned long long queue_dropped, user_dropped;
        if (sscanf(line, "%u %u %u %u %u %llu %llu", &queue, &port, &waiting, &mode, &range, &queue_dropped,
                   &user_dropped) != 7 ||
            queue != number)
            continue;
        *kernel = (struct nfqueue_kernel){port, waiting, queue_dropped, user_dropped};
        return true;
    }
    return false;
}
