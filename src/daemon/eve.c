#include "daemon/eve.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/words.h"
#include "packet/protocol.h"
#include "state/session.h"

#define INT(number) json_integer((json_int_t)(number))

/* "2026-11-28T17:35:51.123456+0100", the local time, as Suricata writes it. */
static json_t *time_json(double seconds)
{
    char date[40], zone[8];
    struct tm tm;
    time_t whole = (time_t)seconds;
    long us = (long)((seconds - (double)whole) * 1e6);
    localtime_r(&whole, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    strftime(zone, sizeof zone, "%z", &tm);
    return json_sprintf("%s.%06ld%s", date, us, zone);
}

static double wall(const struct eve *eve, uint64_t ms)
{
    return eve->epoch + (double)ms / 1000;
}

static json_t *begin(double seconds, const char *type)
{
    json_t *event = json_object();
    json_object_set_new(event, "timestamp", time_json(seconds));
    json_object_set_new(event, "event_type", json_string(type));
    return event;
}

/* Names as Suricata has them; a protocol without one has its number. */
static json_t *protocol_json(uint8_t protocol)
{
    switch (protocol) {
    case PROTOCOL_TCP:
        return json_string("TCP");
    case PROTOCOL_UDP:
        return json_string("UDP");
    case PROTOCOL_SCTP:
        return json_string("SCTP");
    case PROTOCOL_ICMP:
        return json_string("ICMP");
    case PROTOCOL_ICMP6:
        return json_string("IPv6-ICMP");
    case PROTOCOL_GRE:
        return json_string("GRE");
    case PROTOCOL_ESP:
        return json_string("ESP");
    case PROTOCOL_AH:
        return json_string("AH");
    default:
        return json_sprintf("%03u", protocol);
    }
}

/* One that is gone has its number. */
static const char *interface_name(struct eve *eve, uint32_t index, char buffer[IF_NAMESIZE])
{
    for (unsigned i = 0; i < eve->interface_count; i++)
        if (eve->interfaces[i].index == index)
            return eve->interfaces[i].name;
    if (if_indextoname(index, buffer) == NULL)
        snprintf(buffer, IF_NAMESIZE, "%u", index);
    if (eve->interface_count < EVE_INTERFACES_MAX) {
        struct eve_interface *interface = &eve->interfaces[eve->interface_count++];
        interface->index = index;
        memcpy(interface->name, buffer, sizeof interface->name);
    }
    return buffer;
}

static void set_interface(struct eve *eve, json_t *object, const char *key, uint32_t index)
{
    char buffer[IF_NAMESIZE];
    if (index != 0)
        json_object_set_new(object, key, json_string(interface_name(eve, index, buffer)));
}

struct ends {
    struct address src, dst;
    uint16_t src_port, dst_port;
    uint8_t protocol;
};

static void set_ends(json_t *event, const struct ends *ends)
{
    bool ports = protocol_has_ports(ends->protocol);
    json_object_set_new(event, "src_ip", words_address(ends->src));
    if (ports)
        json_object_set_new(event, "src_port", INT(ends->src_port));
    json_object_set_new(event, "dest_ip", words_address(ends->dst));
    if (ports)
        json_object_set_new(event, "dest_port", INT(ends->dst_port));
    json_object_set_new(event, "proto", protocol_json(ends->protocol));
}

static void set_rule(json_t *spid, const struct ruleset *ruleset, uint32_t index)
{
    const struct rule *rule = words_rule(ruleset, index);
    json_object_set_new(spid, "rule", words_place(rule));
    json_object_set_new(spid, "name", words_name(rule));
}

/* What every event of a packet begins with. */
static json_t *begin_packet(struct eve *eve, const struct event *event, const char *type)
{
    const struct ends ends = {event->src, event->dst, event->src_port, event->dst_port, event->protocol};
    json_t *line = begin(wall(eve, event->now_ms), type);
    if (event->verdict.connection != 0)
        json_object_set_new(line, "flow_id", INT(event->verdict.connection));
    set_interface(eve, line, "in_iface", event->in_interface);
    if (event->family != 0)
        set_ends(line, &ends);
    if (event->protocol == PROTOCOL_ICMP || event->protocol == PROTOCOL_ICMP6) {
        json_object_set_new(line, "icmp_type", INT(event->icmp_type));
        json_object_set_new(line, "icmp_code", INT(event->icmp_code));
    }
    return line;
}

static json_t *spid_of_packet(struct eve *eve, const struct event *event)
{
    const struct verdict *verdict = &event->verdict;
    json_t *spid = json_object();
    json_object_set_new(spid, "action", json_string(action_name(verdict->action)));
    json_object_set_new(spid, "state", json_string(state_name(verdict->state)));
    json_object_set_new(spid, "reason", json_string(reason_name(verdict->reason)));
    if (verdict->detail != NULL)
        json_object_set_new(spid, "detail", json_string(verdict->detail));
    set_rule(spid, eve->ruleset, ruleset_rule_of(eve->ruleset, event->identity));
    if (verdict->parent != 0)
        json_object_set_new(spid, "parent", INT(verdict->parent));
    set_interface(eve, spid, "out_iface", event->out_interface);
    return spid;
}

static json_t *drop_json(const struct event *event)
{
    json_t *drop = json_object();
    json_object_set_new(drop, "len", INT(event->length));
    for (unsigned i = 0; event->protocol == PROTOCOL_TCP && i < TCP_FLAG_COUNT; i++)
        json_object_set_new(drop, tcp_flag_name(i), json_boolean(event->tcp_flags >> i & 1));
    json_object_set_new(drop, "reason", json_string(reason_name(event->verdict.reason)));
    return drop;
}

static const char *anomaly_type(enum reason reason)
{
    return reason == REASON_ALG ? "applayer" : reason == REASON_TCP_FLAGS ? "stream" : "decode";
}

static json_t *anomaly_json(const struct event *event)
{
    const struct verdict *verdict = &event->verdict;
    return json_pack("{s:s, s:s}", "type", anomaly_type(verdict->reason), "event",
                     verdict->detail != NULL ? verdict->detail : reason_name(verdict->reason));
}

/* Its name says more than its place. */
static json_t *signature_of(const struct rule *rule)
{
    if (rule == NULL)
        return json_string("default");
    return rule->name != NULL ? words_name(rule) : words_place(rule);
}

static json_t *alert_json(const struct ruleset *ruleset, uint32_t index)
{
    const struct rule *rule = words_rule(ruleset, index);
    json_t *alert = json_object();
    json_object_set_new(alert, "action", json_string("allowed"));
    json_object_set_new(alert, "gid", INT(1));
    json_object_set_new(alert, "signature_id", INT(rule != NULL ? rule->identity : 0));
    json_object_set_new(alert, "rev", INT(1));
    json_object_set_new(alert, "signature", signature_of(rule));
    json_object_set_new(alert, "category", json_string(rule != NULL ? action_name(rule->action) : "default"));
    json_object_set_new(alert, "severity", INT(3));
    return alert;
}

static json_t *flow_json(const uint64_t packets[DIRECTION_COUNT], const uint64_t bytes[DIRECTION_COUNT], double start)
{
    json_t *flow = json_object();
    json_object_set_new(flow, "pkts_toserver", INT(packets[ORIGINAL]));
    json_object_set_new(flow, "pkts_toclient", INT(packets[REPLY]));
    json_object_set_new(flow, "bytes_toserver", INT(bytes[ORIGINAL]));
    json_object_set_new(flow, "bytes_toclient", INT(bytes[REPLY]));
    json_object_set_new(flow, "start", time_json(start));
    return flow;
}

static void set_start(const struct eve *eve, json_t *line, json_t *spid, const struct event *event)
{
    const uint64_t packets[DIRECTION_COUNT] = {1, 0}, bytes[DIRECTION_COUNT] = {event->length, 0};
    json_t *flow = flow_json(packets, bytes, wall(eve, event->now_ms));
    json_object_set_new(flow, "state", json_string("new"));
    json_object_set_new(line, "flow", flow);
    json_object_set_new(spid, "event", json_string("start"));
}

json_t *eve_verdict(struct eve *eve, const struct event *event)
{
    static const char *const types[] = {[EVENT_FLOW] = "flow", [EVENT_ALERT] = "alert", [EVENT_ANOMALY] = "anomaly",
                                        [EVENT_DROP] = "drop"};
    enum event_kind kind = event_kind_of(&event->verdict);
    if (kind == EVENT_NONE)
        return NULL;
    json_t *line = begin_packet(eve, event, types[kind]), *spid = spid_of_packet(eve, event);
    if (kind == EVENT_FLOW)
        set_start(eve, line, spid, event);
    else if (kind == EVENT_ALERT)
        json_object_set_new(line, "alert", alert_json(eve->ruleset, ruleset_rule_of(eve->ruleset, event->identity)));
    else if (kind == EVENT_ANOMALY)
        json_object_set_new(line, "anomaly", anomaly_json(event));
    else
        json_object_set_new(line, "drop", drop_json(event));
    json_object_set_new(line, "spid", spid);
    return line;
}

json_t *eve_audit(struct eve *eve, const struct event *event, uint32_t rule)
{
    json_t *line = begin_packet(eve, event, "alert"), *spid = spid_of_packet(eve, event);
    set_rule(spid, eve->ruleset, rule);
    json_object_set_new(line, "alert", alert_json(eve->ruleset, rule));
    json_object_set_new(line, "spid", spid);
    return line;
}

/* "new", "established" or "closed": Suricata's words. */
static const char *flow_state(const struct connection *connection, enum ending ending)
{
    bool answered = connection->flags & CONNECTION_REPLIED;
    if (ending == ENDING_CLOSED || ending == ENDING_RESET)
        return "closed";
    return answered && session_eviction(connection->tuple.protocol, connection->state, true) != EVICT_HALF_OPEN ? "established" : "new";
}

static struct ends ends_of(const struct connection *connection)
{
    const struct tuple *tuple = &connection->tuple;
    if (connection->flags & CONNECTION_OPENER_HIGH)
        return (struct ends){tuple->high, tuple->low, tuple->high_port, tuple->low_port, tuple->protocol};
    return (struct ends){tuple->low, tuple->high, tuple->low_port, tuple->high_port, tuple->protocol};
}

static json_t *spid_of_end(struct eve *eve, const struct departure *departure)
{
    const struct connection *connection = &departure->connection;
    json_t *spid = json_object();
    json_object_set_new(spid, "action", json_string("allow"));
    json_object_set_new(spid, "state", json_string(session_state_name(connection)));
    json_object_set_new(spid, "reason", json_string(ending_name(departure->ending)));
    set_rule(spid, eve->ruleset, connection->opener != 0 ? ruleset_rule_of(eve->ruleset, connection->opener) : RULE_DEFAULT);
    if (departure->parent != 0)
        json_object_set_new(spid, "parent", INT(departure->parent));
    set_interface(eve, spid, "out_iface", connection->out_interface);
    json_object_set_new(spid, "event", json_string("end"));
    return spid;
}

json_t *eve_end(struct eve *eve, const struct departure *departure, uint64_t now_ms)
{
    const struct connection *connection = &departure->connection;
    const struct ends ends = ends_of(connection);
    /* Whole seconds were kept of the beginning; it is not behind the end for that. */
    uint64_t start_ms = connection->created_s * UINT64_C(1000);
    json_t *line = begin(wall(eve, now_ms), "flow");
    json_object_set_new(line, "flow_id", INT(connection->id));
    set_interface(eve, line, "in_iface", connection->in_interface);
    set_ends(line, &ends);
    if (ends.protocol == PROTOCOL_ICMP || ends.protocol == PROTOCOL_ICMP6)
        json_object_set_new(line, "icmp_type", INT(connection->tuple.detail));
    json_t *flow = flow_json(connection->packets, connection->bytes, wall(eve, start_ms));
    json_object_set_new(flow, "end", time_json(wall(eve, connection->seen_ms)));
    json_object_set_new(flow, "age", INT(connection->seen_ms / 1000 - start_ms / 1000));
    json_object_set_new(flow, "state", json_string(flow_state(connection, departure->ending)));
    json_object_set_new(flow, "reason", json_string(ending_name(departure->ending)));
    json_object_set_new(line, "flow", flow);
    json_object_set_new(line, "spid", spid_of_end(eve, departure));
    return line;
}

json_t *eve_left_out(const struct eve *eve, uint32_t rule, uint64_t count, uint64_t now_ms)
{
    json_t *line = begin(wall(eve, now_ms), "stats"), *spid = json_object();
    json_object_set_new(line, "stats", json_pack("{s:I}", "left_out", (json_int_t)count));
    set_rule(spid, eve->ruleset, rule);
    json_object_set_new(line, "spid", spid);
    return line;
}

static json_t *kernel_json(const struct status_view *view)
{
    uint64_t packets = view->fastpath.packets, drops = 0;
    for (unsigned i = 0; i < view->queue_count; i++) {
        packets += view->queues[i].packets;
        drops += view->queues[i].queue_dropped + view->queues[i].user_dropped;
    }
    return json_pack("{s:I, s:I}", "kernel_packets", (json_int_t)packets, "kernel_drops", (json_int_t)drops);
}

static json_t *reasons_json(const struct engine_counters *counters)
{
    json_t *reasons = json_object();
    for (unsigned i = 0; i < REASON_COUNT; i++)
        if (counters->reason[i] > 0)
            json_object_set_new(reasons, reason_name(i), INT(counters->reason[i]));
    return reasons;
}

static json_t *events_json(const struct status_view *view)
{
    uint64_t written = 0, lost = 0, left_out = view->table.untold, packets = 0;
    for (unsigned i = 0; i < view->log_count; i++) {
        written += view->logs[i].written;
        lost += view->logs[i].lost;
    }
    for (unsigned i = 0; i < view->queue_count; i++) {
        left_out += view->queues[i].events_left_out;
        packets += view->queues[i].packets_left_out;
    }
    return json_pack("{s:I, s:I, s:I, s:I}", "written", (json_int_t)written, "lost", (json_int_t)lost, "left_out", (json_int_t)left_out,
                     "packets_left_out", (json_int_t)packets);
}

json_t *eve_stats(const struct eve *eve, const struct status_view *view)
{
    const struct engine_counters *counters = &view->counters;
    const struct table_use *table = &view->table;
    uint64_t packets = 0;
    for (unsigned i = 0; i < ACTION_AUDIT; i++)
        packets += counters->action[i];
    json_t *line = begin(wall(eve, view->now_ms), "stats"), *stats = json_object();
    json_object_set_new(stats, "uptime", INT(view->uptime_ms / 1000));
    json_object_set_new(stats, "capture", kernel_json(view));
    json_object_set_new(stats, "decoder", json_pack("{s:I, s:I}", "pkts", (json_int_t)packets, "bytes", (json_int_t)counters->bytes));
    json_object_set_new(stats, "flow", json_pack("{s:I, s:I}", "active", (json_int_t)table->now, "total", (json_int_t)table->opened));
    json_object_set_new(stats, "ips", json_pack("{s:I, s:I, s:I}", "accepted", (json_int_t)counters->action[ACTION_ALLOW], "blocked",
                                                (json_int_t)counters->action[ACTION_DENY], "rejected",
                                                (json_int_t)counters->action[ACTION_REJECT]));
    json_object_set_new(line, "stats", stats);
    json_t *spid = json_object();
    json_object_set_new(spid, "generation", INT(view->generation));
    json_object_set_new(spid, "reasons", reasons_json(counters));
    json_object_set_new(spid, "events", events_json(view));
    json_object_set_new(line, "spid", spid);
    return line;
}

size_t eve_line(json_t *event, char buffer[EVE_LINE_BYTES])
{
    size_t length = event != NULL ? json_dumpb(event, buffer, EVE_LINE_BYTES - 1, JSON_COMPACT) : 0;
    json_decref(event);
    if (length == 0 || length > EVE_LINE_BYTES - 1)
        return 0;
    buffer[length] = '\n';
    return length + 1;
}
