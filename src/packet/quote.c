/*
 * The packet that an ICMP error quotes: cut off anywhere behind the first 8 bytes of its transport header, perhaps by
 * its IP header longer than any link, never with a checksum worth looking at. See decode.h.
 */
#include "base/reader.h"
#include "packet/decode.h"
#include "packet/network.h"
#include "packet/transport.h"

#define QUOTE_TRANSPORT_BYTES 8 /* RFC 792: the least that is quoted of what follows the IP header */

static void tcp_quoted(struct packet_tcp *tcp, struct reader *reader)
{
    tcp->seq = reader_u32(reader);
    tcp->ack = tcp->sack_end = reader_u32(reader);
    reader_u8(reader); /* data offset */
    tcp->flags = reader_u8(reader);
    tcp->window = reader_u16(reader);
    tcp->scale = TCP_NO_SCALE;
}

static enum reason icmp_quoted(struct packet *quoted, struct reader *reader)
{
    struct packet_icmp *icmp = &quoted->icmp;
    icmp->type = reader_u8(reader);
    icmp->code = reader_u8(reader);
    reader_u16(reader); /* checksum */
    uint16_t id = reader_u16(reader);
    transport_icmp_role(quoted);
    if (icmp->role == ICMP_ROLE_REQUEST || icmp->role == ICMP_ROLE_REPLY)
        icmp->id = id;
    /* There is no error about an error (RFC 1122, 3.2.2; RFC 4443, 2.4e). */
    return icmp->role == ICMP_ROLE_ERROR ? REASON_ICMP_UNRELATED : REASON_NONE;
}

/* A key that was not quoted leaves open which tunnel it was; a call's id is always among the first 8 bytes. */
static enum reason gre_quoted(struct packet *quoted, struct reader *reader)
{
    uint16_t bits = reader_u16(reader);
    reader_u16(reader); /* protocol type */
    if ((bits & GRE_VERSION) == 1) {
        reader_u16(reader); /* payload length */
        quoted->gre.call = reader_u16(reader);
        quoted->gre.has_call = true;
        return REASON_NONE;
    }
    if ((bits & GRE_VERSION) != 0 || !(bits & GRE_KEY))
        return REASON_NONE;
    if (bits & GRE_CHECKSUM)
        reader_u32(reader);
    quoted->gre.key = reader_u32(reader);
    return reader->failed ? REASON_ICMP_UNRELATED : REASON_NONE;
}

/* What of the transport header names a connection. Fields that were not quoted are zero. */
static enum reason transport_quoted(struct packet *quoted)
{
    struct reader reader = reader_over(quoted->bytes + quoted->transport, quoted->captured - quoted->transport);
    if (reader_left(&reader) < QUOTE_TRANSPORT_BYTES)
        return REASON_ICMP_UNRELATED;
    switch (quoted->protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_SCTP:
        quoted->src_port = reader_u16(&reader);
        quoted->dst_port = reader_u16(&reader);
        if (quoted->protocol == PROTOCOL_TCP)
            tcp_quoted(&quoted->tcp, &reader);
        else if (quoted->protocol == PROTOCOL_SCTP)
            quoted->sctp.verification_tag = reader_u32(&reader);
        return REASON_NONE;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMP6:
        return icmp_quoted(quoted, &reader);
    case PROTOCOL_GRE:
        return gre_quoted(quoted, &reader);
    case PROTOCOL_AH:
        reader_u32(&reader); /* next header, length, reserved */
        quoted->esp_spi = reader_u32(&reader);
        return REASON_NONE;
    case PROTOCOL_ESP:
        quoted->esp_spi = reader_u32(&reader);
        return REASON_NONE;
    default:
        return REASON_NONE;
    }
}

enum reason packet_decode_quote(struct packet *quoted, const struct packet *error)
{
    uint16_t offset = error->icmp.quote_offset;
    *quoted = (struct packet){
        .bytes = error->bytes + offset,
        .captured = error->captured - offset,
        .length = UINT32_MAX, /* what its link carried is not known: its header is taken at its word */
    };
    struct network network = {.packet = quoted, .first_fragment = true};
    if (network_read(&network) != REASON_NONE)
        return REASON_ICMP_UNRELATED;
    return transport_quoted(quoted);
}
