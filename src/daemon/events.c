#include "daemon/events.h"

#include <net/if.h>

#include "base/text.h"
#include "packet/protocol.h"

bool events_put(struct events *events, const struct event *event)
{
    uint32_t place;
    if (!ring_free(&events->ring, EVENTS_MAX, &place))
        return false;
    events->list[place] = *event;
    ring_put(&events->ring);
    return true;
}

bool events_take(struct events *events, struct event *event)
{
    uint32_t place;
    if (!ring_filled(&events->ring, EVENTS_MAX, &place))
        return false;
    *event = events->list[place];
    ring_took(&events->ring);
    return true;
}

void event_fill(struct event *event, const struct arrival *arrival, const struct ruleset *ruleset, const struct packet *packet,
                const struct verdict *verdict)
{
    bool icmp = packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMP6;
    *event = (struct event){
        .now_ms = arrival->now_ms,
        .generation = ruleset->generation,
        .identity = verdict->rule < ruleset->rule_count ? ruleset->rules[verdict->rule].identity : 0,
        .in_interface = arrival->in_interface,
        .out_interface = arrival->out_interface,
        .verdict = *verdict,
        .src = packet->src,
        .dst = packet->dst,
        .src_port = packet->src_port,
        .dst_port = packet->dst_port,
        .family = packet->family,
        .protocol = packet->protocol,
        .icmp_type = icmp ? packet->icmp.type : 0,
        .icmp_code = icmp ? packet->icmp.code : 0,
        .icmp_asks = !icmp ? 0 : packet->icmp.role == ICMP_ROLE_REPLY ? packet->icmp.request_type : packet->icmp.type,
        .tcp_flags = packet->protocol == PROTOCOL_TCP ? packet->tcp.flags : 0,
        .length = packet->length,
    };
}

enum event_kind event_kind_of(const struct verdict *verdict)
{
    bool alone = verdict->state == STATE_NEW || verdict->state == STATE_INVALID;
    if (verdict->action == ACTION_ALLOW && verdict->reason == REASON_IMPLICIT)
        return EVENT_NONE;
    if (verdict->action == ACTION_ALLOW)
        return verdict->opens ? EVENT_FLOW : alone ? EVENT_ALERT : EVENT_NONE;
    switch (verdict->reason) {
    case REASON_TRUNCATED:
    case REASON_BAD_HEADER:
    case REASON_BAD_CHECKSUM:
    case REASON_BAD_FRAGMENT:
    case REASON_TCP_FLAGS:
    case REASON_ALG:
        return EVENT_ANOMALY;
    default:
        return EVENT_DROP;
    }
}

static void add_end(struct text *text, struct address address, uint16_t port, bool ports)
{
    bool bracket = ports && !address_is_v4(address);
    text_add(text, "%s", bracket ? "[" : "");
    address_to_text(text, address);
    text_add(text, "%s", bracket ? "]" : "");
    if (ports)
        text_add(text, ":%u", port);
}

const char *tcp_flags_text(uint8_t flags, char buffer[TCP_FLAGS_BYTES])
{
    static const char letters[] = "FSRPAUEC";
    unsigned length = 0;
    for (unsigned i = 0; i < 8; i++)
        if (flags & 1u << i)
            buffer[length++] = letters[i];
    buffer[length] = '\0';
    return buffer;
}

static void add_protocol(struct text *text, const struct event *event)
{
    char flags[TCP_FLAGS_BYTES];
    switch (event->protocol) {
    case PROTOCOL_TCP:
        text_add(text, " tcp %s", tcp_flags_text(event->tcp_flags, flags));
        break;
    case PROTOCOL_UDP:
        text_add(text, " udp");
        break;
    case PROTOCOL_SCTP:
        text_add(text, " sctp");
        break;
    case PROTOCOL_ICMP:
        text_add(text, " icmp %u", event->icmp_type);
        break;
    case PROTOCOL_ICMP6:
        text_add(text, " icmp6 %u", event->icmp_type);
        break;
    default:
        text_add(text, " proto %u", event->protocol);
    }
}

static void add_interface(struct text *text, const char *word, uint32_t interface)
{
    char name[IF_NAMESIZE];
    if (interface != 0)
        text_add(text, " %s %s", word, if_indextoname(interface, name) != NULL ? name : "?");
}

void event_to_text(struct text *text, const struct event *event, const struct ruleset *ruleset)
{
    const struct verdict *verdict = &event->verdict;
    bool ports = protocol_has_ports(event->protocol);
    text_add(text, "%s %s %s", action_name(verdict->action), state_name(verdict->state), reason_name(verdict->reason));
    if (verdict->detail != NULL)
        text_add(text, " (%s)", verdict->detail);
    if (verdict->parent != 0)
        text_add(text, " child of %llu", (unsigned long long)verdict->parent);
    if (verdict->rule != RULE_DEFAULT && verdict->rule < ruleset->rule_count) {
        const struct rule *rule = &ruleset->rules[verdict->rule];
        text_add(text, " %s:%u", rule->file, rule->line);
        if (rule->name != NULL)
            text_add(text, " \"%s\"", rule->name);
    }
    for (unsigned i = 0; i < verdict->audit_count; i++)
        text_add(text, " audit %s:%u", ruleset->rules[verdict->audits[i]].file, ruleset->rules[verdict->audits[i]].line);
    add_protocol(text, event);
    text_add(text, " ");
    add_end(text, event->src, event->src_port, ports);
    text_add(text, " > ");
    add_end(text, event->dst, event->dst_port, ports);
    text_add(text, " length %u", event->length);
    add_interface(text, "in", event->in_interface);
    add_interface(text, "out", event->out_interface);
}

bool log_meter_pass(struct log_meter *meter, struct rate rate, uint64_t now_ms)
{
    uint64_t now_us = now_ms * 1000, cost = (uint64_t)rate.interval_ms * 1000 / rate.count, from;
    uint64_t full_us = __atomic_load_n(&meter->full_us, __ATOMIC_RELAXED);
    do {
        from = full_us > now_us ? full_us : now_us;
        if (from + cost > now_us + cost * rate.count)
            return false;
    } while (!__atomic_compare_exchange_n(&meter->full_us, &full_us, from + cost, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return true;
}
