#include "state/icmp_error.h"

#include "packet/decode.h"
#include "state/call.h"
#include "state/tcp.h"

/* Could CONNECTION have carried the quoted packet in this direction? What the quote shows beyond its tuple must fit. */
static bool quote_fits(const struct connection *connection, enum direction direction, const struct packet *quoted)
{
    uint32_t tag;
    switch (quoted->protocol) {
    case PROTOCOL_TCP:
        return tcp_seq_plausible(connection, direction, quoted->tcp.seq);
    case PROTOCOL_SCTP:
        /* RFC 9260, 10, ICMP6 and 7: the tag must be the one that such packets carry; an INIT carries 0. */
        tag = quoted->sctp.verification_tag;
        return tag == connection->transport.sctp.tag[direction] || (tag == 0 && connection->state == SCTP_INIT);
    default:
        return true;
    }
}

enum reason icmp_error_find(struct table *table, const struct packet *error, uint64_t now_ms, struct connection *quoted,
                            struct basis *basis)
{
    struct packet packet;
    struct tuple tuple;
    /* Errors about errors are never sent (RFC 1122, 3.2.2; RFC 4443, 2.4e). */
    if (packet_decode_quote(&packet, error) != REASON_NONE)
        return REASON_ICMP_UNRELATED;
    bool icmp = packet.protocol == PROTOCOL_ICMP || packet.protocol == PROTOCOL_ICMP6;
    if (icmp && packet.icmp.role != ICMP_ROLE_REQUEST && packet.icmp.role != ICMP_ROLE_REPLY)
        return REASON_ICMP_UNRELATED;
    /* An error goes to who sent the packet that it quotes. */
    if (!address_equal(error->dst, packet.src))
        return REASON_ICMP_UNRELATED;
    uint32_t hash;
    enum side side = call_tuple_of(table, &packet, now_ms, &tuple, &hash);
    enum reason reason = REASON_ICMP_UNRELATED;
    table_lock(table, hash);
    const struct connection *connection = table_find(table, hash, &tuple);
    if (connection != NULL && !table_expired(table, connection, now_ms) &&
        quote_fits(connection, connection_direction(connection, side), &packet)) {
        uint64_t parent;
        *quoted = *connection;
        *basis = family_basis(table_families(table), connection, &parent);
        reason = REASON_NONE;
    }
    table_unlock(table, hash);
    return reason;
}
