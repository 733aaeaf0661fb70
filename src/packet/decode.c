#include "packet/decode.h"

#include "base/reader.h"
#include "packet/checksum.h"
#include "packet/network.h"
#include "packet/transport.h"

#define UDP_CHECKSUM_OFFSET 6
#define SCTP_CHECKSUM_OFFSET 8

/* The number of 16 bits at OFFSET. */
static uint16_t field_at(const uint8_t *bytes, uint32_t length, uint32_t offset)
{
    struct reader reader = reader_over(bytes, length);
    reader_bytes(&reader, offset);
    return reader_u16(&reader);
}

/* The CRC32c is taken with zeros in its own place, and stands there with its low byte first (RFC 9260, appendix A). */
static bool sctp_fits(const uint8_t *bytes, uint32_t length)
{
    static const uint8_t zeros[4] = {0};
    struct reader reader = reader_over(bytes, length);
    uint32_t crc = crc32c(0, reader_bytes(&reader, SCTP_CHECKSUM_OFFSET), SCTP_CHECKSUM_OFFSET);
    uint32_t stands = __builtin_bswap32(reader_u32(&reader));
    crc = crc32c(crc, zeros, sizeof zeros);
    return crc32c(crc, reader.at, reader_left(&reader)) == stands;
}

/*
 * Does the transport's checksum fit its bytes? RECEIVER is the last destination, which the pseudo header holds.
 * Where bytes are missing nothing can be said, and the answer is yes.
 */
static bool transport_fits(const struct packet *packet, struct address receiver)
{
    uint32_t length = packet->payload - packet->transport + packet->payload_length;
    struct reader reader = reader_over(packet->bytes + packet->transport, packet->captured - packet->transport);
    const uint8_t *bytes = reader_bytes(&reader, length);
    struct packet ends = {.family = packet->family, .protocol = packet->protocol, .src = packet->src, .dst = receiver};
    if (bytes == NULL)
        return true;
    switch (packet->protocol) {
    case PROTOCOL_UDP:
        /* RFC 768 lets a sender do without. In IPv6 only tunnels may (RFC 6935), and which these are is not known. */
        if (field_at(bytes, length, UDP_CHECKSUM_OFFSET) == 0)
            return packet->family == 4;
        return checksum_fold(checksum_add(checksum_pseudo(&ends, length), bytes, length)) == 0;
    case PROTOCOL_TCP:
    case PROTOCOL_ICMP6:
        return checksum_fold(checksum_add(checksum_pseudo(&ends, length), bytes, length)) == 0;
    case PROTOCOL_ICMP:
        return checksum_fold(checksum_add(0, bytes, length)) == 0;
    case PROTOCOL_GRE:
        return !(field_at(bytes, length, 0) & GRE_CHECKSUM) || checksum_fold(checksum_add(0, bytes, length)) == 0;
    case PROTOCOL_SCTP:
        return sctp_fits(bytes, length);
    default:
        return true;
    }
}

static bool ip4_header_fits(const struct packet *packet)
{
    return checksum_fold(checksum_add(0, packet->bytes, packet->transport)) == 0;
}

enum reason packet_decode(struct packet *packet, const uint8_t *bytes, size_t captured, size_t length,
                          enum checksum_status status)
{
    *packet = (struct packet){.bytes = bytes, .length = (uint32_t)length, .captured = (uint32_t)captured};
    struct network network = {.packet = packet};
    enum reason reason = network_read(&network);
    if (reason != REASON_NONE)
        return reason;
    if (packet->family == 4 && status != CHECKSUM_UNFILLED && !ip4_header_fits(packet))
        return REASON_BAD_CHECKSUM;
    reason = transport_read(packet);
    if (reason != REASON_NONE)
        return reason;
    if (status == CHECKSUM_VERIFY && !transport_fits(packet, network.receiver))
        return REASON_BAD_CHECKSUM;
    return REASON_NONE;
}
