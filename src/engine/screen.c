#include "engine/screen.h"

#include "rules/surroundings.h"

/* A zone's own networks may not arrive on another one. The gateway's own packets arrive nowhere. */
static bool is_spoofed(const struct ruleset *ruleset, struct address src, enum chain chain, uint16_t zone)
{
    return ruleset->antispoof && chain != CHAIN_OUTPUT && !screen_unhooked(ruleset, chain) && ruleset_spoofed(ruleset, src, zone);
}

/* Neighbour discovery (RFC 4861): a hop limit of 255 proves that no router forwarded it. */
static bool is_neighbour_discovery(const struct packet *packet, enum chain chain)
{
    return packet->protocol == PROTOCOL_ICMP6 && packet->hop_limit == 255 && packet->icmp.code == 0 &&
           packet->icmp.type >= 133 && packet->icmp.type <= 136 && chain != CHAIN_FORWARD;
}

/* DHCP between the gateway itself and a zone that says `dhcp`, whichever of the two is the server (RFC 2131, RFC 8415). */
static bool is_dhcp(const struct ruleset *ruleset, const struct packet *packet, enum chain chain, uint16_t zone)
{
    bool v4 = packet->src_port + packet->dst_port == 67 + 68 && (packet->src_port == 67 || packet->src_port == 68);
    bool v6 = (packet->src_port == 546 || packet->src_port == 547) && (packet->dst_port == 546 || packet->dst_port == 547);
    return packet->protocol == PROTOCOL_UDP && chain != CHAIN_FORWARD && (v4 || v6) && ruleset->zones[zone].dhcp;
}

enum screening screen_packet(const struct ruleset *ruleset, const struct packet *packet, enum chain chain, uint16_t zone)
{
    if (is_spoofed(ruleset, packet->src, chain, zone))
        return SCREENING_SPOOFED;
    if (ruleset->implicit_nd && is_neighbour_discovery(packet, chain))
        return SCREENING_ND;
    if (ruleset->implicit_dhcp && is_dhcp(ruleset, packet, chain, zone))
        return SCREENING_DHCP;
    return SCREENING_NONE;
}

/* Nobody forwards what goes to everybody on a link, unless an interface is named that it leaves through. */
static enum chain chain_of(const struct surroundings *surroundings, const struct query *query)
{
    if (query->src_zone == 0 && rangeset_holds(&surroundings->self, query->src))
        return CHAIN_OUTPUT;
    bool here = rangeset_holds(&surroundings->self, query->dst) || address_is_group(query->dst);
    return query->dst_zone == 0 && here ? CHAIN_INPUT : CHAIN_FORWARD;
}

enum screening screen_query(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query)
{
    enum chain chain = chain_of(surroundings, query);
    struct packet packet = {.src = query->src, .dst = query->dst, .protocol = query->protocol, .hop_limit = 255};
    if (screen_unhooked(ruleset, chain))
        return SCREENING_NONE;
    if (query->protocol == PROTOCOL_ICMP6) {
        packet.icmp.type = (uint8_t)query->service;
    } else {
        packet.src_port = query->src_port;
        packet.dst_port = query->service;
    }
    return screen_packet(ruleset, &packet, chain, chain == CHAIN_OUTPUT ? query->dst_zone : query->src_zone);
}

const char *screening_name(enum screening screening)
{
    static const char *const names[] = {NULL, "antispoof", "implicit nd", "implicit dhcp"};
    return names[screening];
}
