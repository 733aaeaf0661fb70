#include "daemon/event_answer.h"

#include <net/if.h>
#include <stdio.h>
#include <time.h>

#include "control/words.h"
#include "daemon/clock.h"
#include "packet/protocol.h"

double event_epoch(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9 - (double)clock_now_ms() / 1000;
}

static json_t *address_answer(const struct event *event, struct address address)
{
    return event->family != 0 ? words_address(address) : json_null();
}

static json_t *protocol_answer(const struct event *event)
{
    const char *name = protocol_name(event->protocol);
    if (event->family == 0)
        return json_null();
    return name != NULL ? json_string(name) : json_sprintf("%u", event->protocol);
}

static json_t *number_or_null(uint64_t number, bool given)
{
    return given ? json_integer((json_int_t)number) : json_null();
}

/* The interface's name; one that is gone has its number. */
static json_t *interface_answer(uint32_t interface)
{
    char name[IF_NAMESIZE];
    if (interface == 0)
        return json_null();
    return if_indextoname(interface, name) != NULL ? json_string(name) : json_sprintf("%u", interface);
}

json_t *event_answer(const struct event *event, const struct ruleset *ruleset, double epoch)
{
    const struct verdict *verdict = &event->verdict;
    const struct rule *rule = words_rule(ruleset, ruleset_rule_of(ruleset, event->identity));
    bool ports = protocol_has_ports(event->protocol);
    bool icmp = event->protocol == PROTOCOL_ICMP || event->protocol == PROTOCOL_ICMP6;
    char flags[TCP_FLAGS_BYTES];
    json_t *answer = json_object();
    json_object_set_new(answer, "time", json_real(epoch + (double)event->now_ms / 1000));
    json_object_set_new(answer, "verdict", json_string(action_name(verdict->action)));
    json_object_set_new(answer, "state", json_string(state_name(verdict->state)));
    json_object_set_new(answer, "reason", json_string(reason_name(verdict->reason)));
    if (verdict->detail != NULL)
        json_object_set_new(answer, "detail", json_string(verdict->detail));
    json_object_set_new(answer, "rule", words_place(rule));
    json_object_set_new(answer, "name", words_name(rule));
    json_object_set_new(answer, "connection", number_or_null(verdict->connection, verdict->connection != 0));
    json_object_set_new(answer, "parent", number_or_null(verdict->parent, verdict->parent != 0));
    json_object_set_new(answer, "src", address_answer(event, event->src));
    json_object_set_new(answer, "sport", number_or_null(event->src_port, ports));
    json_object_set_new(answer, "dst", address_answer(event, event->dst));
    json_object_set_new(answer, "dport", number_or_null(event->dst_port, ports));
    json_object_set_new(answer, "proto", protocol_answer(event));
    if (event->protocol == PROTOCOL_TCP)
        json_object_set_new(answer, "flags", json_string(tcp_flags_text(event->tcp_flags, flags)));
    if (icmp)
        json_object_set_new(answer, "type", json_integer(event->icmp_type));
    json_object_set_new(answer, "length", json_integer((json_int_t)event->length));
    json_object_set_new(answer, "in", interface_answer(event->in_interface));
    json_object_set_new(answer, "out", interface_answer(event->out_interface));
    return answer;
}
