/*
 * Any bytes through the decoder and all that builds on it: the quoted packet, the tuple, the reply.
 *
 * The input is a byte that chooses the checksum status, two bytes that say how many bytes of the packet are missing at
 * its end, and the packet.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "packet/decode.h"
#include "packet/reply.h"
#include "packet/tuple.h"

#define MUST(condition) ((condition) ? (void)0 : broken(#condition, __LINE__))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Noreturn void broken(const char *condition, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, line, condition);
    abort();
}

static void hold_packet(const struct packet *packet)
{
    bool v4 = packet->family == 4;
    MUST(v4 || packet->family == 6);
    MUST(address_is_v4(packet->src) == v4 && address_is_v4(packet->dst) == v4);
    MUST(packet->captured <= packet->length);
    MUST(packet->transport >= (v4 ? 20 : 40));
    MUST(packet->payload >= packet->transport && packet->payload <= packet->captured);
    MUST(packet->payload + packet->payload_length <= packet->length);
}

/*
 * Turned round, a packet has the same tuple and comes from the other side. Of an ICMP query, and where both ends are the
 * same, that cannot be told by the ends alone.
 */
static void hold_tuple(const struct packet *packet)
{
    struct packet back = *packet;
    struct tuple tuple, mirrored;
    enum side side = tuple_of(&tuple, packet);
    MUST(address_compare(tuple.low, tuple.high) <= 0);
    if (packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMP6)
        return;
    back.src = packet->dst;
    back.dst = packet->src;
    back.src_port = packet->dst_port;
    back.dst_port = packet->src_port;
    enum side other = tuple_of(&mirrored, &back);
    bool same_ends = address_equal(packet->src, packet->dst) && packet->src_port == packet->dst_port;
    MUST(tuple_equal(&tuple, &mirrored));
    MUST(side != other || same_ends);
}

static void hold_quote(const struct packet *error)
{
    struct packet quoted;
    MUST(error->icmp.quote_offset <= error->captured);
    enum reason reason = packet_decode_quote(&quoted, error);
    MUST(reason == REASON_NONE || reason == REASON_ICMP_UNRELATED);
    if (reason != REASON_NONE)
        return;
    MUST(quoted.bytes == error->bytes + error->icmp.quote_offset);
    MUST(quoted.captured <= error->captured - error->icmp.quote_offset);
    MUST(quoted.transport + 8u <= quoted.captured);
    hold_tuple(&quoted);
}

static void hold_reply(const struct packet *packet)
{
    static uint8_t bytes[REPLY_BYTES_MAX];
    struct packet reply;
    size_t length;
    switch (reply_build(packet, bytes, &length)) {
    case REPLY_RST:
        MUST(packet_decode(&reply, bytes, length, length, CHECKSUM_VERIFY) == REASON_NONE);
        MUST(reply.length == length && reply.tcp.flags & TCP_RST);
        MUST(address_equal(reply.src, packet->dst) && address_equal(reply.dst, packet->src));
        MUST(reply_build(&reply, bytes, &length) == REPLY_NONE);
        break;
    case REPLY_ICMP:
        MUST(length >= 8 && length - 8 <= packet->captured);
        MUST(length <= (packet->family == 4 ? 576 - 20 : 1280 - 40));
        MUST(memcmp(bytes + 8, packet->bytes, length - 8) == 0);
        break;
    case REPLY_NONE:
        MUST(length == 0);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader reader = reader_over(data, size);
    enum checksum_status status = reader_u8(&reader) % (CHECKSUM_UNFILLED + 1);
    size_t missing = reader_u16(&reader);
    if (reader.failed)
        return 0;
    struct packet packet;
    size_t captured = reader_left(&reader);
    enum reason reason = packet_decode(&packet, reader.at, captured, captured + missing, status);
    if (reason != REASON_NONE) {
        MUST(reason == REASON_TRUNCATED || reason == REASON_BAD_HEADER || reason == REASON_BAD_CHECKSUM ||
             reason == REASON_BAD_FRAGMENT);
        return 0;
    }
    hold_packet(&packet);
    bool icmp = packet.protocol == PROTOCOL_ICMP || packet.protocol == PROTOCOL_ICMP6;
    if (icmp && packet.icmp.role == ICMP_ROLE_ERROR)
        hold_quote(&packet);
    else
        hold_tuple(&packet);
    hold_reply(&packet);
    return 0;
}
