/*
 * Packets quoted by ICMP errors, and the answers to rejected packets, which quote too.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "packet/decode.h"
#include "packet/reply.h"
#include "packet/tuple.h"

#define COUNT(array) (sizeof array / sizeof array[0])

static uint8_t inner[BUILD_BYTES_MAX], outer[BUILD_BYTES_MAX];

#define V4 .src = "192.0.2.1", .dst = "198.51.100.2"
#define V6 .src = "2001:db8::1", .dst = "2001:db8:1::2"
#define TCP .protocol = PROTOCOL_TCP, .src_port = 1234, .dst_port = 80, .flags = TCP_ACK, .seq = 77, .ack = 88
#define UDP .protocol = PROTOCOL_UDP, .src_port = 1234, .dst_port = 53
#define PATCH(offset, size, value) .patches = {{offset, size, value}}

/* An error of a router about the first QUOTED bytes of the packet (0: all of it). */
static void decode_error(struct packet *error, const struct build *build, size_t quoted)
{
    size_t length = build_packet(build, inner);
    bool v4 = strchr(build->src, ':') == NULL;
    struct build about = {
        .src = v4 ? "203.0.113.9" : "2001:db8:9::9",
        .dst = build->src,
        .protocol = v4 ? PROTOCOL_ICMP : PROTOCOL_ICMP6,
        .type = v4 ? 3 : 1,
        .payload = {inner, quoted ? quoted : length},
    };
    length = build_packet(&about, outer);
    ck_assert_int_eq(packet_decode(error, outer, length, length, CHECKSUM_VERIFY), REASON_NONE);
    ck_assert_uint_eq(error->icmp.role, ICMP_ROLE_ERROR);
}

struct quote_case {
    const char *story;
    struct build build;
    size_t quoted; /* bytes; 0: all */
    enum reason reason;
};

static const struct quote_case quote_cases[] = {
    {"all of the packet", {V4, TCP}, 0, REASON_NONE},
    {"RFC 792's least: 8 bytes", {V4, TCP}, 28, REASON_NONE},
    {"one byte short of them", {V4, TCP}, 27, REASON_ICMP_UNRELATED},
    {"half an IP header", {V4, TCP}, 10, REASON_ICMP_UNRELATED},
    {"8 bytes behind options", {V4, TCP, .ip_options = BYTES("\x94\x04\x00\x00")}, 32, REASON_NONE},
    {"7 bytes behind options", {V4, TCP, .ip_options = BYTES("\x94\x04\x00\x00")}, 31, REASON_ICMP_UNRELATED},
    {"8 bytes in IPv6", {V6, UDP}, 48, REASON_NONE},
    {"7 bytes in IPv6", {V6, UDP}, 47, REASON_ICMP_UNRELATED},
    {"8 bytes behind extension headers",
     {V6, UDP, .extension = 60, .ip_options = BYTES("\x11\x00\x01\x04\0\0\0\0")}, 56, REASON_NONE},
    {"7 bytes behind extension headers",
     {V6, UDP, .extension = 60, .ip_options = BYTES("\x11\x00\x01\x04\0\0\0\0")}, 55, REASON_ICMP_UNRELATED},
    {"an extension header that is cut off",
     {V6, UDP, .extension = 60, .ip_options = BYTES("\x11\x00\x01\x04\0\0\0\0")}, 44, REASON_ICMP_UNRELATED},
    {"a quote is shorter than the packet was", {V4, TCP, PATCH(2, 2, 1500)}, 28, REASON_NONE},
    {"its own length ends before the ports", {V4, TCP, PATCH(2, 2, 27)}, 28, REASON_ICMP_UNRELATED},
    {"a first fragment", {V4, UDP, PATCH(6, 2, 0x2000)}, 0, REASON_NONE},
    {"a later fragment", {V4, UDP, PATCH(6, 2, 0x2001)}, 0, REASON_ICMP_UNRELATED},
    {"a first fragment in IPv6",
     {V6, UDP, .extension = 44, .ip_options = BYTES("\x11\0\0\1\0\0\0\1")}, 0, REASON_NONE},
    {"a later fragment in IPv6",
     {V6, UDP, .extension = 44, .ip_options = BYTES("\x11\0\0\x09\0\0\0\1")}, 0, REASON_ICMP_UNRELATED},
    {"no IP packet", {V4, UDP, PATCH(0, 1, 0x55)}, 0, REASON_ICMP_UNRELATED},
    {"an error about an error", {V4, .protocol = PROTOCOL_ICMP, .type = 3}, 0, REASON_ICMP_UNRELATED},
    {"an error about an error in IPv6", {V6, .protocol = PROTOCOL_ICMP6, .type = 4}, 0, REASON_ICMP_UNRELATED},
    {"an error about a ping", {V4, .protocol = PROTOCOL_ICMP, .type = 8}, 0, REASON_NONE},
    {"ICMPv6 in IPv4", {V4, .protocol = PROTOCOL_ICMP6, .type = 128}, 0, REASON_ICMP_UNRELATED},
    {"GRE with its key", {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x20\0\x08\0\1\2\3\4")}, 28, REASON_NONE},
    {"GRE whose key was not quoted",
     {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\xa0\0\x08\0\0\0\0\0\1\2\3\4")}, 28, REASON_ICMP_UNRELATED},
    {"an unknown protocol", {V4, .protocol = 200, .payload = BYTES("12345678")}, 0, REASON_NONE},
};

START_TEST(quotes_are_read_or_refused)
{
    const struct quote_case *c = &quote_cases[_i];
    struct packet error, quoted;
    decode_error(&error, &c->build, c->quoted);
    /* In memory of its own, so that a sanitizer sees the first byte read beyond. */
    uint8_t *exact = malloc(error.captured);
    memcpy(exact, error.bytes, error.captured);
    error.bytes = exact;
    enum reason reason = packet_decode_quote(&quoted, &error);
    ck_assert_msg(reason == c->reason, "%s: %s", c->story, reason_name(reason));
    free(exact);
}
END_TEST

START_TEST(empty_quotes_are_refused)
{
    struct packet error, quoted;
    decode_error(&error, &(struct build){V4, UDP}, 0);
    error.captured = error.icmp.quote_offset;
    ck_assert_int_eq(packet_decode_quote(&quoted, &error), REASON_ICMP_UNRELATED);
}
END_TEST

START_TEST(quoted_tcp_names_its_connection)
{
    struct packet error, quoted;
    decode_error(&error, &(struct build){V4, TCP}, 28);
    ck_assert_int_eq(packet_decode_quote(&quoted, &error), REASON_NONE);
    ck_assert(address_equal(quoted.src, address_v4(0xc0000201)));
    ck_assert(address_equal(quoted.dst, address_v4(0xc6336402)));
    ck_assert_uint_eq(quoted.protocol, PROTOCOL_TCP);
    ck_assert_uint_eq(quoted.src_port, 1234);
    ck_assert_uint_eq(quoted.dst_port, 80);
    ck_assert_uint_eq(quoted.tcp.seq, 77);
    ck_assert_uint_eq(quoted.tcp.flags, 0);
    decode_error(&error, &(struct build){V4, TCP}, 34);
    ck_assert_int_eq(packet_decode_quote(&quoted, &error), REASON_NONE);
    ck_assert_uint_eq(quoted.tcp.ack, 88);
    ck_assert_uint_eq(quoted.tcp.flags, TCP_ACK);
}
END_TEST

/* The tuple of what is quoted is the tuple of the packet itself. */
static const struct build quoted_packets[] = {
    {V4, TCP},
    {V6, UDP, .extension = 60, .ip_options = BYTES("\x11\x00\x01\x04\0\0\0\0")},
    {V4, .protocol = PROTOCOL_ICMP, .type = 8, .id = 7},
    {V6, .protocol = PROTOCOL_ICMP6, .type = 129, .id = 7},
    {V4, .protocol = PROTOCOL_SCTP, .src_port = 1, .dst_port = 2, .payload = BYTES("\0\3\0\4")},
    {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x20\0\x08\0\1\2\3\4")},
    {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x20\1\x88\x0b\0\0\3\4")},
    {V4, .protocol = PROTOCOL_ESP, .payload = BYTES("\0\0\1\1\0\0\0\1")},
    {V4, .protocol = PROTOCOL_AH, .payload = BYTES("\x06\1\0\0\0\0\1\0\0\0\0\1")},
};

START_TEST(quoted_and_original_have_one_tuple)
{
    struct packet error, quoted, original;
    struct tuple of_quoted, of_original;
    decode_error(&error, &quoted_packets[_i], 0);
    ck_assert_int_eq(packet_decode_quote(&quoted, &error), REASON_NONE);
    size_t length = build_packet(&quoted_packets[_i], inner);
    ck_assert_int_eq(packet_decode(&original, inner, length, length, CHECKSUM_VERIFY), REASON_NONE);
    ck_assert_int_eq(tuple_of(&of_quoted, &quoted), tuple_of(&of_original, &original));
    ck_assert(tuple_equal(&of_quoted, &of_original));
}
END_TEST

static enum reply_kind reply_to(const struct build *build, uint8_t *reply, size_t *length)
{
    struct packet packet;
    size_t built = build_packet(build, inner);
    ck_assert_int_eq(packet_decode(&packet, inner, built, built, CHECKSUM_VERIFY), REASON_NONE);
    return reply_build(&packet, reply, length);
}

struct rst_case {
    const char *story;
    struct build build;
    uint32_t seq, ack;
    uint8_t flags;
};

#define SEGMENT(segment_flags) .protocol = PROTOCOL_TCP, .src_port = 1234, .dst_port = 80, .flags = segment_flags
#define HELLO .payload = BYTES("hello")

static const struct rst_case rst_cases[] = {
    {"a SYN", {V4, SEGMENT(TCP_SYN), .seq = 1000}, 0, 1001, TCP_RST | TCP_ACK},
    {"a SYN in IPv6", {V6, SEGMENT(TCP_SYN), .seq = 1000}, 0, 1001, TCP_RST | TCP_ACK},
    {"a SYN with data", {V4, SEGMENT(TCP_SYN), .seq = 1000, HELLO}, 0, 1006, TCP_RST | TCP_ACK},
    {"a SYN at the turn of the numbers", {V4, SEGMENT(TCP_SYN), .seq = UINT32_MAX}, 0, 0, TCP_RST | TCP_ACK},
    {"a FIN without ACK", {V4, SEGMENT(TCP_FIN), .seq = 1000, HELLO}, 0, 1006, TCP_RST | TCP_ACK},
    {"a SYN+ACK", {V4, SEGMENT(TCP_SYN | TCP_ACK), .seq = 1000, .ack = 2000}, 2000, 0, TCP_RST},
    {"data", {V6, SEGMENT(TCP_ACK), .seq = 1000, .ack = 2000, HELLO}, 2000, 0, TCP_RST},
    {"behind options",
     {V4, SEGMENT(TCP_SYN), .seq = 1000, .ip_options = BYTES("\x94\x04\x00\x00")}, 0, 1001, TCP_RST | TCP_ACK},
};

START_TEST(rst_has_the_numbers_of_rfc_9293)
{
    const struct rst_case *c = &rst_cases[_i];
    uint8_t *reply = malloc(REPLY_BYTES_MAX);
    size_t length;
    ck_assert_msg(reply_to(&c->build, reply, &length) == REPLY_RST, "%s", c->story);
    struct packet rst, packet;
    enum reason reason = packet_decode(&rst, reply, length, length, CHECKSUM_VERIFY);
    ck_assert_msg(reason == REASON_NONE, "%s: %s", c->story, reason_name(reason));
    size_t built = build_packet(&c->build, inner);
    packet_decode(&packet, inner, built, built, CHECKSUM_VERIFY);
    ck_assert(address_equal(rst.src, packet.dst) && address_equal(rst.dst, packet.src));
    ck_assert_uint_eq(rst.src_port, 80);
    ck_assert_uint_eq(rst.dst_port, 1234);
    ck_assert_uint_eq(rst.hop_limit, 64);
    ck_assert_uint_eq(rst.length, length);
    ck_assert_uint_eq(rst.payload_length, 0);
    ck_assert_msg(rst.tcp.seq == c->seq && rst.tcp.ack == c->ack, "%s: seq %u ack %u", c->story, rst.tcp.seq,
                  rst.tcp.ack);
    ck_assert_uint_eq(rst.tcp.flags, c->flags);
    free(reply);
}
END_TEST

static const struct {
    const char *story;
    struct build build;
} silent_cases[] = {
    {"a RST", {V4, SEGMENT(TCP_RST)}},
    {"a RST+ACK in IPv6", {V6, SEGMENT(TCP_RST | TCP_ACK)}},
    {"an ICMP error", {V4, .protocol = PROTOCOL_ICMP, .type = 11}},
    {"a redirect", {V4, .protocol = PROTOCOL_ICMP, .type = 5}},
    {"an ICMPv6 error", {V6, .protocol = PROTOCOL_ICMP6, .type = 2}},
    {"an ICMPv6 error of an unknown type", {V6, .protocol = PROTOCOL_ICMP6, .type = 127}},
    {"an ICMPv6 redirect", {V6, .protocol = PROTOCOL_ICMP6, .type = 137}},
    {"multicast", {.src = "192.0.2.1", .dst = "224.0.0.251", UDP}},
    {"broadcast", {.src = "192.0.2.1", .dst = "255.255.255.255", UDP}},
    {"multicast in IPv6", {.src = "fe80::1", .dst = "ff02::fb", UDP}},
    {"no source", {.src = "0.0.0.0", .dst = "192.0.2.1", UDP}},
    {"no source in IPv6", {.src = "::", .dst = "2001:db8::1", UDP}},
};

START_TEST(nothing_is_sent_about)
{
    uint8_t reply[REPLY_BYTES_MAX];
    size_t length = 1;
    ck_assert_msg(reply_to(&silent_cases[_i].build, reply, &length) == REPLY_NONE, "%s", silent_cases[_i].story);
    ck_assert_uint_eq(length, 0);
}
END_TEST

static const uint8_t zeros[3000];

static const struct {
    const char *story;
    struct build build;
    size_t length;     /* of the ICMP message */
    uint8_t type, code;
} error_cases[] = {
    {"a small datagram is quoted whole", {V4, UDP, HELLO}, 8 + 33, 3, 13},
    {"548 bytes are", {V4, UDP, .payload = {zeros, 520}}, 8 + 548, 3, 13},
    {"a large one is cut, so that the error has 576 bytes", {V4, UDP, .payload = {zeros, 3000}}, 576 - 20, 3, 13},
    {"a small one in IPv6", {V6, UDP, HELLO}, 8 + 53, 1, 1},
    {"a large one in IPv6, 1280 bytes", {V6, UDP, .payload = {zeros, 3000}}, 1280 - 40, 1, 1},
    {"a ping", {V4, .protocol = PROTOCOL_ICMP, .type = 8}, 8 + 28, 3, 13},
    {"an association", {V4, .protocol = PROTOCOL_SCTP, .payload = BYTES("\0\3\0\4")}, 8 + 36, 3, 13},
};

/* The message behind an IP header, as its sender puts it there. */
START_TEST(errors_quote_what_fits)
{
    uint8_t *reply = malloc(REPLY_BYTES_MAX);
    size_t length;
    ck_assert_int_eq(reply_to(&error_cases[_i].build, reply, &length), REPLY_ICMP);
    ck_assert_msg(length == error_cases[_i].length, "%s: %zu", error_cases[_i].story, length);
    bool v4 = error_cases[_i].type == 3;
    struct build carrier = {
        .src = v4 ? "203.0.113.9" : "2001:db8:9::9",
        .dst = error_cases[_i].build.src,
        .protocol = 200,
        .payload = {reply, length},
        .patches = {{v4 ? 9 : 6, 1, v4 ? PROTOCOL_ICMP : PROTOCOL_ICMP6}},
    };
    size_t built = build_packet(&carrier, outer);
    struct packet error, quoted;
    /* ICMPv6's checksum needs the sender's address, and is left to him. */
    ck_assert_int_eq(packet_decode(&error, outer, built, built, v4 ? CHECKSUM_VERIFY : CHECKSUM_UNFILLED),
                     REASON_NONE);
    ck_assert_uint_eq(error.icmp.role, ICMP_ROLE_ERROR);
    ck_assert_uint_eq(error.icmp.type, error_cases[_i].type);
    ck_assert_uint_eq(error.icmp.code, error_cases[_i].code);
    ck_assert_int_eq(packet_decode_quote(&quoted, &error), REASON_NONE);
    ck_assert_uint_eq(quoted.protocol, error_cases[_i].build.protocol);
    ck_assert_mem_eq(quoted.bytes, inner, length - 8);
    free(reply);
}
END_TEST

int main(void)
{
    TCase *quote = tcase_create("quote");
    tcase_add_loop_test(quote, quotes_are_read_or_refused, 0, COUNT(quote_cases));
    tcase_add_test(quote, empty_quotes_are_refused);
    tcase_add_test(quote, quoted_tcp_names_its_connection);
    tcase_add_loop_test(quote, quoted_and_original_have_one_tuple, 0, COUNT(quoted_packets));
    TCase *reply = tcase_create("reply");
    tcase_add_loop_test(reply, rst_has_the_numbers_of_rfc_9293, 0, COUNT(rst_cases));
    tcase_add_loop_test(reply, nothing_is_sent_about, 0, COUNT(silent_cases));
    tcase_add_loop_test(reply, errors_quote_what_fits, 0, COUNT(error_cases));
    Suite *suite = suite_create("packet_quote");
    suite_add_tcase(suite, quote);
    suite_add_tcase(suite, reply);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
