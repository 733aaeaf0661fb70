#include "io/link.h"

#include <pcap/dlt.h>

#include "base/reader.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd

/* Two tags are QinQ; more than this many are no honest frame. */
#define VLAN_TAGS_MAX 4

bool link_known(int link_type)
{
    switch (link_type) {
    case DLT_EN10MB:
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
    case DLT_LINUX_SLL:
    case DLT_LINUX_SLL2:
    case DLT_NULL:
    case DLT_LOOP:
        return true;
    default:
        return false;
    }
}

static bool is_vlan(uint16_t type)
{
    return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

/* Where the packet begins, behind the tags, if TYPE is IP in the end. */
static int after_type(struct reader *reader, const uint8_t *frame, uint16_t type)
{
    for (unsigned tags = 0; is_vlan(type) && tags < VLAN_TAGS_MAX; tags++) {
        reader_u16(reader);
        type = reader_u16(reader);
    }
    if (reader->failed || (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6))
        return -1;
    return (int)(reader->at - frame);
}

/* BSD's loopback: an address family in the byte order of the machine that captured (null) or of the network (loop). */
static int after_family(struct reader *reader, const uint8_t *frame)
{
    uint32_t family = reader_u32(reader);
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    /* AF_INET is 2 everywhere; AF_INET6 is 10 (Linux), 24, 28 or 30 (the BSDs and macOS). */
    bool ip = family == 2 || family == 10 || family == 24 || family == 28 || family == 30;
    return reader->failed || !ip ? -1 : (int)(reader->at - frame);
}

int link_ip_offset(int link_type, const uint8_t *frame, size_t length)
{
    struct reader reader = reader_over(frame, length);
    uint16_t type;
    switch (link_type) {
    case DLT_EN10MB:
        reader_bytes(&reader, 12);
        return after_type(&reader, frame, reader_u16(&reader));
    case DLT_LINUX_SLL:
        reader_bytes(&reader, 14);
        return after_type(&reader, frame, reader_u16(&reader));
    case DLT_LINUX_SLL2:
        type = reader_u16(&reader);
        reader_bytes(&reader, 18);
        return after_type(&reader, frame, type);
    case DLT_NULL:
    case DLT_LOOP:
        return after_family(&reader, frame);
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
        return length > 0 ? 0 : -1;
    default:
        return -1;
    }
}
