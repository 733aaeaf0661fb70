#include "packet/tuple.h"

#include <string.h>

_Static_assert(sizeof(struct tuple) == 40, "a tuple has no padding: the whole of it is hashed and compared");

/* Which end the packet's source is, by address and port; the low one when both are the same. */
static enum side side_by_end(const struct packet *packet)
{
    int order = address_compare(packet->src, packet->dst);
    if (order == 0)
        order = (int)packet->src_port - (int)packet->dst_port;
    return order > 0 ? SIDE_HIGH : SIDE_LOW;
}

static enum side icmp_fill(struct tuple *tuple, const struct packet *packet, enum side side)
{
    const struct packet_icmp *icmp = &packet->icmp;
    bool reply = icmp->role == ICMP_ROLE_REPLY;
    /* A host that pings itself: only the role tells the two directions apart. */
    if (reply && address_equal(packet->src, packet->dst))
        side = SIDE_HIGH;
    tuple->low_port = tuple->high_port = icmp->id;
    tuple->detail = reply ? icmp->request_type : icmp->type;
    tuple->asker = (uint8_t)(reply ? side_other(side) : side);
    return side;
}

enum side tuple_of(struct tuple *tuple, const struct packet *packet)
{
    enum side side = side_by_end(packet);
    bool high = side == SIDE_HIGH;
    *tuple = (struct tuple){
        .low = high ? packet->dst : packet->src,
        .high = high ? packet->src : packet->dst,
        .protocol = packet->protocol,
    };
    switch (packet->protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_SCTP:
        tuple->low_port = high ? packet->dst_port : packet->src_port;
        tuple->high_port = high ? packet->src_port : packet->dst_port;
        break;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMP6:
        side = icmp_fill(tuple, packet, side);
        break;
    case PROTOCOL_GRE:
        tuple->low_port = (uint16_t)(packet->gre.key >> 16);
        tuple->high_port = (uint16_t)packet->gre.key;
        break;
    }
    return side;
}

enum side tuple_of_call(struct tuple *tuple, const struct packet *packet)
{
    enum side side = tuple_of(tuple, packet);
    *(side == SIDE_HIGH ? &tuple->low_port : &tuple->high_port) = packet->gre.call;
    tuple->detail = TUPLE_CALL;
    tuple->asker = (uint8_t)side;
    return side;
}

bool tuple_equal(const struct tuple *a, const struct tuple *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}
