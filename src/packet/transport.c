#include "packet/transport.h"

#include "base/reader.h"

#define TCP_HEADER_BYTES 20
#define UDP_HEADER_BYTES 8
#define ICMP_HEADER_BYTES 8
#define SCTP_HEADER_BYTES 12

enum tcp_option { TCP_OPTION_END = 0, TCP_OPTION_NOP = 1, TCP_OPTION_SCALE = 3, TCP_OPTION_SACK = 5 };

#define TCP_SCALE_MAX 14 /* RFC 7323, 2.3 */

/* NOP, NOP, timestamps of 10 bytes: the only options of nearly every segment with data (RFC 7323, appendix A). */
#define TCP_TIMESTAMPS_WORD 0x0101080au
#define TCP_TIMESTAMPS_BYTES 12

enum sctp_chunk { SCTP_CHUNK_INIT = 1, SCTP_CHUNK_INIT_ACK = 2 };

#define SCTP_CHUNK_BYTES 4
#define SCTP_INIT_BYTES 20 /* RFC 9260, 3.3.2 and 3.3.3 */

#define GRE_PPP 0x880b

#define ESP_HEADER_BYTES 8
#define AH_HEADER_BYTES 12

const char *tcp_flag_name(unsigned bit)
{
    static const char *const names[TCP_FLAG_COUNT] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};
    return names[bit];
}

static struct reader reader_of(const struct packet *packet)
{
    return reader_over(packet->bytes + packet->transport, packet->captured - packet->transport);
}

/* How many bytes the packet holds from the transport header on, at hand or not. */
static uint32_t transport_room(const struct packet *packet)
{
    return packet->length - packet->transport;
}

/* The transport header is HEADER bytes and what follows ends at END bytes from the transport's offset. */
static void set_payload(struct packet *packet, uint32_t header, uint32_t end)
{
    packet->payload = (uint16_t)(packet->transport + header);
    packet->payload_length = end - header;
}

static void read_ports(struct packet *packet, struct reader *reader)
{
    packet->src_port = reader_u16(reader);
    packet->dst_port = reader_u16(reader);
}

/* The highest right edge of the SACK blocks (RFC 2018, section 3); a duplicate's (RFC 2883) lie below the ack. */
static void tcp_sack(struct packet_tcp *tcp, struct reader blocks)
{
    while (reader_left(&blocks) >= 8) {
        reader_u32(&blocks); /* left edge */
        uint32_t right = reader_u32(&blocks);
        if ((int32_t)(right - tcp->sack_end) > 0)
            tcp->sack_end = right;
    }
}

/*
 * An option whose length makes no sense is refused: no sender writes one, hosts differ in what they then make of the
 * rest, and RFC 9293 (3.1, MUST-7) suggests a reset. A known option of a strange size is passed over, as hosts do.
 */
static enum reason tcp_options(struct packet_tcp *tcp, struct reader options)
{
    while (reader_left(&options) > 0) {
        uint8_t kind = reader_u8(&options);
        if (kind == TCP_OPTION_END)
            break;
        if (kind == TCP_OPTION_NOP)
            continue;
        uint8_t size = reader_u8(&options);
        struct reader body = options;
        if (size < 2 || reader_bytes(&options, size - 2u) == NULL)
            return REASON_BAD_HEADER;
        body.end = options.at;
        /* Outside a SYN the scale says nothing (RFC 7323, 2.2), without ACK the blocks do not. */
        if (kind == TCP_OPTION_SCALE && size == 3 && tcp->flags & TCP_SYN) {
            uint8_t scale = reader_u8(&body);
            tcp->scale = scale < TCP_SCALE_MAX ? scale : TCP_SCALE_MAX;
        } else if (kind == TCP_OPTION_SACK && size % 8 == 2 && tcp->flags & TCP_ACK) {
            tcp_sack(tcp, body);
        }
    }
    return REASON_NONE;
}

static enum reason tcp_read(struct packet *packet)
{
    struct packet_tcp *tcp = &packet->tcp;
    struct reader reader = reader_of(packet);
    const uint8_t *fixed = reader_bytes(&reader, TCP_HEADER_BYTES);
    if (fixed == NULL)
        return REASON_TRUNCATED;
    packet->src_port = number_u16(fixed);
    packet->dst_port = number_u16(fixed + 2);
    tcp->seq = number_u32(fixed + 4);
    tcp->ack = tcp->sack_end = number_u32(fixed + 8);
    uint32_t header = (uint32_t)(fixed[12] >> 4) * 4;
    tcp->flags = fixed[13];
    tcp->window = number_u16(fixed + 14);
    tcp->scale = TCP_NO_SCALE;
    if (header < TCP_HEADER_BYTES || header > transport_room(packet))
        return REASON_BAD_HEADER;
    uint32_t option_bytes = header - TCP_HEADER_BYTES;
    if (option_bytes > reader_left(&reader))
        return REASON_TRUNCATED;
    set_payload(packet, header, transport_room(packet));
    if (option_bytes == 0)
        return REASON_NONE;
    struct reader options = reader_over(reader.at, option_bytes);
    if (option_bytes == TCP_TIMESTAMPS_BYTES && reader_u32(&reader) == TCP_TIMESTAMPS_WORD)
        return REASON_NONE;
    return tcp_options(tcp, options);
}

/* A length below the IP payload's is legal: what lies behind belongs to nobody (RFC 768). */
static enum reason udp_read(struct packet *packet)
{
    struct reader reader = reader_of(packet);
    read_ports(packet, &reader);
    uint16_t length = reader_u16(&reader);
    reader_u16(&reader); /* checksum */
    if (reader.failed)
        return REASON_TRUNCATED;
    if (length < UDP_HEADER_BYTES || length > transport_room(packet))
        return REASON_BAD_HEADER;
    set_payload(packet, UDP_HEADER_BYTES, length);
    return REASON_NONE;
}

/* RFC 792, RFC 950 (address mask). */
static void icmp4_role(struct packet_icmp *icmp)
{
    icmp->request_type = icmp->type;
    switch (icmp->type) {
    case 8:  /* echo */
    case 13: /* timestamp */
    case 15: /* information */
    case 17: /* address mask */
        icmp->role = ICMP_ROLE_REQUEST;
        break;
    case 0:
        icmp->role = ICMP_ROLE_REPLY;
        icmp->request_type = 8;
        break;
    case 14:
    case 16:
    case 18:
        icmp->role = ICMP_ROLE_REPLY;
        icmp->request_type = (uint8_t)(icmp->type - 1);
        break;
    case 3:  /* destination unreachable */
    case 11: /* time exceeded */
    case 12: /* parameter problem */
        icmp->role = ICMP_ROLE_ERROR;
        break;
    case 4: /* source quench */
    case 5: /* redirect */
        icmp->role = ICMP_ROLE_OBSOLETE;
        break;
    default:
        icmp->role = ICMP_ROLE_OTHER;
    }
}

/* RFC 4443. A redirect (RFC 4861, 4.5) is as little about a connection as IPv4's. */
static void icmp6_role(struct packet_icmp *icmp)
{
    icmp->request_type = icmp->type;
    switch (icmp->type) {
    case 128: /* echo */
        icmp->role = ICMP_ROLE_REQUEST;
        break;
    case 129:
        icmp->role = ICMP_ROLE_REPLY;
        icmp->request_type = 128;
        break;
    case 1: /* destination unreachable */
    case 2: /* packet too big */
    case 3: /* time exceeded */
    case 4: /* parameter problem */
        icmp->role = ICMP_ROLE_ERROR;
        break;
    case 137:
        icmp->role = ICMP_ROLE_OBSOLETE;
        break;
    default:
        icmp->role = ICMP_ROLE_OTHER;
    }
}

void transport_icmp_role(struct packet *packet)
{
    if (packet->protocol == PROTOCOL_ICMP)
        icmp4_role(&packet->icmp);
    else
        icmp6_role(&packet->icmp);
}

static enum reason icmp_read(struct packet *packet)
{
    struct packet_icmp *icmp = &packet->icmp;
    struct reader reader = reader_of(packet);
    icmp->type = reader_u8(&reader);
    icmp->code = reader_u8(&reader);
    reader_u16(&reader); /* checksum */
    uint16_t id = reader_u16(&reader);
    reader_u16(&reader); /* sequence number */
    if (reader.failed)
        return REASON_TRUNCATED;
    transport_icmp_role(packet);
    set_payload(packet, ICMP_HEADER_BYTES, transport_room(packet));
    if (icmp->role == ICMP_ROLE_REQUEST || icmp->role == ICMP_ROLE_REPLY)
        icmp->id = id;
    else if (icmp->role == ICMP_ROLE_ERROR)
        icmp->quote_offset = packet->payload;
    return REASON_NONE;
}

static enum reason sctp_read(struct packet *packet)
{
    struct packet_sctp *sctp = &packet->sctp;
    struct reader reader = reader_of(packet);
    read_ports(packet, &reader);
    sctp->verification_tag = reader_u32(&reader);
    reader_u32(&reader); /* checksum */
    sctp->first_chunk = reader_u8(&reader);
    reader_u8(&reader); /* flags */
    uint16_t length = reader_u16(&reader);
    if (reader.failed)
        return REASON_TRUNCATED;
    bool init = sctp->first_chunk == SCTP_CHUNK_INIT || sctp->first_chunk == SCTP_CHUNK_INIT_ACK;
    if (length < (init ? SCTP_INIT_BYTES : SCTP_CHUNK_BYTES) || length > transport_room(packet) - SCTP_HEADER_BYTES)
        return REASON_BAD_HEADER;
    set_payload(packet, SCTP_HEADER_BYTES, transport_room(packet));
    if (!init)
        return REASON_NONE;
    sctp->initiate_tag = reader_u32(&reader);
    if (reader.failed)
        return REASON_TRUNCATED;
    return sctp->initiate_tag == 0 ? REASON_BAD_HEADER : REASON_NONE; /* RFC 9260, 3.3.2: never 0 */
}

/* PPTP's GRE: its key is a length and a call id, which differs a direction (RFC 2637, 4.1). */
static enum reason gre_pptp_read(struct packet *packet, struct reader *reader, uint16_t bits, uint16_t type)
{
    const uint16_t refused = GRE_CHECKSUM | GRE_ROUTING | GRE_STRICT_ROUTE;
    if ((bits & (refused | GRE_KEY)) != GRE_KEY || type != GRE_PPP)
        return REASON_BAD_HEADER;
    uint16_t payload_length = reader_u16(reader);
    uint32_t header = 8u + (bits & GRE_SEQUENCE ? 4 : 0) + (bits & GRE_ACK ? 4 : 0);
    if (header + payload_length > transport_room(packet))
        return REASON_BAD_HEADER;
    packet->gre.call = reader_u16(reader);
    packet->gre.has_call = true;
    if (reader_bytes(reader, header - 8) == NULL)
        return REASON_TRUNCATED;
    set_payload(packet, header, header + payload_length);
    return REASON_NONE;
}

static enum reason gre_read(struct packet *packet)
{
    struct reader reader = reader_of(packet);
    uint16_t bits = reader_u16(&reader), type = reader_u16(&reader);
    if (reader.failed)
        return REASON_TRUNCATED;
    if ((bits & GRE_VERSION) == 1)
        return gre_pptp_read(packet, &reader, bits, type);
    if ((bits & GRE_VERSION) != 0 || bits & (GRE_ROUTING | GRE_STRICT_ROUTE | GRE_RECURSION))
        return REASON_BAD_HEADER;
    if (bits & GRE_CHECKSUM)
        reader_u32(&reader);
    if (bits & GRE_KEY)
        packet->gre.key = reader_u32(&reader);
    if (bits & GRE_SEQUENCE)
        reader_u32(&reader);
    if (reader.failed)
        return REASON_TRUNCATED;
    set_payload(packet, (uint32_t)(reader.at - packet->bytes) - packet->transport, transport_room(packet));
    return REASON_NONE;
}

static enum reason esp_read(struct packet *packet)
{
    struct reader reader = reader_of(packet);
    packet->esp_spi = reader_u32(&reader);
    reader_u32(&reader); /* sequence number */
    if (reader.failed)
        return REASON_TRUNCATED;
    set_payload(packet, ESP_HEADER_BYTES, transport_room(packet));
    return packet->esp_spi == 0 ? REASON_BAD_HEADER : REASON_NONE; /* RFC 4303, 2.1: never on the wire */
}

/* IPv4's: IPv6 has it among its extension headers. */
static enum reason ah_read(struct packet *packet)
{
    struct reader reader = reader_of(packet);
    reader_u8(&reader); /* next header */
    uint32_t header = (reader_u8(&reader) + 2u) * 4;
    reader_u16(&reader); /* reserved */
    packet->esp_spi = reader_u32(&reader);
    reader_u32(&reader); /* sequence number */
    if (reader.failed)
        return REASON_TRUNCATED;
    if (header < AH_HEADER_BYTES || header > transport_room(packet) || packet->esp_spi == 0)
        return REASON_BAD_HEADER;
    if (packet->transport + header > packet->captured)
        return REASON_TRUNCATED;
    set_payload(packet, header, transport_room(packet));
    return REASON_NONE;
}

enum reason transport_read(struct packet *packet)
{
    switch (packet->protocol) {
    case PROTOCOL_TCP:
        return tcp_read(packet);
    case PROTOCOL_UDP:
        return udp_read(packet);
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMP6:
        return icmp_read(packet);
    case PROTOCOL_SCTP:
        return sctp_read(packet);
    case PROTOCOL_GRE:
        return gre_read(packet);
    case PROTOCOL_ESP:
        return esp_read(packet);
    case PROTOCOL_AH:
        return ah_read(packet);
    default:
        set_payload(packet, 0, transport_room(packet));
        return REASON_NONE;
    }
}
