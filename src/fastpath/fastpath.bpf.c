/*
 * The program that iptables' `-m bpf` asks before the queue rule: a packet of a connection that the daemon has entered passes
 * here, everything else goes to the daemon.
 *
 * There are two answers only, PASS and ASK: nothing is ever dropped here, so whatever is unusual, and whatever two processors
 * change at the same time, costs one packet's way to the daemon and nothing more. What passes would have passed there: the
 * same connection, by the same rules, in the same window (state/tcp_window.c). One thing is not looked at here: the
 * transport's checksum, which whoever receives the packet verifies.
 *
 * A second program, spid_tell, is the daemon's own: it changes an entry where it stands, which no map operation does.
 *
 * Offsets count from the IP header, which is where FORWARD's packets begin for a program of this type.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "map_layout.h"

enum answer { ASK = 0, PASS = 1 };

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

enum {
    IP4_HEADER_BYTES = 20,
    IP6_HEADER_BYTES = 40,
    TCP_HEADER_BYTES = 20,
    UDP_HEADER_BYTES = 8,
    HEAD_BYTES_MIN = IP4_HEADER_BYTES + UDP_HEADER_BYTES,
};

#define IP4_DONT_FRAGMENT 0x4000
#define TCP_ACK 0x10
#define TCP_HARMLESS (0x08 | 0x40 | 0x80) /* PSH, ECE, CWR say nothing about the connection */

/* NOP, NOP, timestamps (RFC 7323, appendix A); NOP, NOP, SACK (RFC 2018): how nearly everybody writes them. */
#define TCP_TIMESTAMPS_WORD 0x0101080au
#define TCP_TIMESTAMPS_BYTES 12
#define TCP_SACK_WORD 0x01010500u
#define TCP_SACK_BLOCKS_MAX 4

#define TCP_ACK_WINDOW 66000 /* as in state/tcp.h */

#define NS_A_MS 1000000ull

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct fastpath_control);
} control SEC(".maps");

/* How many entries there may be the daemon says when it loads the program. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, struct fastpath_key_v4);
    __type(value, struct fastpath_entry);
} connections_v4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, struct fastpath_key_v6);
    __type(value, struct fastpath_entry);
} connections_v6 SEC(".maps");

struct ip4_header {
    __u8 version_size, service;
    __u16 length, identification, fragment;
    __u8 hop_limit, protocol;
    __u16 checksum;
    __u32 src, dst;
};

struct ip6_header {
    __u32 version_class_label;
    __u16 payload_length;
    __u8 next, hop_limit;
    __u64 src[2], dst[2];
};

struct tcp_header {
    __u16 src_port, dst_port;
    __u32 seq, ack;
    __u8 size, flags;
    __u16 window, checksum, urgent;
};

struct udp_header {
    __u16 src_port, dst_port, length, checksum;
};

/* A TCP segment in host order. */
struct segment {
    __u32 seq, end, ack, sack;
    __u32 window; /* unscaled */
};

/*
 * The headers of nearly every packet: IPv6, TCP, timestamps. Asking for bytes costs more than looking at them, so they are
 * asked for once. What the packet has less is zero here, and not looked at: `room` says where it ends.
 */
#define HEAD_BYTES (IP6_HEADER_BYTES + TCP_HEADER_BYTES + TCP_TIMESTAMPS_BYTES)

/* What is known of the packet in hand. */
struct transit {
    _Alignas(8) __u8 head[HEAD_BYTES];
    __u32 transport, room; /* offset of the transport header, and how many bytes begin there */
    __u64 now_ns;
    __u32 generation;
    __u8 protocol;
    __u8 family;
    struct segment segment;
};

static __always_inline int after(__u32 a, __u32 b)
{
    return (__s32)(a - b) > 0;
}

static __always_inline __u64 words(__u32 upper, __u32 lower)
{
    return (__u64)upper << 32 | lower;
}

/* The word becomes NEXT; 0 when somebody else has changed it since it was BEFORE. */
static __always_inline int replace(__u64 *word, __u64 before, __u64 next)
{
    return before == next || __sync_val_compare_and_swap(word, before, next) == before;
}

/* The highest right edge of the blocks. */
static __always_inline int read_blocks(struct __sk_buff *skb, __u32 offset, __u32 bytes, struct segment *segment)
{
    if (bytes % 8 != 0)
        return ASK;
    for (__u32 i = 0; i < TCP_SACK_BLOCKS_MAX; i++) {
        __u32 right;
        if (i * 8 >= bytes)
            return PASS;
        if (bpf_skb_load_bytes(skb, offset + i * 8 + 4, &right, sizeof right) != 0)
            return ASK;
        right = bpf_ntohl(right);
        if (after(right, segment->sack))
            segment->sack = right;
    }
    return bytes == TCP_SACK_BLOCKS_MAX * 8 ? PASS : ASK;
}

/* Options that begin with timestamps, SACK blocks, both in this order, or none. They begin at OFFSET, where FIRST is. */
static __always_inline int read_options(struct __sk_buff *skb, __u32 offset, __u32 bytes, __u32 first, struct segment *segment)
{
    __u32 word = first;
    if (bytes == 0)
        return PASS;
    if (word == bpf_htonl(TCP_TIMESTAMPS_WORD)) {
        if (bytes == TCP_TIMESTAMPS_BYTES)
            return PASS;
        if (bytes < TCP_TIMESTAMPS_BYTES + 4)
            return ASK;
        offset += TCP_TIMESTAMPS_BYTES;
        bytes -= TCP_TIMESTAMPS_BYTES;
        if (bpf_skb_load_bytes(skb, offset, &word, sizeof word) != 0)
            return ASK;
    }
    /* The option's length counts its kind and itself, and the two NOPs make it whole words. */
    if (bpf_ntohl(word) != (TCP_SACK_WORD | (bytes - 2)))
        return ASK;
    return read_blocks(skb, offset + 4, bytes - 4, segment);
}

/* Reads a segment that has ACK, and nothing that could change the state. */
static __always_inline int read_tcp(struct __sk_buff *skb, struct transit *transit, __u16 *src_port, __u16 *dst_port)
{
    const struct tcp_header *tcp = (const void *)&transit->head[transit->transport];
    const __u32 *options = (const void *)(tcp + 1);
    struct segment *segment = &transit->segment;
    __u32 header = (__u32)(tcp->size >> 4) * 4;
    if (header < TCP_HEADER_BYTES || header > transit->room || (tcp->flags & ~TCP_HARMLESS) != TCP_ACK)
        return ASK;
    *src_port = bpf_ntohs(tcp->src_port);
    *dst_port = bpf_ntohs(tcp->dst_port);
    segment->seq = bpf_ntohl(tcp->seq);
    segment->end = segment->seq + (transit->room - header);
    segment->ack = segment->sack = bpf_ntohl(tcp->ack);
    segment->window = bpf_ntohs(tcp->window);
    return read_options(skb, transit->transport + TCP_HEADER_BYTES, header - TCP_HEADER_BYTES, *options, segment);
}

static __always_inline int read_udp(const struct transit *transit, __u16 *src_port, __u16 *dst_port)
{
    const struct udp_header *udp = (const void *)&transit->head[transit->transport];
    __u32 length = bpf_ntohs(udp->length);
    /* In IPv6 nobody does without a checksum. */
    if (length < UDP_HEADER_BYTES || length > transit->room || (transit->family == 6 && udp->checksum == 0))
        return ASK;
    *src_port = bpf_ntohs(udp->src_port);
    *dst_port = bpf_ntohs(udp->dst_port);
    return PASS;
}

static __always_inline int read_transport(struct __sk_buff *skb, struct transit *transit, __u16 *src_port, __u16 *dst_port)
{
    if (transit->protocol == PROTOCOL_TCP)
        return read_tcp(skb, transit, src_port, dst_port);
    if (transit->protocol == PROTOCOL_UDP)
        return read_udp(transit, src_port, dst_port);
    return ASK;
}

/* tcp_window_check of state/tcp_window.c, for a segment with ACK between two sides that have both been seen. */
static __always_inline int check_window(struct fastpath_side *sender, struct fastpath_side *receiver, __u8 scale,
                                        const struct segment *segment)
{
    __u64 sent = sender->sent, allowed = sender->allowed, other_allowed = receiver->allowed;
    __u32 end = sent >> 32, ack = (__u32)sent, end_max = allowed >> 32, largest = (__u32)allowed;
    __u32 other_end = receiver->sent >> 32, other_end_max = other_allowed >> 32, other_largest = (__u32)other_allowed;
    __u32 ack_window = largest > TCP_ACK_WINDOW ? largest : TCP_ACK_WINDOW;
    if ((after(segment->seq, end_max) && after(segment->seq, end)) || after(end - other_largest, segment->end) ||
        after(segment->sack, other_end) || after(other_end - ack_window, segment->sack))
        return ASK;
    __u32 window = segment->window << (scale & 31);
    __u32 offered = window + (segment->sack - segment->ack);
    __u32 reach = segment->sack + (window > 0 ? window : 1);
    if (largest < offered)
        largest = offered;
    if (after(segment->end, end))
        end = segment->end;
    if (after(segment->ack, ack))
        ack = segment->ack;
    if (after(segment->end, end_max))
        other_largest += segment->end - end_max;
    if (after(reach, other_end_max))
        other_end_max = reach;
    return replace(&sender->sent, sent, words(end, ack)) && replace(&sender->allowed, allowed, words(end_max, largest)) &&
                   replace(&receiver->allowed, other_allowed, words(other_end_max, other_largest))
               ? PASS
               : ASK;
}

/* Has the connection been idle for no longer than it may? */
static __always_inline int is_alive(const struct fastpath_entry *entry, const struct transit *transit)
{
    const struct fastpath_side *low = &entry->sides[0], *high = &entry->sides[1];
    __u64 seen_ns = low->seen_ns > high->seen_ns ? low->seen_ns : high->seen_ns;
    __u32 idle_ms = entry->idle_ms;
    if (transit->protocol == PROTOCOL_TCP &&
        (after(low->sent >> 32, (__u32)high->sent) || after(high->sent >> 32, (__u32)low->sent)))
        idle_ms = entry->unacknowledged_ms;
    return transit->now_ns < seen_ns || transit->now_ns - seen_ns < idle_ms * NS_A_MS;
}

/* The packet comes from the low or the high end of the connection in ENTRY, which may be missing. */
static __always_inline int judge(struct __sk_buff *skb, struct fastpath_entry *entry, int from_high,
                                 const struct transit *transit)
{
    if (entry == NULL || entry->generation != transit->generation || !is_alive(entry, transit))
        return ASK;
    struct fastpath_side *sender = from_high ? &entry->sides[1] : &entry->sides[0];
    struct fastpath_side *receiver = from_high ? &entry->sides[0] : &entry->sides[1];
    if (entry->bound && (from_high ? entry->interface[1] : entry->interface[0]) != skb->ifindex)
        return ASK;
    if (transit->protocol == PROTOCOL_TCP &&
        check_window(sender, receiver, from_high ? entry->scale[1] : entry->scale[0], &transit->segment) != PASS)
        return ASK;
    __sync_fetch_and_add(&sender->packets, 1);
    __sync_fetch_and_add(&sender->bytes, skb->len);
    if (sender->seen_ns != transit->now_ns)
        sender->seen_ns = transit->now_ns;
    return PASS;
}

static __always_inline int judge_v4(struct __sk_buff *skb, struct transit *transit)
{
    const struct ip4_header *ip = (const void *)transit->head;
    struct fastpath_key_v4 key = {0};
    __u16 src_port, dst_port;
    /* Neither options nor a fragment, and all that the header says is there. */
    if (ip->version_size != 0x45 || ip->fragment & ~bpf_htons(IP4_DONT_FRAGMENT) || bpf_ntohs(ip->length) != skb->len)
        return ASK;
    transit->family = 4;
    transit->protocol = ip->protocol;
    transit->transport = IP4_HEADER_BYTES;
    transit->room = skb->len - IP4_HEADER_BYTES;
    if (read_transport(skb, transit, &src_port, &dst_port) != PASS)
        return ASK;
    __u32 src = bpf_ntohl(ip->src), dst = bpf_ntohl(ip->dst);
    int from_high = src != dst ? src > dst : src_port > dst_port;
    key.low = from_high ? dst : src;
    key.high = from_high ? src : dst;
    key.low_port = from_high ? dst_port : src_port;
    key.high_port = from_high ? src_port : dst_port;
    key.protocol = ip->protocol;
    return judge(skb, bpf_map_lookup_elem(&connections_v4, &key), from_high, transit);
}

static __always_inline int judge_v6(struct __sk_buff *skb, struct transit *transit)
{
    const struct ip6_header *ip = (const void *)transit->head;
    struct fastpath_key_v6 key = {0};
    __u16 src_port, dst_port;
    /* An extension header is a protocol that is not known here. */
    if (skb->len < IP6_HEADER_BYTES || bpf_ntohs(ip->payload_length) + IP6_HEADER_BYTES != skb->len)
        return ASK;
    transit->family = 6;
    transit->protocol = ip->next;
    transit->transport = IP6_HEADER_BYTES;
    transit->room = skb->len - IP6_HEADER_BYTES;
    if (read_transport(skb, transit, &src_port, &dst_port) != PASS)
        return ASK;
    __u64 src[2] = {bpf_be64_to_cpu(ip->src[0]), bpf_be64_to_cpu(ip->src[1])};
    __u64 dst[2] = {bpf_be64_to_cpu(ip->dst[0]), bpf_be64_to_cpu(ip->dst[1])};
    int from_high = src[0] != dst[0] ? src[0] > dst[0] : src[1] != dst[1] ? src[1] > dst[1] : src_port > dst_port;
    for (int i = 0; i < 2; i++) {
        key.low[i] = from_high ? dst[i] : src[i];
        key.high[i] = from_high ? src[i] : dst[i];
    }
    key.low_port = from_high ? dst_port : src_port;
    key.high_port = from_high ? src_port : dst_port;
    key.protocol = ip->next;
    return judge(skb, bpf_map_lookup_elem(&connections_v6, &key), from_high, transit);
}

SEC("socket")
int spid_pass(struct __sk_buff *skb)
{
    __u32 zero = 0, length = skb->len;
    struct transit transit = {0};
    const struct fastpath_control *state = bpf_map_lookup_elem(&control, &zero);
    transit.now_ns = bpf_ktime_get_coarse_ns();
    if (state == NULL || transit.now_ns >= state->deadline_ns || length < HEAD_BYTES_MIN)
        return ASK;
    if (bpf_skb_load_bytes(skb, 0, transit.head, length < HEAD_BYTES ? length : HEAD_BYTES) != 0)
        return ASK;
    transit.generation = state->generation;
    switch (transit.head[0] >> 4) {
    case 4:
        return judge_v4(skb, &transit);
    case 6:
        return judge_v6(skb, &transit);
    default:
        return ASK;
    }
}

/* How often another processor may come between before the daemon must take the entry out. */
#define TELL_ATTEMPTS 4

/* SIDE has sent up to there, and been allowed so much, if nothing later is known. */
static __always_inline int move_on(struct fastpath_side *side, __u64 sent, __u64 allowed)
{
    for (int i = 0; i < TELL_ATTEMPTS; i++) {
        __u64 old_sent = side->sent, old_allowed = side->allowed;
        __u32 end = old_sent >> 32, ack = (__u32)old_sent, end_max = old_allowed >> 32, window = (__u32)old_allowed;
        if (after(sent >> 32, end))
            end = sent >> 32;
        if (after((__u32)sent, ack))
            ack = (__u32)sent;
        if (after(allowed >> 32, end_max))
            end_max = allowed >> 32;
        if ((__u32)allowed > window)
            window = (__u32)allowed;
        if (replace(&side->sent, old_sent, words(end, ack)) && replace(&side->allowed, old_allowed, words(end_max, window)))
            return PASS;
    }
    return ASK;
}

/* PASS: the entry is there and knows what the daemon knows. */
SEC("syscall")
int spid_tell(struct fastpath_news *news)
{
    struct fastpath_entry *entry;
    if (news->family == 4) {
        struct fastpath_key_v4 key = news->key.v4;
        entry = bpf_map_lookup_elem(&connections_v4, &key);
    } else {
        struct fastpath_key_v6 key = news->key.v6;
        entry = bpf_map_lookup_elem(&connections_v6, &key);
    }
    if (entry == NULL || entry->id != news->id)
        return ASK;
    return move_on(&entry->sides[0], news->sent[0], news->allowed[0]) == PASS &&
                   move_on(&entry->sides[1], news->sent[1], news->allowed[1]) == PASS
               ? PASS
               : ASK;
}

/* bpf_ktime_get_coarse_ns is for programs under the GPL only. */
char program_license[] SEC("license") = "GPL";
