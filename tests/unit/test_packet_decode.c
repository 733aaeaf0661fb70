/*
 * Decoding: each reason with the packets that earn it and their neighbours that do not, and each protocol's fields.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "packet/decode.h"

static uint8_t bytes[BUILD_BYTES_MAX];

#define V4 .src = "192.0.2.1", .dst = "198.51.100.2"
#define V6 .src = "2001:db8::1", .dst = "2001:db8:ffff::2"
#define TCP .protocol = PROTOCOL_TCP, .src_port = 1234, .dst_port = 80, .flags = TCP_ACK
#define UDP .protocol = PROTOCOL_UDP, .src_port = 1234, .dst_port = 53
#define PING .protocol = PROTOCOL_ICMP, .type = 8, .id = 7
#define PING6 .protocol = PROTOCOL_ICMP6, .type = 128, .id = 7
#define SCTP .protocol = PROTOCOL_SCTP, .src_port = 1234, .dst_port = 2905, .seq = 99
#define OTHER .protocol = 200
#define HELLO .payload = BYTES("hello")
#define PATCH(offset, size, value) .patches = {{offset, size, value}}
#define EXTENSION(number, chain) .extension = number, .ip_options = BYTES(chain)

/* A destination header of 8 bytes, all padding, before NEXT. */
#define DESTINATION(next) next "\x00\x01\x04\x00\x00\x00\x00"
#define DEST "\x3c"
#define IS_UDP "\x11"
#define IS_TCP "\x06"

struct decode_case {
    const char *story;
    struct build build;
    size_t captured;   /* this many bytes are at hand; 0: all */
    int on_wire;       /* bytes more (padding) or less on the wire than built */
    uint16_t spoil;    /* a bit of this byte flips after the checksums were computed; 0: none */
    enum checksum_status status;
    enum reason reason;
};

static const struct decode_case cases[] = {
    /* IPv4 */
    {"a plain segment", {V4, TCP, HELLO}, .reason = REASON_NONE},
    {"Ethernet pads a short frame: ignored", {V4, TCP}, .on_wire = 6, .reason = REASON_NONE},
    {"one byte fewer on the wire than the header says", {V4, TCP, HELLO}, .on_wire = -1, .reason = REASON_TRUNCATED},
    {"the IP header is not all there", {V4, TCP}, .captured = 19, .reason = REASON_TRUNCATED},
    {"a capture with a short snap length keeps the headers", {V4, TCP, HELLO}, .captured = 40, .reason = REASON_NONE},
    {"version 5", {V4, TCP, PATCH(0, 1, 0x55)}, .reason = REASON_BAD_HEADER},
    {"a header length below 20", {V4, TCP, PATCH(0, 1, 0x44)}, .reason = REASON_BAD_HEADER},
    {"a header length beyond the total length", {V4, TCP, PATCH(0, 1, 0x4f)}, .reason = REASON_BAD_HEADER},
    {"a total length below the header's", {V4, TCP, PATCH(2, 2, 19)}, .reason = REASON_BAD_HEADER},
    {"a total length of 0", {V4, TCP, PATCH(2, 2, 0)}, .reason = REASON_BAD_HEADER},
    {"the total length leaves no room for a TCP header", {V4, TCP, PATCH(2, 2, 39)}, .reason = REASON_TRUNCATED},
    {"a bit of the IPv4 header fell over", {V4, TCP}, .spoil = 8, .reason = REASON_BAD_CHECKSUM},
    {"... also where the card vouches for the transport", {V4, TCP}, .spoil = 8, .status = CHECKSUM_GOOD,
     .reason = REASON_BAD_CHECKSUM},
    {"... but not where checksums are not filled in", {V4, TCP}, .spoil = 8, .status = CHECKSUM_UNFILLED,
     .reason = REASON_NONE},
    {"router alert", {V4, UDP, .ip_options = BYTES("\x94\x04\x00\x00")}, .reason = REASON_NONE},
    {"NOP and end of options, garbage behind", {V4, UDP, .ip_options = BYTES("\x01\x00\xff\xff")},
     .reason = REASON_NONE},
    {"an option of length 0", {V4, UDP, .ip_options = BYTES("\x94\x00\x00\x00")}, .reason = REASON_BAD_HEADER},
    {"an option of length 1", {V4, UDP, .ip_options = BYTES("\x94\x01\x00\x00")}, .reason = REASON_BAD_HEADER},
    {"an option beyond the header", {V4, UDP, .ip_options = BYTES("\x94\x05\x00\x00")}, .reason = REASON_BAD_HEADER},
    {"an option without its length", {V4, UDP, .ip_options = BYTES("\x01\x01\x01\x94")}, .reason = REASON_BAD_HEADER},
    {"the options are not all at hand", {V4, UDP, .ip_options = BYTES("\x01\x01\x01\x01")}, .captured = 23,
     .reason = REASON_TRUNCATED},
    {"a first fragment", {V4, UDP, PATCH(6, 2, 0x2000)}, .reason = REASON_BAD_FRAGMENT},
    {"a last fragment", {V4, UDP, PATCH(6, 2, 0x0001)}, .reason = REASON_BAD_FRAGMENT},
    {"ICMPv6 in IPv4", {V4, PING6}, .reason = REASON_BAD_HEADER},
    {"a multicast source", {.src = "224.0.0.1", .dst = "192.0.2.1", UDP}, .reason = REASON_BAD_HEADER},
    {"a broadcast source", {.src = "255.255.255.255", .dst = "192.0.2.1", UDP}, .reason = REASON_BAD_HEADER},
    {"a multicast destination", {.src = "192.0.2.1", .dst = "224.0.0.1", UDP}, .reason = REASON_NONE},
    {"no source yet (DHCP)", {.src = "0.0.0.0", .dst = "255.255.255.255", UDP}, .reason = REASON_NONE},

    /* IPv6 */
    {"a plain segment in IPv6", {V6, TCP, HELLO}, .reason = REASON_NONE},
    {"the IPv6 header is not all there", {V6, TCP}, .captured = 39, .reason = REASON_TRUNCATED},
    {"one byte fewer on the wire than IPv6 says", {V6, TCP, HELLO}, .on_wire = -1, .reason = REASON_TRUNCATED},
    {"padding behind IPv6", {V6, TCP}, .on_wire = 4, .reason = REASON_NONE},
    {"an IPv6 payload of 0 bytes for TCP", {V6, TCP, PATCH(4, 2, 0)}, .reason = REASON_TRUNCATED},
    {"a jumbogram", {V6, UDP, EXTENSION(0, IS_UDP "\x00\xc2\x04\x00\x01\x00\x00"), PATCH(4, 2, 0)},
     .reason = REASON_BAD_HEADER},
    {"a jumbo payload beside a payload length", {V6, UDP, EXTENSION(0, IS_UDP "\x00\xc2\x04\x00\x01\x00\x00")},
     .reason = REASON_BAD_HEADER},
    {"ICMP in IPv6", {V6, PING}, .reason = REASON_BAD_HEADER},
    {"a multicast source in IPv6", {.src = "ff02::1", .dst = "fe80::1", UDP}, .reason = REASON_BAD_HEADER},
    {"a mapped source", {.src = "::ffff:192.0.2.1", .dst = "2001:db8::1", UDP}, .reason = REASON_BAD_HEADER},
    {"a mapped destination", {.src = "2001:db8::1", .dst = "::ffff:192.0.2.1", UDP}, .reason = REASON_BAD_HEADER},
    {"the unspecified source of neighbour discovery", {.src = "::", .dst = "ff02::1", PING6}, .reason = REASON_NONE},
    {"hop-by-hop options", {V6, UDP, EXTENSION(0, DESTINATION(IS_UDP))}, .reason = REASON_NONE},
    {"hop-by-hop options in second place", {V6, UDP, EXTENSION(60, DESTINATION("\x00") DESTINATION(IS_UDP))},
     .reason = REASON_BAD_HEADER},
    {"padding of single bytes", {V6, UDP, EXTENSION(60, IS_UDP "\x00\x00\x00\x00\x00\x00\x00")},
     .reason = REASON_NONE},
    {"an IPv6 option beyond its header", {V6, UDP, EXTENSION(60, IS_UDP "\x00\x01\x05\x00\x00\x00\x00")},
     .reason = REASON_BAD_HEADER},
    {"an IPv6 option without its length", {V6, UDP, EXTENSION(60, IS_UDP "\x00\x00\x00\x00\x00\x00\x05")},
     .reason = REASON_BAD_HEADER},
    {"an extension header beyond the packet", {V6, UDP, EXTENSION(60, IS_UDP "\x02\x01\x04\x00\x00\x00\x00")},
     .reason = REASON_BAD_HEADER},
    {"an extension header that is not all at hand", {V6, UDP, EXTENSION(60, DESTINATION(IS_UDP))}, .captured = 47,
     .reason = REASON_TRUNCATED},
    {"an extension header cut off after one byte", {V6, UDP, EXTENSION(60, DESTINATION(IS_UDP))}, .captured = 41,
     .reason = REASON_TRUNCATED},
    {"eight extension headers",
     {V6, UDP, EXTENSION(60, DESTINATION(DEST) DESTINATION(DEST) DESTINATION(DEST) DESTINATION(DEST) DESTINATION(DEST)
                         DESTINATION(DEST) DESTINATION(DEST) DESTINATION(IS_UDP))},
     .reason = REASON_NONE},
    {"nine extension headers",
     {V6, UDP, EXTENSION(60, DESTINATION(DEST) DESTINATION(DEST) DESTINATION(DEST) DESTINATION(DEST) DESTINATION(DEST)
                         DESTINATION(DEST) DESTINATION(DEST) DESTINATION(DEST) DESTINATION(IS_UDP))},
     .reason = REASON_BAD_HEADER},
    {"a type 0 routing header", {V6, UDP, EXTENSION(43, IS_UDP "\x00\x00\x01\x00\x00\x00\x00")},
     .reason = REASON_BAD_HEADER},
    {"a type 0 routing header that is through", {V6, UDP, EXTENSION(43, IS_UDP "\x00\x00\x00\x00\x00\x00\x00")},
     .reason = REASON_BAD_HEADER},
    {"an unknown routing type that is through", {V6, UDP, EXTENSION(43, IS_UDP "\x00\xfd\x00\x00\x00\x00\x00")},
     .reason = REASON_NONE},
    {"an unknown routing type with segments left",
     {V6, UDP, EXTENSION(43, IS_UDP "\x02\xfd\x01\x00\x00\x00\x00" "0123456789abcdef")},
     .reason = REASON_BAD_HEADER},
    {"a segment routing header without a segment", {V6, UDP, EXTENSION(43, IS_UDP "\x00\x04\x01\x00\x00\x00\x00")},
     .reason = REASON_BAD_HEADER},
    {"segments left to a mapped address",
     {V6, UDP, EXTENSION(43, IS_UDP "\x02\x04\x01\x00\x00\x00\x00\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01")},
     .reason = REASON_BAD_HEADER},
    {"an atomic fragment", {V6, TCP, EXTENSION(44, IS_TCP "\x00\x00\x00\x12\x34\x56\x78")}, .reason = REASON_NONE},
    {"a first fragment in IPv6", {V6, TCP, EXTENSION(44, IS_TCP "\x00\x00\x01\x12\x34\x56\x78")},
     .reason = REASON_BAD_FRAGMENT},
    {"a later fragment in IPv6", {V6, TCP, EXTENSION(44, IS_TCP "\x00\x00\x08\x12\x34\x56\x78")},
     .reason = REASON_BAD_FRAGMENT},
    {"an authentication header before TCP",
     {V6, TCP, EXTENSION(51, IS_TCP "\x04\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01" "0123456789ab")},
     .reason = REASON_NONE},

    /* TCP */
    {"TCP cut off before its options end", {V4, TCP, .tcp_options = BYTES("\x01\x01\x01\x01")}, .captured = 43,
     .reason = REASON_TRUNCATED},
    {"TCP cut off in its header", {V4, TCP}, .captured = 39, .reason = REASON_TRUNCATED},
    {"a data offset below 5", {V4, TCP, PATCH(32, 1, 0x40)}, .reason = REASON_BAD_HEADER},
    {"a data offset beyond the segment", {V4, TCP, PATCH(32, 1, 0x60)}, .reason = REASON_BAD_HEADER},
    {"a TCP option of length 0", {V4, TCP, .tcp_options = BYTES("\x05\x00\x00\x00")}, .reason = REASON_BAD_HEADER},
    {"a TCP option beyond the header", {V4, TCP, .tcp_options = BYTES("\x05\x0a\x00\x00")},
     .reason = REASON_BAD_HEADER},
    {"a TCP option without its length", {V4, TCP, .tcp_options = BYTES("\x01\x01\x01\x05")},
     .reason = REASON_BAD_HEADER},
    {"an unknown TCP option", {V4, TCP, .tcp_options = BYTES("\xfd\x04\x12\x34")}, .reason = REASON_NONE},
    {"garbage behind the end of options", {V4, TCP, .tcp_options = BYTES("\x00\x05\x00\x00")}, .reason = REASON_NONE},
    {"a bit of a segment fell over", {V4, TCP, HELLO}, .spoil = 42, .reason = REASON_BAD_CHECKSUM},
    {"... and the card vouches for it", {V4, TCP, HELLO}, .spoil = 42, .status = CHECKSUM_GOOD, .reason = REASON_NONE},
    {"... and nothing is filled in yet", {V4, TCP, HELLO}, .spoil = 42, .status = CHECKSUM_UNFILLED,
     .reason = REASON_NONE},
    {"... and one byte is not at hand", {V4, TCP, HELLO}, .captured = 44, .spoil = 42, .reason = REASON_NONE},
    {"a bit of a segment fell over in IPv6", {V6, TCP, HELLO}, .spoil = 62, .reason = REASON_BAD_CHECKSUM},
    {"a bit of an IPv6 address fell over", {V6, TCP, HELLO}, .spoil = 12, .reason = REASON_BAD_CHECKSUM},

    /* UDP */
    {"an empty datagram", {V4, UDP}, .reason = REASON_NONE},
    {"UDP cut off in its header", {V4, UDP}, .captured = 27, .reason = REASON_TRUNCATED},
    {"a UDP length below 8", {V4, UDP, HELLO, PATCH(24, 2, 7)}, .reason = REASON_BAD_HEADER},
    {"a UDP length of 0", {V4, UDP, HELLO, PATCH(24, 2, 0)}, .reason = REASON_BAD_HEADER},
    {"a UDP length beyond the packet", {V4, UDP, HELLO, PATCH(24, 2, 14)}, .reason = REASON_BAD_HEADER},
    {"UDP without a checksum", {V4, UDP, HELLO}, .spoil = UINT16_MAX, .reason = REASON_NONE},
    {"UDP without a checksum in IPv6", {V6, UDP, HELLO}, .spoil = UINT16_MAX, .reason = REASON_BAD_CHECKSUM},
    {"a bit of a datagram fell over", {V4, UDP, HELLO}, .spoil = 30, .reason = REASON_BAD_CHECKSUM},

    /* ICMP */
    {"a ping", {V4, PING, HELLO}, .reason = REASON_NONE},
    {"a ping in IPv6", {V6, PING6, HELLO}, .reason = REASON_NONE},
    {"ICMP cut off in its header", {V4, PING}, .captured = 27, .reason = REASON_TRUNCATED},
    {"a bit of a ping fell over", {V4, PING, HELLO}, .spoil = 30, .reason = REASON_BAD_CHECKSUM},
    {"a bit of a ping fell over in IPv6", {V6, PING6, HELLO}, .spoil = 50, .reason = REASON_BAD_CHECKSUM},
    {"a bit of an address below ICMPv6 fell over", {V6, PING6}, .spoil = 12, .reason = REASON_BAD_CHECKSUM},

    /* SCTP */
    {"a DATA chunk", {V4, SCTP, .payload = BYTES("\x00\x03\x00\x04")}, .reason = REASON_NONE},
    {"an SCTP packet without a chunk", {V4, SCTP}, .reason = REASON_TRUNCATED},
    {"a chunk length below 4", {V4, SCTP, .payload = BYTES("\x00\x03\x00\x03")}, .reason = REASON_BAD_HEADER},
    {"a chunk beyond the packet", {V4, SCTP, .payload = BYTES("\x00\x03\x00\x05")}, .reason = REASON_BAD_HEADER},
    {"an INIT", {V4, SCTP, .payload = BYTES("\x01\0\0\x14\x12\x34\x56\x78\0\0\x10\0\0\x0a\0\x0a\0\0\0\1")},
     .reason = REASON_NONE},
    {"an INIT that is too short", {V4, SCTP, .payload = BYTES("\x01\0\0\x10\x12\x34\x56\x78\0\0\x10\0\0\x0a\0\x0a")},
     .reason = REASON_BAD_HEADER},
    {"an INIT ACK with tag 0", {V4, SCTP, .payload = BYTES("\x02\0\0\x14\0\0\0\0\0\0\x10\0\0\x0a\0\x0a\0\0\0\1")},
     .reason = REASON_BAD_HEADER},
    {"an INIT whose tag is not at hand",
     {V4, SCTP, .payload = BYTES("\x01\0\0\x14\x12\x34\x56\x78\0\0\x10\0\0\x0a\0\x0a\0\0\0\1")}, .captured = 38,
     .reason = REASON_TRUNCATED},
    {"a bit of a chunk fell over", {V4, SCTP, .payload = BYTES("\x00\x03\x00\x04")}, .spoil = 33,
     .reason = REASON_BAD_CHECKSUM},

    /* GRE */
    {"GRE", {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x00\x00\x08\x00")}, .reason = REASON_NONE},
    {"GRE without its second word", {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x00\x00\x08")},
     .reason = REASON_TRUNCATED},
    {"GRE without the key it announces", {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x20\x00\x08\x00")},
     .reason = REASON_TRUNCATED},
    {"GRE with source routes (RFC 1701)", {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x40\0\x08\0\0\0\0\0")},
     .reason = REASON_BAD_HEADER},
    {"GRE version 2", {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x00\x02\x08\x00")},
     .reason = REASON_BAD_HEADER},
    {"GRE with a right checksum", {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x80\0\x08\0\x77\xff\0\0")},
     .reason = REASON_NONE},
    {"GRE with a wrong checksum", {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x80\0\x08\0\x77\xfe\0\0")},
     .reason = REASON_BAD_CHECKSUM},
    {"PPTP", {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x30\x01\x88\x0b\x00\x02\x12\x34\0\0\0\1" "ab")},
     .reason = REASON_NONE},
    {"PPTP without a key", {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x10\x01\x88\x0b\x00\x00\x12\x34")},
     .reason = REASON_BAD_HEADER},
    {"PPTP with something else than PPP",
     {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x20\x01\x08\0\0\0\x12\x34")},
     .reason = REASON_BAD_HEADER},
    {"PPTP whose payload is beyond the packet",
     {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x20\x01\x88\x0b\x00\x01\x12\x34")}, .reason = REASON_BAD_HEADER},
    {"PPTP whose header is not at hand",
     {V4, .protocol = PROTOCOL_GRE, .payload = BYTES("\x20\x01\x88\x0b\x00\x00\x12\x34")}, .captured = 26,
     .reason = REASON_TRUNCATED},

    /* ESP, AH and the rest */
    {"ESP", {V4, .protocol = PROTOCOL_ESP, .payload = BYTES("\0\0\1\0\0\0\0\1")}, .reason = REASON_NONE},
    {"ESP with SPI 0", {V4, .protocol = PROTOCOL_ESP, .payload = BYTES("\0\0\0\0\0\0\0\1")},
     .reason = REASON_BAD_HEADER},
    {"ESP without a sequence number", {V4, .protocol = PROTOCOL_ESP, .payload = BYTES("\0\0\1\0\0\0\0")},
     .reason = REASON_TRUNCATED},
    {"AH in IPv4", {V4, .protocol = PROTOCOL_AH, .payload = BYTES("\x06\1\0\0\0\0\1\0\0\0\0\1")},
     .reason = REASON_NONE},
    {"AH shorter than itself", {V4, .protocol = PROTOCOL_AH, .payload = BYTES("\x06\0\0\0\0\0\1\0\0\0\0\1")},
     .reason = REASON_BAD_HEADER},
    {"AH with SPI 0", {V4, .protocol = PROTOCOL_AH, .payload = BYTES("\x06\1\0\0\0\0\0\0\0\0\0\1")},
     .reason = REASON_BAD_HEADER},
    {"AH beyond the packet", {V4, .protocol = PROTOCOL_AH, .payload = BYTES("\x06\2\0\0\0\0\1\0\0\0\0\1")},
     .reason = REASON_BAD_HEADER},
    {"AH that is not all at hand", {V4, .protocol = PROTOCOL_AH, .payload = BYTES("\x06\2\0\0\0\0\1\0\0\0\0\1" "icv!")},
     .captured = 33, .reason = REASON_TRUNCATED},
    {"an unknown protocol, empty", {V4, OTHER}, .reason = REASON_NONE},
    {"no next header", {V6, .protocol = 59}, .reason = REASON_NONE},
};

static enum reason decode_case(const struct decode_case *c, struct packet *packet)
{
    size_t length = build_packet(&c->build, bytes);
    size_t transport = (strchr(c->build.src, ':') ? 40 : 20) + c->build.ip_options.length;
    if (c->spoil == UINT16_MAX)
        memset(bytes + transport + 6, 0, 2); /* UDP's checksum */
    else if (c->spoil != 0)
        bytes[c->spoil] ^= 0x04;
    size_t wire = (size_t)((long)length + c->on_wire);
    size_t captured = c->captured ? c->captured : wire;
    /* In memory of its own, so that a sanitizer sees the first byte read beyond. */
    uint8_t *exact = malloc(captured);
    memcpy(exact, bytes, captured);
    enum reason reason = packet_decode(packet, exact, captured, wire, c->status);
    if (reason == REASON_NONE) {
        ck_assert_msg(packet->transport <= packet->captured && packet->captured <= packet->length, "%s", c->story);
        ck_assert_msg(packet->payload + packet->payload_length <= packet->length, "%s", c->story);
    }
    free(exact);
    return reason;
}

START_TEST(earns_its_reason)
{
    const struct decode_case *c = &cases[_i];
    struct packet packet;
    enum reason reason = decode_case(c, &packet);
    ck_assert_msg(reason == c->reason, "%s: %s, expected %s", c->story, reason_name(reason), reason_name(c->reason));
}
END_TEST

/* Whatever a packet is cut to, the answer is a reason, and what is bad does not become good. */
START_TEST(survives_any_cut)
{
    const struct decode_case *c = &cases[_i];
    size_t length = build_packet(&c->build, bytes);
    struct packet packet;
    enum reason whole = packet_decode(&packet, bytes, length, length, CHECKSUM_GOOD);
    for (size_t captured = 0; captured < length; captured++) {
        uint8_t *exact = malloc(captured ? captured : 1);
        memcpy(exact, bytes, captured);
        enum reason reason = packet_decode(&packet, exact, captured, length, CHECKSUM_GOOD);
        ck_assert_msg(reason != REASON_NONE || (whole == REASON_NONE && captured >= 20), "%s, cut to %zu", c->story,
                      captured);
        free(exact);
    }
}
END_TEST

static void decode(struct packet *packet, const struct build *build)
{
    size_t length = build_packet(build, bytes);
    enum reason reason = packet_decode(packet, bytes, length, length, CHECKSUM_VERIFY);
    ck_assert_str_eq(reason_name(reason), "none");
}

START_TEST(reads_ipv4)
{
    struct packet packet;
    decode(&packet, &(struct build){V4, UDP, HELLO, .hop_limit = 17, .ip_options = BYTES("\x94\x04\x00\x00")});
    ck_assert_uint_eq(packet.family, 4);
    ck_assert_uint_eq(packet.hop_limit, 17);
    ck_assert(packet.options);
    ck_assert(address_equal(packet.src, address_v4(0xc0000201)));
    ck_assert(address_equal(packet.dst, address_v4(0xc6336402)));
    ck_assert_uint_eq(packet.transport, 24);
    ck_assert_uint_eq(packet.payload, 32);
    ck_assert_uint_eq(packet.payload_length, 5);
    ck_assert_uint_eq(packet.length, 37);
    ck_assert_uint_eq(packet.captured, 37);
}
END_TEST

START_TEST(reads_ipv6)
{
    struct packet packet;
    decode(&packet, &(struct build){V6, UDP, HELLO, .hop_limit = 255, EXTENSION(60, DESTINATION(IS_UDP))});
    ck_assert_uint_eq(packet.family, 6);
    ck_assert_uint_eq(packet.protocol, PROTOCOL_UDP);
    ck_assert_uint_eq(packet.hop_limit, 255);
    ck_assert(packet.options);
    ck_assert(address_equal(packet.src, (struct address){0x20010db800000000, 1}));
    ck_assert(address_equal(packet.dst, (struct address){0x20010db8ffff0000, 2}));
    ck_assert_uint_eq(packet.transport, 48);
    ck_assert_uint_eq(packet.payload, 56);
    ck_assert_uint_eq(packet.length, 61);
    decode(&packet, &(struct build){V6, UDP});
    ck_assert(!packet.options);
}
END_TEST

/* Behind each kind of extension header of tracking's list stands the transport. */
START_TEST(walks_extension_headers)
{
    static const uint8_t kinds[] = {0, 43, 44, 51, 60, 135, 139, 140};
    uint8_t chain[16] = {PROTOCOL_UDP};
    chain[1] = kinds[_i] == 51 ? 2 : kinds[_i] == 44 ? 0 : 1; /* in the units of each */
    chain[2] = kinds[_i] == 43 ? 4 : 0;                       /* a routing type that is in use, and through */
    struct packet packet;
    struct build_bytes headers = {chain, kinds[_i] == 44 ? 8 : 16};
    decode(&packet, &(struct build){V6, UDP, HELLO, .extension = kinds[_i], .ip_options = headers});
    ck_assert_uint_eq(packet.protocol, PROTOCOL_UDP);
    ck_assert_uint_eq(packet.transport, kinds[_i] == 44 ? 48 : 56);
    ck_assert(packet.options);
}
END_TEST

START_TEST(ignores_padding)
{
    struct packet packet;
    size_t length = build_packet(&(struct build){V4, TCP}, bytes);
    memset(bytes + length, 0xee, 6);
    ck_assert_int_eq(packet_decode(&packet, bytes, length + 6, length + 6, CHECKSUM_VERIFY), REASON_NONE);
    ck_assert_uint_eq(packet.length, 40);
    ck_assert_uint_eq(packet.captured, 40);
    ck_assert_uint_eq(packet.payload_length, 0);
}
END_TEST

/* RFC 768: what lies behind UDP's own length is nobody's; its checksum ends there too. */
START_TEST(udp_may_end_before_ip)
{
    struct packet packet;
    size_t length = build_packet(&(struct build){V4, UDP, .payload = BYTES("hi")}, bytes);
    memset(bytes + length, 0xee, 3);
    bytes[3] += 3;   /* IP's total length ... */
    bytes[11] -= 3;  /* ... and its checksum, which does not carry here */
    ck_assert_int_eq(packet_decode(&packet, bytes, length + 3, length + 3, CHECKSUM_VERIFY), REASON_NONE);
    ck_assert_uint_eq(packet.length, 33);
    ck_assert_uint_eq(packet.payload_length, 2);
}
END_TEST

START_TEST(reads_tcp)
{
    struct packet packet;
    decode(&packet, &(struct build){V4, .protocol = PROTOCOL_TCP, .src_port = 1234, .dst_port = 80, HELLO,
                                    .seq = 0x11223344, .ack = 0x55667788, .flags = TCP_ACK | TCP_PSH,
                                    .window = 0x1234});
    ck_assert_uint_eq(packet.src_port, 1234);
    ck_assert_uint_eq(packet.dst_port, 80);
    ck_assert_uint_eq(packet.tcp.seq, 0x11223344);
    ck_assert_uint_eq(packet.tcp.ack, 0x55667788);
    ck_assert_uint_eq(packet.tcp.sack_end, 0x55667788);
    ck_assert_uint_eq(packet.tcp.flags, TCP_ACK | TCP_PSH);
    ck_assert_uint_eq(packet.tcp.window, 0x1234);
    ck_assert_uint_eq(packet.tcp.scale, TCP_NO_SCALE);
    ck_assert_uint_eq(packet.payload_length, 5);
}
END_TEST

struct option_case {
    const char *story;
    struct build_bytes options;
    uint8_t flags;
    uint32_t ack;
    uint8_t scale;
    uint32_t sack_end;
};

#define TIMESTAMPS "\x01\x01\x08\x0a\0\0\0\1\0\0\0\2"

static const struct option_case option_cases[] = {
    {"a SYN without options", {NULL, 0}, TCP_SYN, 0, TCP_NO_SCALE, 0},
    {"what Linux sends", BYTES("\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\1\0\0\0\0\x01\x03\x03\x07"), TCP_SYN, 0, 7, 0},
    {"a scale of 0 is one", BYTES("\x03\x03\x00\x00"), TCP_SYN, 0, 0, 0},
    {"a scale of 15 is taken as 14", BYTES("\x03\x03\x0f\x00"), TCP_SYN, 0, 14, 0},
    {"a scale of 255 is taken as 14", BYTES("\x03\x03\xff\x00"), TCP_SYN | TCP_ACK, 0, 14, 0},
    {"a scale without SYN says nothing", BYTES("\x03\x03\x07\x00"), TCP_ACK, 0, TCP_NO_SCALE, 0},
    {"a scale of a strange size says nothing", BYTES("\x03\x04\x07\x07"), TCP_SYN, 0, TCP_NO_SCALE, 0},
    {"a scale behind the end says nothing", BYTES("\x00\x03\x03\x07"), TCP_SYN, 0, TCP_NO_SCALE, 0},
    {"timestamps alone", BYTES(TIMESTAMPS), TCP_ACK, 1000, TCP_NO_SCALE, 1000},
    {"one block", BYTES("\x01\x01\x05\x0a\0\0\7\xd0\0\0\x0b\xb8"), TCP_ACK, 1000, TCP_NO_SCALE, 3000},
    {"the highest of two", BYTES("\x01\x01\x05\x12\0\0\7\xd0\0\0\x0b\xb8\0\0\5\xdc\0\0\7\x08"), TCP_ACK, 1000,
     TCP_NO_SCALE, 3000},
    {"behind timestamps", BYTES(TIMESTAMPS "\x01\x01\x05\x0a\0\0\7\xd0\0\0\x0b\xb8"), TCP_ACK, 1000,
     TCP_NO_SCALE, 3000},
    {"a duplicate below the ack", BYTES("\x01\x01\x05\x0a\0\0\0\x01\0\0\0\x64"), TCP_ACK, 1000, TCP_NO_SCALE, 1000},
    {"beyond the turn of the numbers", BYTES("\x01\x01\x05\x0a\xff\xff\xff\xff\0\0\0\x10"), TCP_ACK, 0xfffffff0,
     TCP_NO_SCALE, 0x10},
    {"a block without ACK", BYTES("\x01\x01\x05\x0a\0\0\7\xd0\0\0\x0b\xb8"), TCP_RST, 1000, TCP_NO_SCALE, 1000},
    {"the timestamps behind a block are none",
     BYTES("\x05\x0a\0\0\7\xd0\0\0\x0b\xb8\x08\x0a\x7f\0\0\1\x7f\0\0\1\x01\x01"), TCP_ACK, 1000, TCP_NO_SCALE, 3000},
    {"one block and a half",
     BYTES("\x01\x01\x05\x0e\0\0\7\xd0\0\0\x0b\xb8\0\0\0\0"), TCP_ACK, 1000, TCP_NO_SCALE, 1000},
    {"half a block", BYTES("\x01\x01\x05\x06\0\0\7\xd0"), TCP_ACK, 1000, TCP_NO_SCALE, 1000},
};

START_TEST(reads_tcp_options)
{
    const struct option_case *c = &option_cases[_i];
    struct packet packet;
    decode(&packet, &(struct build){V4, .protocol = PROTOCOL_TCP, .flags = c->flags, .ack = c->ack,
                                    .tcp_options = c->options});
    ck_assert_msg(packet.tcp.scale == c->scale, "%s: scale %u", c->story, packet.tcp.scale);
    ck_assert_msg(packet.tcp.sack_end == c->sack_end, "%s: end of SACK %u", c->story, packet.tcp.sack_end);
}
END_TEST

struct icmp_case {
    uint8_t protocol, type;
    enum icmp_role role;
    uint8_t request_type;
};

static const struct icmp_case icmp_cases[] = {
    {PROTOCOL_ICMP, 8, ICMP_ROLE_REQUEST, 8},      {PROTOCOL_ICMP, 0, ICMP_ROLE_REPLY, 8},
    {PROTOCOL_ICMP, 13, ICMP_ROLE_REQUEST, 13},    {PROTOCOL_ICMP, 14, ICMP_ROLE_REPLY, 13},
    {PROTOCOL_ICMP, 15, ICMP_ROLE_REQUEST, 15},    {PROTOCOL_ICMP, 16, ICMP_ROLE_REPLY, 15},
    {PROTOCOL_ICMP, 17, ICMP_ROLE_REQUEST, 17},    {PROTOCOL_ICMP, 18, ICMP_ROLE_REPLY, 17},
    {PROTOCOL_ICMP, 3, ICMP_ROLE_ERROR, 3},        {PROTOCOL_ICMP, 11, ICMP_ROLE_ERROR, 11},
    {PROTOCOL_ICMP, 12, ICMP_ROLE_ERROR, 12},      {PROTOCOL_ICMP, 4, ICMP_ROLE_OBSOLETE, 4},
    {PROTOCOL_ICMP, 5, ICMP_ROLE_OBSOLETE, 5},     {PROTOCOL_ICMP, 9, ICMP_ROLE_OTHER, 9},
    {PROTOCOL_ICMP, 128, ICMP_ROLE_OTHER, 128},    {PROTOCOL_ICMP6, 128, ICMP_ROLE_REQUEST, 128},
    {PROTOCOL_ICMP6, 129, ICMP_ROLE_REPLY, 128},   {PROTOCOL_ICMP6, 1, ICMP_ROLE_ERROR, 1},
    {PROTOCOL_ICMP6, 2, ICMP_ROLE_ERROR, 2},       {PROTOCOL_ICMP6, 3, ICMP_ROLE_ERROR, 3},
    {PROTOCOL_ICMP6, 4, ICMP_ROLE_ERROR, 4},       {PROTOCOL_ICMP6, 137, ICMP_ROLE_OBSOLETE, 137},
    {PROTOCOL_ICMP6, 134, ICMP_ROLE_OTHER, 134},   {PROTOCOL_ICMP6, 8, ICMP_ROLE_OTHER, 8},
    {PROTOCOL_ICMP6, 0, ICMP_ROLE_OTHER, 0},
};

START_TEST(knows_icmp_roles)
{
    const struct icmp_case *c = &icmp_cases[_i];
    struct build build = {V4, .protocol = c->protocol, .type = c->type, .code = 3, .id = 0x4321, HELLO};
    if (c->protocol == PROTOCOL_ICMP6) {
        build.src = "2001:db8::1";
        build.dst = "2001:db8::2";
    }
    struct packet packet;
    decode(&packet, &build);
    bool query = c->role == ICMP_ROLE_REQUEST || c->role == ICMP_ROLE_REPLY;
    ck_assert_uint_eq(packet.icmp.type, c->type);
    ck_assert_uint_eq(packet.icmp.code, 3);
    ck_assert_uint_eq(packet.icmp.role, c->role);
    ck_assert_uint_eq(packet.icmp.request_type, c->request_type);
    ck_assert_uint_eq(packet.icmp.id, query ? 0x4321 : 0);
    ck_assert_uint_eq(packet.icmp.quote_offset, c->role == ICMP_ROLE_ERROR ? packet.transport + 8 : 0);
    ck_assert_uint_eq(packet.src_port, 0);
    ck_assert_uint_eq(packet.payload_length, 5);
}
END_TEST

START_TEST(reads_sctp)
{
    struct packet packet;
    decode(&packet, &(struct build){
                        V6, SCTP, .payload = BYTES("\x01\0\0\x14\x12\x34\x56\x78\0\0\x10\0\0\x0a\0\x0a\0\0\0\1")});
    ck_assert_uint_eq(packet.src_port, 1234);
    ck_assert_uint_eq(packet.dst_port, 2905);
    ck_assert_uint_eq(packet.sctp.verification_tag, 99);
    ck_assert_uint_eq(packet.sctp.first_chunk, 1);
    ck_assert_uint_eq(packet.sctp.initiate_tag, 0x12345678);
    ck_assert_uint_eq(packet.payload_length, 20);
    decode(&packet, &(struct build){V6, SCTP, .payload = BYTES("\x0b\0\0\4")});
    ck_assert_uint_eq(packet.sctp.first_chunk, 11);
    ck_assert_uint_eq(packet.sctp.initiate_tag, 0);
}
END_TEST

START_TEST(reads_gre)
{
    struct packet packet;
    decode(&packet, &(struct build){V4, .protocol = PROTOCOL_GRE,
                                    .payload = BYTES("\x30\0\x08\0\1\2\3\4\0\0\0\1" "ab")});
    ck_assert_uint_eq(packet.gre.key, 0x01020304);
    ck_assert_uint_eq(packet.payload, 32);
    ck_assert_uint_eq(packet.payload_length, 2);
    decode(&packet, &(struct build){V4, .protocol = PROTOCOL_GRE,
                                    .payload = BYTES("\xb0\0\x08\0\x43\xf8\0\0\1\2\3\4\0\0\0\1")});
    ck_assert_uint_eq(packet.gre.key, 0x01020304);
    ck_assert_uint_eq(packet.payload, 36);
    decode(&packet, &(struct build){V4, .protocol = PROTOCOL_GRE,
                                    .payload = BYTES("\x30\x81\x88\x0b\0\2\x12\x34\0\0\0\1\0\0\0\1" "abc")});
    ck_assert_uint_eq(packet.gre.key, 0);
    ck_assert(packet.gre.has_call);
    ck_assert_uint_eq(packet.gre.call, 0x1234);
    ck_assert_uint_eq(packet.payload, 36);
    ck_assert_uint_eq(packet.payload_length, 2);
}
END_TEST

START_TEST(reads_ipsec)
{
    struct packet packet;
    decode(&packet, &(struct build){V6, .protocol = PROTOCOL_ESP, .payload = BYTES("\0\0\x12\x34\0\0\0\1" "abcd")});
    ck_assert_uint_eq(packet.esp_spi, 0x1234);
    ck_assert_uint_eq(packet.payload_length, 4);
    decode(&packet, &(struct build){V4, .protocol = PROTOCOL_AH,
                                    .payload = BYTES("\x06\2\0\0\0\0\x12\x34\0\0\0\1" "icv!" "abcd")});
    ck_assert_uint_eq(packet.protocol, PROTOCOL_AH);
    ck_assert_uint_eq(packet.esp_spi, 0x1234);
    ck_assert_uint_eq(packet.payload, 36);
}
END_TEST

/* Under way with segments left, the checksum was computed for the last destination, not for the next one. */
START_TEST(sums_for_the_last_destination)
{
    struct packet packet;
    struct build build = {.src = "2001:db8::1", .dst = "2001:db8::9", UDP, HELLO,
                          EXTENSION(43, IS_UDP "\x02\x04\x01\x00\x00\x00\x00"
                                        "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09")};
    size_t length = build_packet(&build, bytes);
    bytes[39] = 5; /* the header's destination is the next hop, 2001:db8::5 */
    ck_assert_int_eq(packet_decode(&packet, bytes, length, length, CHECKSUM_VERIFY), REASON_NONE);
    ck_assert(address_equal(packet.dst, (struct address){0x20010db800000000, 5}));
    bytes[43] = 0; /* no segments left: the header's destination is the last one, and the sum does not fit */
    ck_assert_int_eq(packet_decode(&packet, bytes, length, length, CHECKSUM_VERIFY), REASON_BAD_CHECKSUM);
}
END_TEST

/* A whole GSO segment of 64 KB, as NFQUEUE hands it over. */
START_TEST(takes_gso_packets_whole)
{
    static const uint8_t zeros[65535 - 40];
    struct packet packet;
    decode(&packet, &(struct build){V4, TCP, .payload = {zeros, sizeof zeros}});
    ck_assert_uint_eq(packet.length, 65535);
    ck_assert_uint_eq(packet.payload_length, 65495);
}
END_TEST

START_TEST(tells_the_log_what_it_read)
{
    struct packet packet;
    size_t length = build_packet(&(struct build){V4, TCP, PATCH(32, 1, 0x40)}, bytes);
    ck_assert_int_eq(packet_decode(&packet, bytes, length, length, CHECKSUM_VERIFY), REASON_BAD_HEADER);
    ck_assert_uint_eq(packet.family, 4);
    ck_assert_uint_eq(packet.protocol, PROTOCOL_TCP);
    ck_assert_uint_eq(packet.dst_port, 80);
    ck_assert(address_equal(packet.src, address_v4(0xc0000201)));
    ck_assert_int_eq(packet_decode(&packet, bytes, 0, length, CHECKSUM_VERIFY), REASON_TRUNCATED);
    ck_assert_uint_eq(packet.family, 0);
    ck_assert_uint_eq(packet.protocol, 0);
    ck_assert_uint_eq(packet.length, length);
}
END_TEST

int main(void)
{
    TCase *reasons = tcase_create("reasons");
    tcase_add_loop_test(reasons, earns_its_reason, 0, sizeof cases / sizeof cases[0]);
    tcase_add_loop_test(reasons, survives_any_cut, 0, sizeof cases / sizeof cases[0]);
    TCase *fields = tcase_create("fields");
    tcase_add_test(fields, reads_ipv4);
    tcase_add_test(fields, reads_ipv6);
    tcase_add_loop_test(fields, walks_extension_headers, 0, 8);
    tcase_add_test(fields, ignores_padding);
    tcase_add_test(fields, udp_may_end_before_ip);
    tcase_add_test(fields, reads_tcp);
    tcase_add_loop_test(fields, reads_tcp_options, 0, sizeof option_cases / sizeof option_cases[0]);
    tcase_add_loop_test(fields, knows_icmp_roles, 0, sizeof icmp_cases / sizeof icmp_cases[0]);
    tcase_add_test(fields, reads_sctp);
    tcase_add_test(fields, reads_gre);
    tcase_add_test(fields, reads_ipsec);
    tcase_add_test(fields, sums_for_the_last_destination);
    tcase_add_test(fields, takes_gso_packets_whole);
    tcase_add_test(fields, tells_the_log_what_it_read);
    Suite *suite = suite_create("packet_decode");
    suite_add_tcase(suite, reasons);
    suite_add_tcase(suite, fields);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
