#include "build.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "packet/packet.h"

/* Where the checksums go, and what the pseudo header holds. */
struct layout {
    uint8_t *bytes, *at, *transport;
    uint8_t src[16], dst[16];
    size_t address_length;
};

static void put(struct layout *layout, uint32_t number, unsigned size)
{
    for (unsigned i = size; i-- > 0;)
        *layout->at++ = (uint8_t)(number >> 8 * i);
}

static void put_bytes(struct layout *layout, const void *bytes, size_t length)
{
    if (length > 0)
        memcpy(layout->at, bytes, length);
    layout->at += length;
}

static void put_address(uint8_t *into, const char *text, size_t length)
{
    int understood = inet_pton(length == 4 ? AF_INET : AF_INET6, text, into);
    assert(understood == 1);
    (void)understood;
}

static void put_transport(struct layout *layout, const struct build *build)
{
    switch (build->protocol) {
    case PROTOCOL_TCP:
        put(layout, (uint32_t)build->src_port << 16 | build->dst_port, 4);
        put(layout, build->seq, 4);
        put(layout, build->ack, 4);
        put(layout, (uint32_t)(5 + build->tcp_options.length / 4) << 12 | build->flags, 2);
        put(layout, build->window, 2);
        put(layout, 0, 4);
        put_bytes(layout, build->tcp_options.at, build->tcp_options.length);
        break;
    case PROTOCOL_UDP:
        put(layout, (uint32_t)build->src_port << 16 | build->dst_port, 4);
        put(layout, (uint32_t)(8 + build->payload.length) << 16, 4);
        break;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMP6:
        put(layout, (uint32_t)build->type << 24 | (uint32_t)build->code << 16, 4);
        put(layout, (uint32_t)build->id << 16 | build->number, 4);
        break;
    case PROTOCOL_SCTP:
        put(layout, (uint32_t)build->src_port << 16 | build->dst_port, 4);
        put(layout, build->seq, 4);
        put(layout, 0, 4);
        break;
    }
    put_bytes(layout, build->payload.at, build->payload.length);
}

static void put_network(struct layout *layout, const struct build *build)
{
    uint8_t hop_limit = build->hop_limit ? build->hop_limit : 64;
    if (layout->address_length == 4) {
        put(layout, 0x4500u + ((uint32_t)(build->ip_options.length / 4) << 8), 2);
        put(layout, 0, 2); /* total length */
        put(layout, 0x00014000, 4);
        put(layout, (uint32_t)hop_limit << 24 | (uint32_t)build->protocol << 16, 4);
    } else {
        put(layout, 0x60000000, 4);
        put(layout, 0, 2); /* payload length */
        put(layout, build->ip_options.length ? build->extension : build->protocol, 1);
        put(layout, hop_limit, 1);
    }
    put_bytes(layout, layout->src, layout->address_length);
    put_bytes(layout, layout->dst, layout->address_length);
    put_bytes(layout, build->ip_options.at, build->ip_options.length);
}

static uint32_t sum16(uint32_t sum, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static uint32_t crc_bitwise(const uint8_t *bytes, size_t length)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    }
    return ~crc;
}

static void set16(uint8_t *field, uint32_t number)
{
    field[0] = (uint8_t)(number >> 8);
    field[1] = (uint8_t)number;
}

static void set_transport_checksum(struct layout *layout, uint8_t protocol)
{
    size_t length = (size_t)(layout->at - layout->transport);
    uint8_t *transport = layout->transport;
    uint32_t pseudo = sum16(0, layout->src, layout->address_length);
    pseudo = sum16(pseudo, layout->dst, layout->address_length) + (uint32_t)length + protocol;
    uint32_t crc, sum;
    switch (protocol) {
    case PROTOCOL_TCP:
        set16(transport + 16, ~sum16(pseudo, transport, length));
        break;
    case PROTOCOL_UDP:
        sum = ~sum16(pseudo, transport, length) & 0xffff;
        set16(transport + 6, sum == 0 ? 0xffff : sum);
        break;
    case PROTOCOL_ICMP:
        set16(transport + 2, ~sum16(0, transport, length));
        break;
    case PROTOCOL_ICMP6:
        set16(transport + 2, ~sum16(pseudo, transport, length));
        break;
    case PROTOCOL_SCTP:
        crc = crc_bitwise(transport, length);
        for (unsigned i = 0; i < 4; i++)
            transport[8 + i] = (uint8_t)(crc >> 8 * i);
        break;
    }
}

static void apply(struct layout *layout, const struct build_patch *patch)
{
    struct layout place = {.at = layout->bytes + patch->offset};
    put(&place, patch->value, patch->size);
}

size_t build_packet(const struct build *build, uint8_t *bytes)
{
    struct layout layout = {.bytes = bytes, .at = bytes};
    layout.address_length = strchr(build->src, ':') ? 16 : 4;
    put_address(layout.src, build->src, layout.address_length);
    put_address(layout.dst, build->dst, layout.address_length);
    put_network(&layout, build);
    layout.transport = layout.at;
    put_transport(&layout, build);
    size_t length = (size_t)(layout.at - bytes);
    if (layout.address_length == 4)
        set16(bytes + 2, (uint32_t)length);
    else
        set16(bytes + 4, (uint32_t)length - 40);
    for (unsigned i = 0; i < BUILD_PATCHES_MAX; i++)
        apply(&layout, &build->patches[i]);
    set_transport_checksum(&layout, build->protocol);
    if (layout.address_length == 4)
        set16(bytes + 10, ~sum16(0, bytes, 20 + build->ip_options.length));
    return length;
}
