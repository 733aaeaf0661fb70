/*
 * What the adapters do without a kernel: the hook's text, what /proc says of queues, links, fragments, what workers tell.
 */
#include <check.h>
#include <pcap/dlt.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "control/answer.h"
#include "control/metrics.h"
#include "daemon/drops.h"
#include "daemon/events.h"
#include "io/hook.h"
#include "io/link.h"
#include "io/nfqueue.h"
#include "io/owner.h"
#include "io/reassemble.h"
#include "packet/decode.h"
#include "packet/verdict.h"

/* ---- hook ---- */

#define HOOK_MARK {0x80000000u, 0x80000000u}

static const struct {
    struct hook hook;
    int family;
    bool defragment;
    const char *text;
} hooks[] = {
    {{CHAIN_BIT(CHAIN_FORWARD), 0, 3, NULL, false, false, HOOK_MARK}, 4, true,
     "*mangle\n:spid-forward - [0:0]\n:spid-defrag - [0:0]\n"
     "-A spid-forward  -j NFQUEUE --queue-balance 0:3\n"
     "-A spid-defrag -s 255.255.255.255 -m socket\nCOMMIT\n"},
    {{CHAIN_BIT(CHAIN_FORWARD) | CHAIN_BIT(CHAIN_INPUT) | CHAIN_BIT(CHAIN_OUTPUT), 7, 7, NULL, false, false, HOOK_MARK}, 6, true,
     "*mangle\n:spid-forward - [0:0]\n:spid-input - [0:0]\n:spid-output - [0:0]\n:spid-defrag - [0:0]\n"
     "-A spid-forward  -j NFQUEUE --queue-num 7\n"
     "-A spid-input ! -i lo -j NFQUEUE --queue-num 7\n"
     "-A spid-output -p tcp --tcp-flags RST RST -m mark --mark 0x80000000/0x80000000 -j RETURN\n"
     "-A spid-output -p icmpv6 --icmpv6-type destination-unreachable -m mark --mark 0x80000000/0x80000000 -j RETURN\n"
     "-A spid-output ! -o lo -j NFQUEUE --queue-num 7\n"
     "-A spid-defrag -s ff02::1 -m socket\nCOMMIT\n"},
    {{CHAIN_BIT(CHAIN_OUTPUT), 7, 7, NULL, false, false, {0x30, 0xf0}}, 4, false,
     "*mangle\n:spid-output - [0:0]\n:spid-defrag - [0:0]\n"
     "-A spid-output -p tcp --tcp-flags RST RST -m mark --mark 0x30/0xf0 -j RETURN\n"
     "-A spid-output -p icmp --icmp-type destination-unreachable -m mark --mark 0x30/0xf0 -j RETURN\n"
     "-A spid-output ! -o lo -j NFQUEUE --queue-num 7\nCOMMIT\n"},
    {{CHAIN_BIT(CHAIN_INPUT), 65535, 65535, NULL, false, false, HOOK_MARK}, 4, false,
     "*mangle\n:spid-input - [0:0]\n:spid-defrag - [0:0]\n"
     "-A spid-input ! -i lo -j NFQUEUE --queue-num 65535\nCOMMIT\n"},
    {{CHAIN_BIT(CHAIN_FORWARD) | CHAIN_BIT(CHAIN_INPUT), 0, 1, "/sys/fs/bpf/spid-1/program", true, false, HOOK_MARK}, 6, false,
     "*mangle\n:spid-forward - [0:0]\n:spid-input - [0:0]\n:spid-defrag - [0:0]\n"
     "-A spid-forward -m bpf --object-pinned /sys/fs/bpf/spid-1/program -j ACCEPT\n"
     "-A spid-forward  -j NFQUEUE --queue-balance 0:1 --queue-bypass\n"
     "-A spid-input ! -i lo -j NFQUEUE --queue-balance 0:1 --queue-bypass\nCOMMIT\n"},
    {{.chains = CHAIN_BIT(CHAIN_FORWARD) | CHAIN_BIT(CHAIN_INPUT) | CHAIN_BIT(CHAIN_OUTPUT), .closed = true}, 4, false,
     "*mangle\n:spid-forward - [0:0]\n:spid-input - [0:0]\n:spid-output - [0:0]\n:spid-defrag - [0:0]\n"
     "-A spid-forward -j DROP\n"
     "-A spid-input -i lo -j RETURN\n-A spid-input -p udp --sport 67:68 --dport 67:68 -j RETURN\n-A spid-input -j DROP\n"
     "-A spid-output -o lo -j RETURN\n-A spid-output -p udp --sport 67:68 --dport 67:68 -j RETURN\n-A spid-output -j DROP\n"
     "COMMIT\n"},
};

START_TEST(the_gateways_own_chains_go_together)
{
    ck_assert_uint_eq(hook_whole(0), 0);
    ck_assert_uint_eq(hook_whole(CHAIN_BIT(CHAIN_FORWARD)), CHAIN_BIT(CHAIN_FORWARD));
    ck_assert_uint_eq(hook_whole(CHAIN_BIT(CHAIN_INPUT)), CHAIN_BIT(CHAIN_INPUT) | CHAIN_BIT(CHAIN_OUTPUT));
    ck_assert_uint_eq(hook_whole(CHAIN_BIT(CHAIN_OUTPUT)), CHAIN_BIT(CHAIN_INPUT) | CHAIN_BIT(CHAIN_OUTPUT));
}
END_TEST

START_TEST(the_hook_is_this_text)
{
    char text[2000];
    size_t length = hook_restore_text(&hooks[_i].hook, hooks[_i].family, hooks[_i].defragment, text, sizeof text);
    ck_assert_str_eq(text, hooks[_i].text);
    ck_assert_uint_eq(length, strlen(text));
}
END_TEST

/* ---- /proc ---- */

START_TEST(the_kernel_tells_of_a_queue)
{
    static const char text[] = "    0  12345     3 2 65535     7     9   123  1\n"
                               "   17 4294967295     0 2 65535     0     0     0  1\n";
    struct nfqueue_kernel kernel;
    ck_assert(nfqueue_kernel_read(text, 0, &kernel));
    ck_assert_uint_eq(kernel.owner_port, 12345);
    ck_assert_uint_eq(kernel.waiting, 3);
    ck_assert_uint_eq(kernel.queue_dropped, 7);
    ck_assert_uint_eq(kernel.user_dropped, 9);
    ck_assert(nfqueue_kernel_read(text, 17, &kernel));
    ck_assert_uint_eq(kernel.owner_port, 4294967295u);
    ck_assert(!nfqueue_kernel_read(text, 1, &kernel));
    ck_assert(!nfqueue_kernel_read("", 0, &kernel));
    ck_assert(!nfqueue_kernel_read("nonsense\n\n0 1 2\n", 0, &kernel));
}
END_TEST

START_TEST(a_netlink_port_has_an_inode)
{
    static const char text[] =
        "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"
        "0000000000000000 0   12345      00000000 0        0        0     2        0        111     \n"
        "0000000000000000 12  12345      00000000 0        0        0     2        0        222     \n";
    ck_assert_uint_eq(owner_inode(text, 12345), 222);
    ck_assert_uint_eq(owner_inode(text, 1), 0);
    ck_assert_uint_eq(owner_inode("", 1), 0);
}
END_TEST

/* ---- links ---- */

#define FRAME(literal) (const uint8_t *)(literal), sizeof(literal) - 1

static const struct {
    const char *story;
    int link_type;
    const uint8_t *frame;
    size_t length;
    int offset;
} frames[] = {
    {"Ethernet with IPv4", DLT_EN10MB, FRAME("\1\2\3\4\5\6\1\2\3\4\5\6\x08\x00\x45"), 14},
    {"Ethernet with IPv6", DLT_EN10MB, FRAME("\1\2\3\4\5\6\1\2\3\4\5\6\x86\xdd\x60"), 14},
    {"Ethernet with ARP", DLT_EN10MB, FRAME("\1\2\3\4\5\6\1\2\3\4\5\6\x08\x06\x00"), -1},
    {"a VLAN tag", DLT_EN10MB, FRAME("\1\2\3\4\5\6\1\2\3\4\5\6\x81\x00\0\6\x08\x00\x45"), 18},
    {"two tags", DLT_EN10MB, FRAME("\1\2\3\4\5\6\1\2\3\4\5\6\x88\xa8\0\6\x81\x00\0\7\x86\xdd\x60"), 22},
    {"more tags than any honest frame", DLT_EN10MB,
     FRAME("\1\2\3\4\5\6\1\2\3\4\5\6\x81\x00\0\6\x81\x00\0\6\x81\x00\0\6\x81\x00\0\6\x81\x00\0\6\x08\x00\x45"), -1},
    {"a tag that is cut off", DLT_EN10MB, FRAME("\1\2\3\4\5\6\1\2\3\4\5\6\x81\x00\0"), -1},
    {"nothing", DLT_EN10MB, FRAME(""), -1},
    {"raw IP", DLT_RAW, FRAME("\x45"), 0},
    {"raw nothing", DLT_RAW, FRAME(""), -1},
    {"cooked", DLT_LINUX_SLL, FRAME("\0\0\0\1\0\6\1\2\3\4\5\6\0\0\x08\x00\x45"), 16},
    {"cooked, version 2", DLT_LINUX_SLL2, FRAME("\x86\xdd\0\0\0\0\0\2\0\1\0\6\1\2\3\4\5\6\0\0\x60"), 20},
    {"null, little endian", DLT_NULL, FRAME("\2\0\0\0\x45"), 4},
    {"null, big endian, IPv6 of a BSD", DLT_NULL, FRAME("\0\0\0\x1e\x60"), 4},
    {"loopback with another protocol", DLT_LOOP, FRAME("\0\0\0\7\x45"), -1},
    {"a link that is not known", DLT_PPP, FRAME("\xff\3\0\x21\x45"), -1},
};

START_TEST(a_frame_holds_its_packet_there)
{
    ck_assert_msg(link_ip_offset(frames[_i].link_type, frames[_i].frame, frames[_i].length) == frames[_i].offset, "%s",
                  frames[_i].story);
}
END_TEST

/* ---- fragments ---- */

#define DATA_MAX 66000

static uint64_t lost[16];
static unsigned lost_count;

static void on_lost(void *context, uint64_t tag)
{
    (void)context;
    lost[lost_count++ % 16] = tag;
}

/* An IPv4 fragment of OFFSET..END, of a datagram in which each byte is FILL. */
static enum reassemble_result piece(struct reassembly *reassembly, uint16_t id, uint32_t offset, uint32_t end,
                                    bool more, uint8_t fill, uint64_t now_ms, struct datagram *datagram)
{
    static uint8_t bytes[DATA_MAX];
    uint32_t total = 20 + end - offset;
    memset(bytes, 0, 20);
    bytes[0] = 0x45;
    bytes[2] = (uint8_t)(total >> 8);
    bytes[3] = (uint8_t)total;
    bytes[4] = (uint8_t)(id >> 8);
    bytes[5] = (uint8_t)id;
    bytes[6] = (uint8_t)((more ? 0x20 : 0) | offset >> 11);
    bytes[7] = (uint8_t)(offset >> 3);
    bytes[8] = 64;
    bytes[9] = 99;
    bytes[12] = 10;
    bytes[16] = 10;
    bytes[19] = 2;
    memset(bytes + 20, fill, end - offset);
    return reassemble(reassembly, bytes, total, total, now_ms, datagram);
}

struct step_piece {
    uint32_t offset, end;
    bool more;
    uint8_t fill;
    enum reassemble_result result;
};

static const struct {
    const char *story;
    struct step_piece pieces[8];
    uint32_t length;        /* of the datagram's data; 0: it is never whole */
    const char *data;       /* the fills, one a unit of 8 */
} datagrams[] = {
    {"two pieces in order", {{0, 16, true, 'a', REASSEMBLE_HELD}, {16, 20, false, 'b', REASSEMBLE_DONE}}, 20, "aab"},
    {"C53: the second first", {{16, 20, false, 'b', REASSEMBLE_HELD}, {0, 16, true, 'a', REASSEMBLE_DONE}}, 20, "aab"},
    {"three, the middle last",
     {{0, 8, true, 'a', REASSEMBLE_HELD}, {16, 24, false, 'c', REASSEMBLE_HELD}, {8, 16, true, 'b', REASSEMBLE_DONE}},
     24, "abc"},
    {"a duplicate with other bytes is ignored: the first bytes count",
     {{0, 8, true, 'a', REASSEMBLE_HELD}, {0, 8, true, 'x', REASSEMBLE_HELD}, {8, 16, false, 'b', REASSEMBLE_DONE}}, 16,
     "ab"},
    {"C37: a piece inside of older ones is ignored",
     {{0, 24, true, 'a', REASSEMBLE_HELD}, {8, 16, true, 'x', REASSEMBLE_HELD}, {24, 32, false, 'b', REASSEMBLE_DONE}},
     32, "aaab"},
    {"C35: a piece whose head overlaps an older one kills the datagram, as in the kernel",
     {{0, 16, true, 'a', REASSEMBLE_HELD}, {8, 24, true, 'x', REASSEMBLE_REFUSED}, {24, 32, false, 'b', REASSEMBLE_HELD}}, 0,
     NULL},
    {"C37: a piece that covers an older one kills it too",
     {{8, 16, true, 'a', REASSEMBLE_HELD}, {0, 24, true, 'x', REASSEMBLE_REFUSED}}, 0, NULL},
    {"C33: a false end inside of what is there, then more: two ends, so it dies",
     {{0, 16, true, 'a', REASSEMBLE_HELD}, {8, 16, false, 'x', REASSEMBLE_HELD}, {16, 24, false, 'b', REASSEMBLE_REFUSED}}, 0,
     NULL},
    {"C39: an empty piece at first is refused, and the datagram goes on",
     {{8, 8, true, 'x', REASSEMBLE_REFUSED}, {0, 8, true, 'a', REASSEMBLE_HELD}, {8, 16, false, 'b', REASSEMBLE_DONE}}, 16,
     "ab"},
    {"C39: in the second place it kills what is there, as in the kernel",
     {{0, 8, true, 'a', REASSEMBLE_HELD}, {8, 8, true, 'x', REASSEMBLE_REFUSED}, {8, 16, false, 'b', REASSEMBLE_HELD}}, 0,
     NULL},
    {"C43: a duplicate over two pieces that were not in order is an overlap, as in the kernel",
     {{8, 16, true, 'b', REASSEMBLE_HELD}, {0, 8, true, 'a', REASSEMBLE_HELD}, {0, 16, true, 'x', REASSEMBLE_REFUSED}}, 0,
     NULL},
    {"C45: a UDP header in two pieces",
     {{0, 8, true, 'a', REASSEMBLE_HELD}, {8, 12, false, 'b', REASSEMBLE_DONE}}, 12, "ab"},
    {"a piece behind the end", {{8, 16, false, 'b', REASSEMBLE_HELD}, {16, 24, true, 'x', REASSEMBLE_REFUSED}}, 0, NULL},
    {"an end before what is there", {{16, 32, true, 'b', REASSEMBLE_HELD}, {8, 16, false, 'a', REASSEMBLE_REFUSED}}, 0, NULL},
};

START_TEST(pieces_become_a_datagram)
{
    struct reassembly *reassembly = reassembly_new(on_lost, NULL);
    struct datagram datagram = {0};
    bool whole = false;
    lost_count = 0;
    for (const struct step_piece *p = datagrams[_i].pieces; p->end > 0; p++) {
        enum reassemble_result result = piece(reassembly, 7, p->offset, p->end, p->more, p->fill, 1000, &datagram);
        ck_assert_msg(result == p->result, "%s: piece %u-%u gave %d", datagrams[_i].story, p->offset, p->end, result);
        whole |= result == REASSEMBLE_DONE;
    }
    ck_assert_msg(whole == (datagrams[_i].length > 0), "%s", datagrams[_i].story);
    if (whole) {
        struct packet packet;
        ck_assert_uint_eq(datagram.length, 20 + datagrams[_i].length);
        ck_assert_int_eq(packet_decode(&packet, datagram.bytes, datagram.length, datagram.length, CHECKSUM_VERIFY),
                         REASON_NONE);
        for (uint32_t i = 0; i < datagrams[_i].length; i++)
            ck_assert_msg(datagram.bytes[20 + i] == (uint8_t)datagrams[_i].data[i / 8], "%s: byte %u",
                          datagrams[_i].story, i);
    }
    reassembly_free(reassembly);
    ck_assert(whole || lost_count > 0);
}
END_TEST

/* C41: the largest datagram there can be, in 424-byte pieces from the last to the first; and one byte more. */
START_TEST(the_largest_datagram)
{
    struct reassembly *reassembly = reassembly_new(on_lost, NULL);
    struct datagram datagram;
    uint32_t most = 65535 - 20;
    enum reassemble_result result = REASSEMBLE_HELD;
    for (int offset = (int)(most / 424 * 424); offset >= 0; offset -= 424) {
        uint32_t end = (uint32_t)offset + 424 < most ? (uint32_t)offset + 424 : most;
        result = piece(reassembly, 8, (uint32_t)offset, end, end < most, 'a', 1000, &datagram);
    }
    ck_assert_int_eq(result, REASSEMBLE_DONE);
    ck_assert_uint_eq(datagram.length, 65535);
    ck_assert_int_eq(piece(reassembly, 9, most / 424 * 424, most + 1, false, 'a', 1000, &datagram), REASSEMBLE_REFUSED);
    reassembly_free(reassembly);
}
END_TEST

START_TEST(a_datagram_that_is_never_whole_is_given_up)
{
    struct reassembly *reassembly = reassembly_new(on_lost, NULL);
    struct datagram datagram;
    lost_count = 0;
    ck_assert_int_eq(piece(reassembly, 1, 0, 8, true, 'a', 1000, &datagram), REASSEMBLE_HELD);
    uint64_t tag = datagram.tag;
    reassemble_expire(reassembly, 1000 + REASSEMBLE_IPV4_MS - 1);
    ck_assert_uint_eq(lost_count, 0);
    reassemble_expire(reassembly, 1000 + REASSEMBLE_IPV4_MS);
    ck_assert_uint_eq(lost_count, 1);
    ck_assert_uint_eq(lost[0], tag);
    /* More at once than there is room for: the oldest goes. */
    for (uint16_t id = 0; id < REASSEMBLE_DATAGRAMS_MAX + 1; id++)
        ck_assert_int_eq(piece(reassembly, (uint16_t)(100 + id), 0, 8, true, 'a', 2000, &datagram), REASSEMBLE_HELD);
    ck_assert_uint_eq(lost_count, 2);
    ck_assert_uint_eq(lost[1], tag + 1);
    reassembly_free(reassembly);
}
END_TEST

/* ---- what workers tell ---- */

START_TEST(events_come_out_as_they_went_in_and_what_does_not_fit_is_counted)
{
    static struct events events;
    struct event event = {.now_ms = 0};
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < EVENTS_MAX + 10; i++) {
            event.length = round * 100000 + i;
            ck_assert(events_put(&events, &event) == (i < EVENTS_MAX));
        }
        for (unsigned i = 0; i < EVENTS_MAX; i++) {
            ck_assert(events_take(&events, &event));
            ck_assert_uint_eq(event.length, round * 100000 + i);
        }
        ck_assert(!events_take(&events, &event));
    }
    ck_assert_uint_eq(ring_left_out(&events.ring), 30);
}
END_TEST

/* The nth drop has this number everywhere. */
static struct event drop_of(uint32_t n)
{
    return (struct event){.now_ms = n, .generation = n, .identity = n, .verdict = {.rule = n, .connection = n, .parent = n},
                          .src_port = (uint16_t)n, .length = n};
}

static bool is_whole(const struct event *event)
{
    const struct event wanted = drop_of(event->length);
    return event->now_ms == wanted.now_ms && event->generation == wanted.generation && event->identity == wanted.identity &&
           event->verdict.rule == wanted.verdict.rule && event->verdict.connection == wanted.verdict.connection &&
           event->verdict.parent == wanted.verdict.parent && event->src_port == wanted.src_port;
}

START_TEST(the_last_drops_are_kept)
{
    static struct drops drops;
    static struct event events[DROPS_MAX];
    ck_assert_uint_eq(drops_last(&drops, events, DROPS_MAX), 0);
    for (uint32_t n = 0; n < 3 * DROPS_MAX + 5; n++) {
        const struct event event = drop_of(n);
        drops_put(&drops, &event);
        ck_assert_uint_eq(drops_last(&drops, events, 1), 1);
        ck_assert_uint_eq(events[0].length, n);
    }
    ck_assert_uint_eq(drops_last(&drops, events, DROPS_MAX), DROPS_MAX);
    for (uint32_t i = 0; i < DROPS_MAX; i++)
        ck_assert(is_whole(&events[i]) && events[i].length == 3 * DROPS_MAX + 4 - i);
}
END_TEST

struct flood {
    struct drops drops;
    bool over;
};

static void *flood_run(void *argument)
{
    struct flood *flood = argument;
    for (uint32_t n = 0; !__atomic_load_n(&flood->over, __ATOMIC_RELAXED); n++) {
        const struct event event = drop_of(n);
        drops_put(&flood->drops, &event);
    }
    return NULL;
}

#define READINGS 1000

START_TEST(drops_are_read_whole_while_they_are_written)
{
    static struct flood flood;
    static struct event events[DROPS_MAX];
    pthread_t writer;
    uint32_t seen = 0, newest = 0;
    ck_assert_int_eq(pthread_create(&writer, NULL, flood_run, &flood), 0);
    while (__atomic_load_n(&flood.drops.written, __ATOMIC_RELAXED) == 0)
        sched_yield();
    for (unsigned i = 0; i < READINGS; i++) {
        unsigned count = drops_last(&flood.drops, events, DROPS_MAX);
        for (unsigned k = 0; k < count; k++)
            ck_assert(is_whole(&events[k]) && (k == 0 || events[k].length == events[k - 1].length - 1));
        ck_assert(count == 0 || events[0].length >= newest);
        newest = count > 0 ? events[0].length : newest;
        seen += count;
    }
    __atomic_store_n(&flood.over, true, __ATOMIC_RELAXED);
    pthread_join(writer, NULL);
    ck_assert_uint_gt(seen, 0);
}
END_TEST

START_TEST(a_log_rate_lets_so_many_lines_pass)
{
    struct log_meter meter = {0};
    struct rate rate = {5, 1000};
    unsigned passed = 0;
    for (unsigned i = 0; i < 100; i++)
        passed += log_meter_pass(&meter, rate, 10000);
    ck_assert_uint_eq(passed, 5);
    for (unsigned i = 1; i <= 10; i++)
        passed += log_meter_pass(&meter, rate, 10000 + 200 * i);
    ck_assert_uint_eq(passed, 15);
    ck_assert(!log_meter_pass(&meter, rate, 12000));
}
END_TEST

START_TEST(an_event_is_a_line)
{
    static const struct rule rule = {.file = "office.rules", .line = 31, .name = "no-smtp", .action = ACTION_DENY};
    const struct ruleset ruleset = {.rule_count = 1, .rules = &rule};
    struct event event = {
        .verdict = {.action = ACTION_DENY, .state = STATE_NEW, .reason = REASON_RULE, .rule = 0},
        .src_port = 1234, .dst_port = 25, .protocol = PROTOCOL_TCP, .tcp_flags = TCP_SYN, .length = 60,
    };
    char buffer[400];
    struct text text;
    address_from_text("192.0.2.1", &event.src);
    address_from_text("198.51.100.2", &event.dst);
    text_init(&text, buffer, sizeof buffer);
    event_to_text(&text, &event, &ruleset);
    ck_assert_str_eq(buffer,
                     "deny new rule office.rules:31 \"no-smtp\" tcp S 192.0.2.1:1234 > 198.51.100.2:25 length 60");
    event.verdict = (struct verdict){.action = ACTION_DENY, .state = STATE_INVALID, .reason = REASON_TCP_WINDOW,
                                     .rule = RULE_DEFAULT};
    address_from_text("2001:db8::1", &event.src);
    text_init(&text, buffer, sizeof buffer);
    event_to_text(&text, &event, &ruleset);
    ck_assert_str_eq(buffer, "deny invalid tcp-window tcp S [2001:db8::1]:1234 > 198.51.100.2:25 length 60");
}
END_TEST

/* ---- figures ---- */

static void has(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is missing", part);
}

START_TEST(figures_for_monitoring)
{
    static const struct rule rule = {.file = "a\\b.rules", .line = 31, .name = "say \"no\"\n", .identity = 0xab, .action = ACTION_DENY};
    const struct ruleset ruleset = {.rule_count = 1, .rules = &rule, .default_action = ACTION_REJECT};
    const struct rule_counter counters[] = {{.packets = 5, .bytes = UINT64_MAX}, {.packets = 7}};
    const struct queue_view queues[] = {{.number = 3, .in_kernel = true, .waiting = 9, .user_dropped = 2}, {.number = 4}};
    const struct status_view status = {.uptime_ms = 1500, .ruleset = &ruleset, .queues = queues, .queue_count = 2,
                                       .counters = {.action = {[ACTION_DENY] = 12}, .reason = {[REASON_TCP_WINDOW] = 4}},
                                       .fastpath = {NULL, 11, 12, 13, 14, 15, 16}, .trial = {.on = true}};
    char *older = metrics_text(&status, counters, METRICS_PROMETHEUS), *newer = metrics_text(&status, counters, METRICS_OPENMETRICS);
    has(older, "# TYPE spid_rule_bytes_total counter\nspid_rule_bytes_total{rule=\"a\\\\b.rules:31\",id=\"000000ab\","
               "name=\"say \\\"no\\\"\\n\",action=\"deny\"} 18446744073709551615\n"
               "spid_rule_bytes_total{rule=\"default\",action=\"reject\"} 0\n");
    has(newer, "# TYPE spid_rule_bytes counter\n# UNIT spid_rule_bytes bytes\nspid_rule_bytes_total{rule=");
    has(newer, "# UNIT spid_uptime_seconds seconds\nspid_uptime_seconds 1.5\n");
    has(older, "spid_verdicts_total{action=\"deny\"} 12\n");
    has(older, "spid_reasons_total{reason=\"tcp-window\"} 4\n");
    has(older, "spid_fastpath_on 1\n");
    has(older, "spid_fastpath_entries 11\n");
    has(older, "spid_fastpath_entries_limit 12\n");
    has(older, "spid_fastpath_packets_total 13\n");
    has(newer, "# UNIT spid_fastpath_bytes bytes\nspid_fastpath_bytes_total 14\n");
    has(older, "spid_fastpath_entered_total 15\n");
    has(older, "spid_fastpath_full_total 16\n");
    has(older, "spid_ruleset_on_trial 1\n");
    has(older, "spid_ruleset_rolled_back 0\n");
    has(older, "spid_queue_depth{queue=\"3\"} 9\n# HELP");
    has(older, "spid_queue_socket_drops_total{queue=\"3\"} 2\nspid_queue_socket_drops_total{queue=\"4\"} 0\n");
    ck_assert_str_eq(strstr(older, "# EOF"), "# EOF\n");
    ck_assert_str_eq(strstr(newer, "# EOF"), "# EOF\n");
    free(older);
    free(newer);
}
END_TEST

/* ---- requests ---- */

static const char *const bad_requests[] = {"", "nonsense", "{}", "[]", "5", "{\"command\":5}", "{\"command\":\"a\",\"command\":\"b\"}",
                                           "{\"command\":\"status\"", "\xff\xfe", "{\"command\":null}"};

START_TEST(nonsense_is_answered_in_words)
{
    json_t *request, *error;
    const char *command = answer_command(bad_requests[_i], strlen(bad_requests[_i]), &request, &error);
    ck_assert_ptr_null(command);
    ck_assert_ptr_nonnull(error);
    ck_assert(json_is_false(json_object_get(error, "ok")));
    ck_assert(json_string_length(json_object_get(error, "error")) > 20);
    json_decref(error);
    json_decref(request);
}
END_TEST

START_TEST(a_request_names_its_command)
{
    json_t *request, *error;
    static const char line[] = "{\"command\":\"status\"}";
    ck_assert_str_eq(answer_command(line, strlen(line), &request, &error), "status");
    ck_assert_ptr_null(error);
    json_decref(request);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("host");
    TCase *tests = tcase_create("host");
    tcase_add_loop_test(tests, the_hook_is_this_text, 0, COUNT(hooks));
    tcase_add_test(tests, the_gateways_own_chains_go_together);
    tcase_add_test(tests, the_kernel_tells_of_a_queue);
    tcase_add_test(tests, a_netlink_port_has_an_inode);
    tcase_add_loop_test(tests, a_frame_holds_its_packet_there, 0, COUNT(frames));
    tcase_add_loop_test(tests, pieces_become_a_datagram, 0, COUNT(datagrams));
    tcase_add_test(tests, the_largest_datagram);
    tcase_add_test(tests, a_datagram_that_is_never_whole_is_given_up);
    tcase_add_test(tests, events_come_out_as_they_went_in_and_what_does_not_fit_is_counted);
    tcase_add_test(tests, the_last_drops_are_kept);
    tcase_add_test(tests, drops_are_read_whole_while_they_are_written);
    tcase_add_test(tests, a_log_rate_lets_so_many_lines_pass);
    tcase_add_test(tests, an_event_is_a_line);
    tcase_add_test(tests, figures_for_monitoring);
    tcase_add_loop_test(tests, nonsense_is_answered_in_words, 0, COUNT(bad_requests));
    tcase_add_test(tests, a_request_names_its_command);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
