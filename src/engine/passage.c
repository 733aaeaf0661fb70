#include "engine/passage.h"

#include <string.h>

static uint16_t service_of_packet(const struct packet *packet)
{
    if (packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMP6)
        return packet->icmp.type;
    return packet->dst_port;
}

struct query passage_query_packet(const struct passage *passage, enum packet_state state)
{
    const struct packet *packet = passage->packet;
    const struct surroundings *surroundings = passage->engine->surroundings;
    return (struct query){
        .state = state,
        .now_ms = passage->arrival->now_ms,
        .src = packet->src,
        .dst = packet->dst,
        .src_zone = surroundings_zone(surroundings, passage->arrival->in_interface),
        .dst_zone = surroundings_zone(surroundings, passage->arrival->out_interface),
        .src_port = packet->src_port,
        .service = service_of_packet(packet),
        .protocol = packet->protocol,
        .tcp_flags = packet->protocol == PROTOCOL_TCP ? packet->tcp.flags : 0,
    };
}

struct query engine_query(const struct surroundings *surroundings, const struct basis *basis, enum packet_state state,
                          uint64_t now_ms)
{
    const struct tuple *tuple = &basis->tuple;
    bool high = basis->opener_high;
    struct query query = {
        .state = state,
        .now_ms = now_ms,
        .src = high ? tuple->high : tuple->low,
        .dst = high ? tuple->low : tuple->high,
        .src_zone = surroundings_zone(surroundings, basis->in_interface),
        .dst_zone = surroundings_zone(surroundings, basis->out_interface),
        .protocol = tuple->protocol,
    };
    switch (tuple->protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_SCTP:
        query.src_port = high ? tuple->high_port : tuple->low_port;
        query.service = high ? tuple->low_port : tuple->high_port;
        break;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMP6:
        query.service = tuple->detail;
        break;
    }
    return query;
}

struct query passage_query_basis(const struct passage *passage, const struct basis *basis, enum packet_state state)
{
    return engine_query(passage->engine->surroundings, basis, state, passage->arrival->now_ms);
}

void passage_decide(const struct passage *passage, const struct query *query)
{
    struct engine *engine = passage->engine;
    struct verdict *verdict = passage->verdict;
    struct decision decision;
    if (engine->trace != NULL)
        classify_traced(engine->ruleset, engine->surroundings, query, &decision, engine->trace);
    else
        classify(engine->ruleset, engine->surroundings, query, &decision);
    verdict->state = (uint8_t)query->state;
    verdict->action = (uint8_t)decision.action;
    verdict->rule = decision.rule;
    verdict->reason = decision.rule == RULE_DEFAULT ? REASON_DEFAULT : REASON_RULE;
    verdict->audit_count = decision.audit_count;
    memcpy(verdict->audits, decision.audits, decision.audit_count * sizeof decision.audits[0]);
    for (unsigned i = 0; i < decision.audit_count; i++)
        passage_count_rule(engine, decision.audits[i], 1, passage->packet->length, passage->arrival->now_ms);
}

