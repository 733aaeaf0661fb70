/*
 * Addresses, checksums and tuples.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "build.h"
#include "packet/checksum.h"
#include "packet/decode.h"
#include "packet/tuple.h"

#define COUNT(array) (sizeof array / sizeof array[0])

struct text_case {
    const char *in;
    const char *out; /* NULL: refused */
};

static const struct text_case text_cases[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"0.0.0.0", "0.0.0.0"},
    {"255.255.255.255", "255.255.255.255"},
    {"::", "::"},
    {"::1", "::1"},
    {"1::", "1::"},
    {"::1:0", "::1:0"},
    {"2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
    /* RFC 5952, 4.2.2: a single zero group is not shortened. */
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
    /* 4.2.3: the longest run, and the first of equal ones. */
    {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
    {"0:0:1:2:3:4:0:0", "::1:2:3:4:0:0"},
    {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
    {"64:ff9b::192.0.2.1", "64:ff9b::c000:201"},
    {"::ffff:192.0.2.1", NULL},
    {"::ffff:c000:201", NULL},
    {"192.0.2", NULL},
    {"192.0.2.256", NULL},
    {"192.0.2.1 ", NULL},
    {"2001:db8", NULL},
    {"1::2::3", NULL},
    {"fe80::1%eth0", NULL},
    {"", NULL},
};

START_TEST(address_text)
{
    const struct text_case *c = &text_cases[_i];
    struct address address;
    bool understood = address_from_text(c->in, &address);
    ck_assert_msg(understood == (c->out != NULL), "%s", c->in);
    if (!understood)
        return;
    char data[64];
    struct text text;
    text_init(&text, data, sizeof data);
    address_to_text(&text, address);
    ck_assert_str_eq(data, c->out);
}
END_TEST

static struct address address_of(const char *text)
{
    struct address address;
    ck_assert_msg(address_from_text(text, &address), "%s", text);
    return address;
}

struct prefix_case {
    const char *base;
    unsigned bits;
    const char *first, *last;
};

static const struct prefix_case prefix_cases[] = {
    {"192.0.2.77", 24, "192.0.2.0", "192.0.2.255"},
    {"192.0.2.77", 32, "192.0.2.77", "192.0.2.77"},
    {"192.0.2.77", 31, "192.0.2.76", "192.0.2.77"},
    {"192.0.2.77", 0, "0.0.0.0", "255.255.255.255"},
    {"2001:db8::1", 32, "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"2001:db8::1", 63, "2001:db8::", "2001:db8:0:1:ffff:ffff:ffff:ffff"},
    {"2001:db8::1", 64, "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"},
    {"2001:db8::1", 65, "2001:db8::", "2001:db8::7fff:ffff:ffff:ffff"},
    {"2001:db8::1", 128, "2001:db8::1", "2001:db8::1"},
    {"2001:db8::1", 0, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
};

START_TEST(address_prefixes)
{
    const struct prefix_case *c = &prefix_cases[_i];
    struct address_range range = address_prefix(address_of(c->base), c->bits);
    ck_assert_msg(address_equal(range.first, address_of(c->first)), "%s/%u", c->base, c->bits);
    ck_assert_msg(address_equal(range.last, address_of(c->last)), "%s/%u", c->base, c->bits);
}
END_TEST

START_TEST(address_neighbours)
{
    struct address low = address_of("2001:db8:0:0:ffff:ffff:ffff:ffff"), high = address_of("2001:db8:0:1::");
    ck_assert(address_equal(address_next(low), high));
    ck_assert(address_equal(address_previous(high), low));
    ck_assert_int_lt(address_compare(low, high), 0);
    ck_assert_int_gt(address_compare(high, low), 0);
    ck_assert_int_eq(address_compare(high, high), 0);
    ck_assert_int_lt(address_compare(address_of("::2"), address_of("::3")), 0);
    struct address last = address_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    ck_assert(address_equal(address_next(last), address_of("::")));
    ck_assert(address_equal(address_previous(address_of("::")), last));
}
END_TEST

START_TEST(address_as_bytes)
{
    static const uint8_t expected[16] = {0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    uint8_t bytes[16];
    address_bytes(address_of("2001:db8:102:304:506:708:90a:b0c"), bytes);
    ck_assert_mem_eq(bytes, expected, 16);
    ck_assert(address_equal(address_v6(bytes), address_of("2001:db8:102:304:506:708:90a:b0c")));
    address_bytes(address_of("192.0.2.1"), bytes);
    ck_assert_mem_eq(bytes, mapped, 16);
}
END_TEST

START_TEST(address_groups)
{
    static const char *const groups[] = {"224.0.0.0", "239.255.255.255", "255.255.255.255", "ff00::", "ff02::1"};
    static const char *const hosts[] = {"223.255.255.255", "240.0.0.1", "255.255.255.254", "192.0.2.255", "0.0.0.0",
                                        "fe80::1", "feff::", "::"};
    for (size_t i = 0; i < COUNT(groups); i++)
        ck_assert_msg(address_is_group(address_of(groups[i])), "%s", groups[i]);
    for (size_t i = 0; i < COUNT(hosts); i++)
        ck_assert_msg(!address_is_group(address_of(hosts[i])), "%s", hosts[i]);
}
END_TEST

/* RFC 1071, section 3. */
START_TEST(checksum_of_rfc_1071)
{
    static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    ck_assert_uint_eq(checksum_add(0, bytes, sizeof bytes), 0xddf2);
    ck_assert_uint_eq(checksum_fold(0xddf2), 0x220d);
    ck_assert_uint_eq(checksum_add(checksum_add(0, bytes, 2), bytes + 2, 6), 0xddf2);
}
END_TEST

/* The words of 64 bits against the definition, for every length and place in memory, carries included. */
START_TEST(checksum_agrees_with_its_definition)
{
    uint8_t bytes[96];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i % 7 == 0 ? i * 31 : 0xff);
    for (size_t from = 0; from < 9; from++) {
        for (size_t length = 0; from + length <= sizeof bytes; length++) {
            uint32_t sum = 0x1234;
            for (size_t i = 0; i < length; i++)
                sum += i % 2 ? bytes[from + i] : (uint32_t)bytes[from + i] << 8;
            while (sum > 0xffff)
                sum = (sum & 0xffff) + (sum >> 16);
            ck_assert_uint_eq(checksum_fold(checksum_add(0x1234, bytes + from, length)), (uint16_t)~sum);
        }
    }
}
END_TEST

START_TEST(checksum_carries_in_large_packets)
{
    static uint8_t bytes[65536];
    memset(bytes, 0xff, sizeof bytes);
    ck_assert_uint_eq(checksum_fold(checksum_add(0, bytes, sizeof bytes)), 0);
    bytes[65535] = 0xfe;
    ck_assert_uint_eq(checksum_fold(checksum_add(0, bytes, sizeof bytes)), 1);
    ck_assert_uint_eq(checksum_fold(checksum_add(UINT32_MAX, bytes, sizeof bytes)), 1);
}
END_TEST

/* RFC 3720, B.4, and the check value that catalogues of CRCs give. */
START_TEST(crc32c_of_rfc_3720)
{
    uint8_t bytes[32];
    memset(bytes, 0, sizeof bytes);
    ck_assert_uint_eq(crc32c(0, bytes, sizeof bytes), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    ck_assert_uint_eq(crc32c(0, bytes, sizeof bytes), 0x62a8ab43);
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    ck_assert_uint_eq(crc32c(0, bytes, sizeof bytes), 0x46dd794e);
    ck_assert_uint_eq(crc32c(crc32c(0, bytes, 5), bytes + 5, 27), 0x46dd794e);
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(31 - i);
    ck_assert_uint_eq(crc32c(0, bytes, sizeof bytes), 0x113fdb5c);
    ck_assert_uint_eq(crc32c(0, (const uint8_t *)"123456789", 9), 0xe3069283);
    ck_assert_uint_eq(crc32c(0, bytes, 0), 0);
}
END_TEST

/* A packet and its answer. Each pair makes one tuple, seen from opposite sides. */
struct mirror_case {
    const char *story;
    struct build there, back;
};

#define A "192.0.2.1"
#define B "198.51.100.2"
#define A6 "2001:db8::1"
#define B6 "2001:db8:1::1"
#define THERE .src = A, .dst = B
#define BACK .src = B, .dst = A
#define PORTS(from, to) .src_port = from, .dst_port = to
#define CHUNK .payload = BYTES("\x00\x03\x00\x04")
#define GRE_WITH(bytes) .protocol = PROTOCOL_GRE, .payload = BYTES(bytes)

static const struct mirror_case mirror_cases[] = {
    {"TCP", {THERE, .protocol = PROTOCOL_TCP, PORTS(1234, 80)}, {BACK, .protocol = PROTOCOL_TCP, PORTS(80, 1234)}},
    {"UDP in IPv6",
     {.src = A6, .dst = B6, .protocol = PROTOCOL_UDP, PORTS(53, 53)},
     {.src = B6, .dst = A6, .protocol = PROTOCOL_UDP, PORTS(53, 53)}},
    {"SCTP",
     {THERE, .protocol = PROTOCOL_SCTP, PORTS(5, 6), CHUNK},
     {BACK, .protocol = PROTOCOL_SCTP, PORTS(6, 5), CHUNK}},
    {"a host that speaks with itself",
     {.src = A, .dst = A, .protocol = PROTOCOL_TCP, PORTS(1234, 80)},
     {.src = A, .dst = A, .protocol = PROTOCOL_TCP, PORTS(80, 1234)}},
    {"echo", {THERE, .protocol = PROTOCOL_ICMP, .type = 8, .id = 7}, {BACK, .protocol = PROTOCOL_ICMP, .id = 7}},
    {"echo, asked from the high end",
     {BACK, .protocol = PROTOCOL_ICMP, .type = 8, .id = 7},
     {THERE, .protocol = PROTOCOL_ICMP, .id = 7}},
    {"echo in IPv6",
     {.src = A6, .dst = B6, .protocol = PROTOCOL_ICMP6, .type = 128, .id = 7},
     {.src = B6, .dst = A6, .protocol = PROTOCOL_ICMP6, .type = 129, .id = 7}},
    {"timestamps",
     {THERE, .protocol = PROTOCOL_ICMP, .type = 13, .id = 7},
     {BACK, .protocol = PROTOCOL_ICMP, .type = 14, .id = 7}},
    {"a host that pings itself",
     {.src = A, .dst = A, .protocol = PROTOCOL_ICMP, .type = 8, .id = 7},
     {.src = A, .dst = A, .protocol = PROTOCOL_ICMP, .id = 7}},
    {"GRE with a key", {THERE, GRE_WITH("\x20\0\x08\0\1\2\3\4")}, {BACK, GRE_WITH("\x20\0\x08\0\1\2\3\4")}},
    {"PPTP, whose call ids differ",
     {THERE, GRE_WITH("\x20\1\x88\x0b\0\0\0\1")},
     {BACK, GRE_WITH("\x20\1\x88\x0b\0\0\0\2")}},
    {"ESP, whose SPIs differ",
     {THERE, .protocol = PROTOCOL_ESP, .payload = BYTES("\0\0\1\1\0\0\0\1")},
     {BACK, .protocol = PROTOCOL_ESP, .payload = BYTES("\0\0\2\2\0\0\0\1")}},
    {"a protocol without ports", {THERE, .protocol = 200}, {BACK, .protocol = 200}},
};

static enum side side_of(struct tuple *tuple, const struct build *build)
{
    static uint8_t bytes[BUILD_BYTES_MAX];
    struct packet packet;
    size_t length = build_packet(build, bytes);
    ck_assert_int_eq(packet_decode(&packet, bytes, length, length, CHECKSUM_VERIFY), REASON_NONE);
    memset(tuple, 0xee, sizeof *tuple);
    return tuple_of(tuple, &packet);
}

START_TEST(tuple_is_the_same_from_both_sides)
{
    const struct mirror_case *c = &mirror_cases[_i];
    struct tuple there, back;
    enum side side_there = side_of(&there, &c->there), side_back = side_of(&back, &c->back);
    ck_assert_msg(tuple_equal(&there, &back), "%s", c->story);
    ck_assert_msg(side_there == side_other(side_back), "%s", c->story);
    ck_assert_msg(address_compare(there.low, there.high) <= 0, "%s", c->story);
}
END_TEST

/* Pairs that look alike and are two connections. */
static const struct mirror_case stranger_cases[] = {
    {"both ends ping each other with the same id",
     {THERE, .protocol = PROTOCOL_ICMP, .type = 8, .id = 7},
     {BACK, .protocol = PROTOCOL_ICMP, .type = 8, .id = 7}},
    {"two ids",
     {THERE, .protocol = PROTOCOL_ICMP, .type = 8, .id = 7},
     {THERE, .protocol = PROTOCOL_ICMP, .type = 8, .id = 8}},
    {"an echo and a timestamp reply",
     {THERE, .protocol = PROTOCOL_ICMP, .type = 8, .id = 7},
     {BACK, .protocol = PROTOCOL_ICMP, .type = 14, .id = 7}},
    {"the same ports the other way round",
     {THERE, .protocol = PROTOCOL_TCP, PORTS(1, 2)},
     {THERE, .protocol = PROTOCOL_TCP, PORTS(2, 1)}},
    {"TCP and UDP", {THERE, .protocol = PROTOCOL_TCP, PORTS(1, 2)}, {THERE, .protocol = PROTOCOL_UDP, PORTS(1, 2)}},
    {"two GRE keys, upper half", {THERE, GRE_WITH("\x20\0\x08\0\1\2\3\4")}, {BACK, GRE_WITH("\x20\0\x08\0\1\3\3\4")}},
    {"two GRE keys, lower half", {THERE, GRE_WITH("\x20\0\x08\0\1\2\3\4")}, {BACK, GRE_WITH("\x20\0\x08\0\1\2\3\5")}},
};

START_TEST(tuples_of_strangers_differ)
{
    const struct mirror_case *c = &stranger_cases[_i];
    struct tuple one, other;
    side_of(&one, &c->there);
    side_of(&other, &c->back);
    ck_assert_msg(!tuple_equal(&one, &other), "%s", c->story);
}
END_TEST

/* Each direction of a PPTP call by itself: the id at the end that receives. */
START_TEST(directions_of_a_call_are_told_apart)
{
    static const struct build builds[] = {
        {THERE, GRE_WITH("\x20\1\x88\x0b\0\0\0\1")},
        {BACK, GRE_WITH("\x20\1\x88\x0b\0\0\0\1")},
        {THERE, GRE_WITH("\x20\1\x88\x0b\0\0\0\2")},
        {THERE, GRE_WITH("\x20\1\x88\x0b\0\0\0\0")},
        {THERE, GRE_WITH("\x20\0\x88\x0b\0\0\0\1")},
    };
    struct tuple tuples[5], plain;
    uint8_t bytes[BUILD_BYTES_MAX];
    for (unsigned i = 0; i < 5; i++) {
        struct packet packet;
        size_t length = build_packet(&builds[i], bytes);
        ck_assert_int_eq(packet_decode(&packet, bytes, length, length, CHECKSUM_VERIFY), REASON_NONE);
        enum side plain_side = tuple_of(&plain, &packet);
        tuples[i] = plain;
        if (packet_has_call(&packet)) {
            ck_assert_int_eq(tuple_of_call(&tuples[i], &packet), plain_side);
            ck_assert(!tuple_equal(&tuples[i], &plain));
        }
        for (unsigned k = 0; k < i; k++)
            ck_assert(!tuple_equal(&tuples[i], &tuples[k]));
    }
    ck_assert_uint_eq(tuples[0].low_port, 0);
    ck_assert_uint_eq(tuples[0].high_port, 1);
    ck_assert_uint_eq(tuples[1].low_port, 1);
    ck_assert_uint_eq(tuples[1].high_port, 0);
}
END_TEST

int main(void)
{
    TCase *address = tcase_create("address");
    tcase_add_loop_test(address, address_text, 0, COUNT(text_cases));
    tcase_add_loop_test(address, address_prefixes, 0, COUNT(prefix_cases));
    tcase_add_test(address, address_neighbours);
    tcase_add_test(address, address_as_bytes);
    tcase_add_test(address, address_groups);
    TCase *checksum = tcase_create("checksum");
    tcase_add_test(checksum, checksum_of_rfc_1071);
    tcase_add_test(checksum, checksum_agrees_with_its_definition);
    tcase_add_test(checksum, checksum_carries_in_large_packets);
    tcase_add_test(checksum, crc32c_of_rfc_3720);
    TCase *tuple = tcase_create("tuple");
    tcase_add_loop_test(tuple, tuple_is_the_same_from_both_sides, 0, COUNT(mirror_cases));
    tcase_add_loop_test(tuple, tuples_of_strangers_differ, 0, COUNT(stranger_cases));
    tcase_add_test(tuple, directions_of_a_call_are_told_apart);
    Suite *suite = suite_create("packet");
    suite_add_tcase(suite, address);
    suite_add_tcase(suite, checksum);
    suite_add_tcase(suite, tuple);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
