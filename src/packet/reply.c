#include "packet/reply.h"

#include <string.h>

#include "packet/checksum.h"

#define IP4_HEADER_BYTES 20
#define IP6_HEADER_BYTES 40
#define TCP_HEADER_BYTES 20
#define ICMP_HEADER_BYTES 8

#define ICMP4_BYTES_MAX 576 /* with its IP header (RFC 1812, 4.3.2.3) */
#define HOP_LIMIT 64        /* RFC 1700 */

/* Writes numbers in network order, one behind the other. The caller's buffer holds REPLY_BYTES_MAX bytes. */
static void put(uint8_t **at, uint32_t number, unsigned size)
{
    for (unsigned i = size; i-- > 0;)
        *(*at)++ = (uint8_t)(number >> 8 * i);
}

static void set_checksum(uint8_t *field, uint32_t sum)
{
    put(&field, checksum_fold(sum), 2);
}

/* The IP header of an answer with LENGTH transport bytes: from the rejected packet's destination to its source. */
static uint8_t *put_ip(uint8_t *at, const struct packet *packet, uint32_t length)
{
    uint8_t *header = at;
    if (packet->family == 4) {
        put(&at, 0x4500, 2);
        put(&at, IP4_HEADER_BYTES + length, 2);
        put(&at, 0x4000, 4); /* identification 0, do not fragment (RFC 6864, 4.1) */
        put(&at, HOP_LIMIT << 8 | packet->protocol, 2);
        put(&at, 0, 2); /* checksum */
        put(&at, (uint32_t)packet->dst.low, 4);
        put(&at, (uint32_t)packet->src.low, 4);
        set_checksum(header + 10, checksum_add(0, header, IP4_HEADER_BYTES));
        return at;
    }
    put(&at, 0x60000000, 4);
    put(&at, length, 2);
    put(&at, (uint32_t)packet->protocol << 8 | HOP_LIMIT, 2);
    address_bytes(packet->dst, at);
    address_bytes(packet->src, at + 16);
    return at + 32;
}

/* RFC 9293, 3.10.7.1: a number that the segment's sender expects. */
static size_t rst_build(const struct packet *packet, uint8_t *bytes)
{
    const struct packet_tcp *tcp = &packet->tcp;
    uint32_t held = packet->payload_length + !!(tcp->flags & TCP_SYN) + !!(tcp->flags & TCP_FIN);
    bool acknowledges = tcp->flags & TCP_ACK;
    uint8_t *header = put_ip(bytes, packet, TCP_HEADER_BYTES), *at = header;
    put(&at, packet->dst_port, 2);
    put(&at, packet->src_port, 2);
    put(&at, acknowledges ? tcp->ack : 0, 4);
    put(&at, acknowledges ? 0 : tcp->seq + held, 4);
    put(&at, TCP_HEADER_BYTES / 4 << 4, 1);
    put(&at, acknowledges ? TCP_RST : TCP_RST | TCP_ACK, 1);
    put(&at, 0, 2); /* window */
    put(&at, 0, 4); /* checksum, urgent pointer */
    uint32_t sum = checksum_pseudo(packet, TCP_HEADER_BYTES); /* the same for both directions */
    set_checksum(header + 16, checksum_add(sum, header, TCP_HEADER_BYTES));
    return (size_t)(at - bytes);
}

/* "Communication administratively prohibited", with as much of the packet as there is and fits. */
static size_t icmp_build(const struct packet *packet, uint8_t *bytes)
{
    bool v4 = packet->family == 4;
    size_t room = v4 ? ICMP4_BYTES_MAX - IP4_HEADER_BYTES : REPLY_BYTES_MAX - IP6_HEADER_BYTES;
    size_t quote = room - ICMP_HEADER_BYTES;
    if (quote > packet->captured)
        quote = packet->captured;
    uint8_t *at = bytes;
    put(&at, v4 ? 3 << 8 | 13 : 1 << 8 | 1, 2); /* type and code: RFC 1812, 5.2.7.1; RFC 4443, 3.1 */
    put(&at, 0, 2);                             /* checksum */
    put(&at, 0, 4);                             /* unused */
    memcpy(at, packet->bytes, quote);
    if (v4)
        set_checksum(bytes + 2, checksum_add(0, bytes, ICMP_HEADER_BYTES + quote));
    return ICMP_HEADER_BYTES + quote;
}

/* Is PACKET one to which nobody may send an error (RFC 1122, 3.2.2; RFC 4443, 2.4e)? */
static bool wants_silence(const struct packet *packet)
{
    bool unspecified = address_equal(packet->src, packet->family == 4 ? address_v4(0) : (struct address){0, 0});
    if (unspecified || address_is_group(packet->src) || address_is_group(packet->dst))
        return true;
    switch (packet->protocol) {
    case PROTOCOL_TCP:
        return packet->tcp.flags & TCP_RST;
    case PROTOCOL_ICMP:
        return packet->icmp.role == ICMP_ROLE_ERROR || packet->icmp.role == ICMP_ROLE_OBSOLETE;
    case PROTOCOL_ICMP6:
        return packet->icmp.type < 128 || packet->icmp.role == ICMP_ROLE_OBSOLETE;
    default:
        return false;
    }
}

enum reply_kind reply_build(const struct packet *packet, uint8_t bytes[REPLY_BYTES_MAX], size_t *length)
{
    *length = 0;
    if (wants_silence(packet))
        return REPLY_NONE;
    if (packet->protocol == PROTOCOL_TCP) {
        *length = rst_build(packet, bytes);
        return REPLY_RST;
    }
    *length = icmp_build(packet, bytes);
    return REPLY_ICMP;
}
