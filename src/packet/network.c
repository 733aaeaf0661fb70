#include "packet/network.h"

#include "base/reader.h"

#define IP4_HEADER_BYTES 20
#define IP6_HEADER_BYTES 40

/* IPv4 (RFC 791, 3.1). */
#define IP4_FRAGMENT_MASK 0x1fffu
#define IP4_MORE_FRAGMENTS 0x2000u
#define IP4_OPTION_END 0
#define IP4_OPTION_NOP 1

/* IPv6 next header numbers that are extension headers (tracking.md), and one that ends the chain. */
enum extension {
    EXTENSION_HOP_BY_HOP = 0,
    EXTENSION_ROUTING = 43,
    EXTENSION_FRAGMENT = 44,
    EXTENSION_AH = 51,
    EXTENSION_DESTINATION = 60,
    EXTENSION_MOBILITY = 135,
    EXTENSION_HIP = 139,
    EXTENSION_SHIM6 = 140,
};

#define IP6_FRAGMENT_MASK 0xfff8u
#define IP6_MORE_FRAGMENTS 0x0001u
#define IP6_OPTION_PAD1 0
#define IP6_OPTION_JUMBO 0xc2 /* RFC 2675, section 2 */

enum routing {
    ROUTING_SOURCE = 0,  /* RFC 5095: deprecated, it bounces packets between hosts */
    ROUTING_MOBILE = 2,  /* RFC 6275, 6.4 */
    ROUTING_SEGMENT = 4, /* RFC 8754, section 2 */
};

/* The packet ends, as its header says, at LENGTH bytes; what lies behind is padding. Fewer on the wire: truncated. */
static enum reason set_length(struct packet *packet, uint32_t length)
{
    if (length > packet->length)
        return REASON_TRUNCATED;
    packet->length = length;
    if (packet->captured > length)
        packet->captured = length;
    return REASON_NONE;
}

/* The bytes from OFFSET to the end of what is at hand. */
static struct reader reader_from(const struct packet *packet, uint32_t offset)
{
    return reader_over(packet->bytes + offset, packet->captured - offset);
}

/* A header of SIZE bytes begins at OFFSET, by what it says itself: does it end within the packet, and is it at hand? */
static enum reason header_fits(const struct packet *packet, uint32_t offset, uint32_t size)
{
    if (size > packet->length - offset)
        return REASON_BAD_HEADER;
    return size > packet->captured - offset ? REASON_TRUNCATED : REASON_NONE;
}

static enum reason ip4_options(struct reader options)
{
    while (reader_left(&options) > 0) {
        uint8_t kind = reader_u8(&options);
        if (kind == IP4_OPTION_END)
            break;
        if (kind == IP4_OPTION_NOP)
            continue;
        uint8_t size = reader_u8(&options);
        if (size < 2 || reader_bytes(&options, size - 2u) == NULL)
            return REASON_BAD_HEADER;
    }
    return REASON_NONE;
}

static enum reason ip4_read(struct network *network)
{
    struct packet *packet = network->packet;
    struct reader reader = reader_from(packet, 0);
    const uint8_t *fixed = reader_bytes(&reader, IP4_HEADER_BYTES);
    if (fixed == NULL)
        return REASON_TRUNCATED;
    uint32_t header = (fixed[0] & 0x0fu) * 4u;
    uint16_t total = number_u16(fixed + 2), fragment = number_u16(fixed + 6);
    uint8_t hop_limit = fixed[8], protocol = fixed[9];
    uint32_t src = number_u32(fixed + 12), dst = number_u32(fixed + 16);
    packet->src = address_v4(src);
    packet->dst = network->receiver = address_v4(dst);
    packet->protocol = protocol;
    packet->hop_limit = hop_limit;
    if (header < IP4_HEADER_BYTES)
        return REASON_BAD_HEADER;
    enum reason reason = set_length(packet, total);
    if (reason == REASON_NONE)
        reason = header_fits(packet, 0, header);
    if (reason != REASON_NONE)
        return reason;
    packet->transport = (uint16_t)header;
    packet->options = header > IP4_HEADER_BYTES;
    if (packet->options &&
        ip4_options(reader_over(packet->bytes + IP4_HEADER_BYTES, header - IP4_HEADER_BYTES)) != REASON_NONE)
        return REASON_BAD_HEADER;
    if (protocol == PROTOCOL_ICMP6 || address_is_group(packet->src))
        return REASON_BAD_HEADER;
    if (fragment & IP4_FRAGMENT_MASK || (fragment & IP4_MORE_FRAGMENTS && !network->first_fragment))
        return REASON_BAD_FRAGMENT;
    return REASON_NONE;
}

/*
 * Options of a hop-by-hop or destination header (RFC 8200, 4.2). A jumbo payload is refused: whoever sends one has said
 * a payload length of 0, and else it contradicts (RFC 2675, section 3).
 */
static enum reason ip6_options(struct reader options)
{
    while (reader_left(&options) > 0) {
        uint8_t kind = reader_u8(&options);
        if (kind == IP6_OPTION_PAD1)
            continue;
        uint8_t size = reader_u8(&options);
        if (reader_bytes(&options, size) == NULL || kind == IP6_OPTION_JUMBO)
            return REASON_BAD_HEADER;
    }
    return REASON_NONE;
}

/*
 * A routing header from its third byte on (RFC 8200, 4.4). While segments are left the packet is under way to somebody
 * else than dst: the pseudo header's destination stands in the first address of the two types that are in use. Any
 * other type with segments left goes where nobody here can tell, and is refused.
 */
static enum reason ip6_routing(struct network *network, struct reader routing)
{
    uint8_t type = reader_u8(&routing), segments_left = reader_u8(&routing);
    if (type == ROUTING_SOURCE)
        return REASON_BAD_HEADER;
    if (segments_left == 0)
        return REASON_NONE;
    if (type != ROUTING_MOBILE && type != ROUTING_SEGMENT)
        return REASON_BAD_HEADER;
    reader_u32(&routing); /* reserved, or last entry, flags and tag */
    const uint8_t *receiver = reader_bytes(&routing, 16);
    if (receiver == NULL)
        return REASON_BAD_HEADER;
    network->receiver = address_v6(receiver);
    return address_is_v4(network->receiver) ? REASON_BAD_HEADER : REASON_NONE;
}

/*
 * A fragment header from its third byte on (RFC 8200, 4.5). An atomic one, first and last in one, is an extension
 * header like the others (RFC 6946).
 */
static enum reason ip6_fragment(const struct network *network, struct reader fragment)
{
    uint16_t place = reader_u16(&fragment);
    if (place & IP6_FRAGMENT_MASK || (place & IP6_MORE_FRAGMENTS && !network->first_fragment))
        return REASON_BAD_FRAGMENT;
    return REASON_NONE;
}

static bool is_extension(uint8_t number)
{
    switch (number) {
    case EXTENSION_HOP_BY_HOP:
    case EXTENSION_ROUTING:
    case EXTENSION_FRAGMENT:
    case EXTENSION_AH: /* its payload is in the clear: what it protects is the transport. In IPv4 it is one itself */
    case EXTENSION_DESTINATION:
    case EXTENSION_MOBILITY:
    case EXTENSION_HIP:
    case EXTENSION_SHIM6:
        return true;
    default:
        return false;
    }
}

/* The whole size in bytes of the header NUMBER whose length field is UNITS. */
static uint32_t extension_size(uint8_t number, uint8_t units)
{
    if (number == EXTENSION_FRAGMENT)
        return 8;
    if (number == EXTENSION_AH)
        return (units + 2u) * 4; /* RFC 4302, 2.2 */
    return (units + 1u) * 8;
}

/* Reads the extension header NUMBER at *OFFSET, steps over it and sets *NEXT to the number of what follows. */
static enum reason extension_read(struct network *network, uint8_t number, uint32_t *offset, uint8_t *next)
{
    const struct packet *packet = network->packet;
    struct reader reader = reader_from(packet, *offset);
    *next = reader_u8(&reader);
    uint32_t size = extension_size(number, reader_u8(&reader));
    if (reader.failed)
        return REASON_TRUNCATED;
    enum reason reason = header_fits(packet, *offset, size);
    if (reason != REASON_NONE)
        return reason;
    struct reader rest = reader_over(reader.at, size - 2);
    *offset += size;
    switch (number) {
    case EXTENSION_HOP_BY_HOP:
    case EXTENSION_DESTINATION:
        return ip6_options(rest);
    case EXTENSION_ROUTING:
        return ip6_routing(network, rest);
    case EXTENSION_FRAGMENT:
        return ip6_fragment(network, rest);
    default:
        return REASON_NONE;
    }
}

static enum reason ip6_extensions(struct network *network, uint8_t next)
{
    struct packet *packet = network->packet;
    uint32_t offset = IP6_HEADER_BYTES;
    for (unsigned count = 0; is_extension(next); count++) {
        if (count == NETWORK_EXTENSIONS_MAX || (next == EXTENSION_HOP_BY_HOP && count > 0))
            return REASON_BAD_HEADER;
        enum reason reason = extension_read(network, next, &offset, &next);
        if (reason != REASON_NONE)
            return reason;
    }
    packet->protocol = next;
    packet->transport = (uint16_t)offset;
    packet->options = offset > IP6_HEADER_BYTES;
    return next == PROTOCOL_ICMP ? REASON_BAD_HEADER : REASON_NONE;
}

static enum reason ip6_read(struct network *network)
{
    struct packet *packet = network->packet;
    struct reader reader = reader_from(packet, 0);
    reader_u32(&reader); /* version, traffic class, flow label */
    uint16_t payload_length = reader_u16(&reader);
    uint8_t next = reader_u8(&reader);
    uint8_t hop_limit = reader_u8(&reader);
    const uint8_t *src = reader_bytes(&reader, 16), *dst = reader_bytes(&reader, 16);
    if (dst == NULL)
        return REASON_TRUNCATED;
    packet->src = address_v6(src);
    packet->dst = network->receiver = address_v6(dst);
    packet->hop_limit = hop_limit;
    enum reason reason = set_length(packet, IP6_HEADER_BYTES + payload_length);
    if (reason != REASON_NONE)
        return reason;
    bool jumbo = payload_length == 0 && next == EXTENSION_HOP_BY_HOP;
    if (jumbo || address_is_v4(packet->src) || address_is_v4(packet->dst) || address_is_group(packet->src))
        return REASON_BAD_HEADER;
    return ip6_extensions(network, next);
}

enum reason network_read(struct network *network)
{
    struct packet *packet = network->packet;
    struct reader reader = reader_from(packet, 0);
    uint8_t version = reader_u8(&reader) >> 4;
    if (reader.failed)
        return REASON_TRUNCATED;
    if (version != 4 && version != 6)
        return REASON_BAD_HEADER;
    packet->family = version;
    return version == 4 ? ip4_read(network) : ip6_read(network);
}
