#include "tests/unit/random_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/packet.h"
#include "parser/parser.h"
#include "tests/unit/rules_text.h"

#define SETS 40

/* xorshift64 (Marsaglia 2003) */
uint32_t random_below(struct random *random, uint32_t limit)
{
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return (uint32_t)((random->state >> 32) % limit);
}

struct writer {
    struct random *random;
    char *text;
    size_t length, size;
};

static bool chance(struct writer *writer, unsigned percent)
{
    return random_below(writer->random, 100) < percent;
}

static uint32_t below(struct writer *writer, uint32_t limit)
{
    return random_below(writer->random, limit);
}

static void __attribute__((format(printf, 2, 3))) put(struct writer *writer, const char *format, ...)
{
    va_list arguments;
    if (writer->size - writer->length < 1024) {
        writer->size = writer->size * 2 + 4096;
        writer->text = realloc(writer->text, writer->size);
        if (writer->text == NULL)
            abort();
    }
    va_start(arguments, format);
    writer->length += (size_t)vsnprintf(writer->text + writer->length, writer->size - writer->length, format, arguments);
    va_end(arguments);
}

static void put_v4(struct writer *writer)
{
    unsigned kind = below(writer, 10), b = 128 + below(writer, 16), c = below(writer, 256), d = below(writer, 200);
    if (kind < 4)
        put(writer, "10.%u.%u.0/24", b, c);
    else if (kind < 7)
        put(writer, "10.%u.%u.%u", b, c, d);
    else if (kind < 8)
        put(writer, "10.%u.%u.0/22", b, c & ~3u);
    else if (kind < 9)
        put(writer, "10.%u.%u.%u-10.%u.%u.%u", b, c, d, b, c, d + below(writer, 50));
    else
        put(writer, "198.51.100.%u", d);
}

static void put_v6(struct writer *writer)
{
    unsigned kind = below(writer, 4), group = below(writer, 64), host = 1 + below(writer, 4095);
    if (kind < 2)
        put(writer, "2001:db8:%x:%x::/64", group, host & 15);
    else if (kind < 3)
        put(writer, "2001:db8:%x::%x", group, host);
    else
        put(writer, "2001:db8:%x::%x-2001:db8:%x::%x", group, host, group, host + below(writer, 300));
}

static void put_address(struct writer *writer)
{
    if (chance(writer, 75))
        put_v4(writer);
    else
        put_v6(writer);
}

static const char *const zones[] = {"lan", "dmz", "wan", "guests"};

static const char *zone(struct writer *writer)
{
    return zones[below(writer, 4)];
}

/* Both families in each, so that no rule is refused for having none in common with its other side. */
static void put_sets(struct writer *writer)
{
    for (unsigned i = 0; i < SETS; i++) {
        put(writer, "set s%u = ", i);
        for (unsigned k = 1 + below(writer, i % 8 == 0 ? 60 : 10); k > 0; k--) {
            put_address(writer);
            put(writer, ", ");
        }
        if (i > 0 && chance(writer, 20))
            put(writer, "s%u, ", below(writer, i));
        put(writer, "2001:db8:ff::%x, 192.0.2.%u\n", i, i);
    }
    put(writer, "set moving = dynamic timeout 1h\nset banned = dynamic\nset some = moving, 10.130.7.0/24, 2001:db8:7::/48\n");
}

static unsigned set(struct writer *writer)
{
    return below(writer, SETS);
}

static void put_wild_endpoint(struct writer *writer)
{
    static const char *const moving[] = {"self", "moving", "banned", "some", "self@lan", "some@dmz"};
    unsigned kind = below(writer, 100);
    if (kind < 20) {
        put(writer, "any");
        return;
    }
    if (chance(writer, 10))
        put(writer, "!");
    if (kind < 36)
        put(writer, "%s", zone(writer));
    else if (kind < 50)
        put(writer, "s%u", set(writer));
    else if (kind < 58)
        put(writer, "s%u@%s", set(writer), zone(writer));
    else if (kind < 66)
        put(writer, "%s", moving[below(writer, 6)]);
    else if (kind < 70)
        put(writer, "{ %s, s%u@%s }", zone(writer), set(writer), zone(writer));
    else if (kind < 73)
        put(writer, "{ s%u, self, moving@%s }", set(writer), zone(writer));
    else if (kind < 76)
        put(writer, "{ s%u, s%u, s%u, s%u }@%s", set(writer), set(writer), set(writer), set(writer), zone(writer));
    else if (kind < 84)
        put(writer, "{ s%u, s%u@%s, 192.0.2.7, 2001:db8::7 }", set(writer), set(writer), zone(writer));
    else {
        put(writer, "{ ");
        put_v4(writer);
        put(writer, ", ");
        put_v6(writer);
        put(writer, " }");
    }
}

static void put_wild_services(struct writer *writer)
{
    unsigned port = 1 + below(writer, 1000);
    switch (below(writer, 12)) {
    case 0:
    case 1:
        return;
    case 2:
        put(writer, " udp %u", port);
        return;
    case 3:
        put(writer, " tcp %u-%u, udp %u", port, port + below(writer, 3000), port);
        return;
    case 4:
        put(writer, " icmp 8, icmp6 128");
        return;
    case 5:
        put(writer, " proto %u", 90 + below(writer, 10));
        return;
    case 6:
        put(writer, " udp");
        return;
    case 7:
        put(writer, " tcp");
        for (unsigned i = 0; i < 20; i++)
            put(writer, "%s %u", i > 0 ? "," : "", port + 2 * i);
        return;
    case 8:
        put(writer, " tcp, udp 65000-65535");
        return;
    default:
        put(writer, " tcp %u,%u", port, port + 1 + below(writer, 50));
    }
}

static void put_wild_rule(struct writer *writer)
{
    static const char *const states[] = {" new", " established,related", " new,established", " invalid", " new,invalid"};
    unsigned kind = below(writer, 100);
    if (chance(writer, 4)) {
        put(writer, "audit any to any when %s\n", chance(writer, 50) ? "work" : "night");
        return;
    }
    put(writer, "%s ", kind < 55 ? "allow" : kind < 75 ? "deny" : kind < 82 ? "reject" : "audit");
    put_wild_endpoint(writer);
    if (chance(writer, 8))
        put(writer, " port %u-%u,%u", 1000 + below(writer, 10), 1010 + below(writer, 1000), below(writer, 65536));
    put(writer, " to ");
    put_wild_endpoint(writer);
    put_wild_services(writer);
    if (chance(writer, 25))
        put(writer, "%s", states[below(writer, 5)]);
    if (chance(writer, 8))
        put(writer, " when %s", chance(writer, 50) ? "work" : "night");
    if (chance(writer, 4))
        put(writer, " expires 20%u-01-01", 27 + below(writer, 40));
    if (chance(writer, 8))
        put(writer, " flags %s", chance(writer, 50) ? "syn/syn,ack" : "ack/ack");
    put(writer, "\n");
}

static void put_office_endpoint(struct writer *writer, bool v4)
{
    unsigned kind = below(writer, 100);
    if (kind < 12)
        put(writer, "any");
    else if (kind < 22)
        put(writer, "%s", zone(writer));
    else if (kind < 34)
        put(writer, "s%u", set(writer));
    else if (kind < 42)
        put(writer, "s%u@%s", set(writer), zone(writer));
    else if (kind < 44)
        put(writer, "!s%u", set(writer));
    else if (kind < 46)
        put(writer, "%s", chance(writer, 50) ? "self" : "moving");
    else if (v4)
        put_v4(writer);
    else
        put_v6(writer);
}

static void put_office_rule(struct writer *writer)
{
    bool v4 = chance(writer, 75);
    unsigned port = chance(writer, 50) ? 1 + below(writer, 1000) : 1024 + below(writer, 64000), kind = below(writer, 100);
    put(writer, "%s ", kind < 80 ? "allow" : kind < 95 ? "deny" : "reject");
    put_office_endpoint(writer, v4);
    put(writer, " to ");
    put_office_endpoint(writer, v4);
    if (kind % 10 < 6)
        put(writer, " tcp %u,%u", port, 1 + below(writer, 1023));
    else if (kind % 10 < 8)
        put(writer, " udp %u", port);
    else
        put(writer, " tcp %u-%u, udp %u", port, port + below(writer, 100), port);
    put(writer, "\n");
}

char *random_rules(struct random *random, enum random_kind kind, unsigned count)
{
    struct writer writer = {.random = random};
    static const char *const defaults[] = {"deny", "allow", "reject"};
    put(&writer, "zone lan = eth1 net 10.0.0.0/8, 2001:db8:1::/64\nzone dmz = eth2\nzone wan = eth0\nzone guests = wlan+\n"
                 "schedule work = mon-fri 07:00-19:00\nschedule night = mon-sun 19:00-07:00\n"
                 "hook forward, input, output\ndefault %s\n",
        defaults[kind == RANDOM_WILD ? below(&writer, 3) : 0]);
    put_sets(&writer);
    for (unsigned i = 0; i < count; i++) {
        if (kind == RANDOM_WILD)
            put_wild_rule(&writer);
        else
            put_office_rule(&writer);
    }
    return writer.text;
}

struct ruleset *random_rules_read(const char *text)
{
    const struct file_access access = rules_text(text);
    struct diagnostics diagnostics;
    if (!diagnostics_init(&diagnostics))
        abort();
    struct ruleset *ruleset = parser_read("random", &access, &diagnostics);
    for (size_t i = 0; i < diagnostics.count && ruleset == NULL; i++)
        printf("random:%u: %s\n", diagnostics.records[i].line, diagnostics.records[i].message);
    diagnostics_fini(&diagnostics);
    return ruleset;
}

struct surroundings *random_surroundings(struct random *random, const struct ruleset *ruleset)
{
    struct address_range self[4];
    struct interface_zone interfaces[RULESET_ZONES_MAX];
    for (unsigned i = 0; i < 3; i++)
        self[i].first = self[i].last = address_v4(0x0a800000u + random_below(random, 1u << 20));
    self[3].first = self[3].last = (struct address){0x20010db800070000, 1 + random_below(random, 4095)};
    for (uint16_t zone_index = 1; zone_index < ruleset->zone_count; zone_index++)
        interfaces[zone_index - 1] = (struct interface_zone){zone_index, zone_index};
    struct surroundings *plain = surroundings_new(interfaces, ruleset->zone_count - 1, self, 4);
    uint64_t some = (uint64_t)random_below(random, UINT32_MAX) << 32 | random_below(random, UINT32_MAX);
    struct surroundings *surroundings = surroundings_at(plain, some);
    surroundings_free(plain);
    return surroundings;
}

/* ---- queries ---- */

static struct address inside(struct random *random, struct address_range range)
{
    uint64_t width = range.last.low - range.first.low;
    bool wide = width >= UINT32_MAX || range.first.high != range.last.high;
    range.first.low += wide ? random_below(random, UINT32_MAX) : random_below(random, (uint32_t)width + 1);
    return range.first;
}

/* At one of the range's borders, within or just outside. */
static struct address at_border(struct random *random, struct address_range range)
{
    switch (random_below(random, 4)) {
    case 0:
        return range.last;
    case 1:
        return address_next(range.last);
    case 2:
        return address_previous(range.first);
    default:
        return range.first;
    }
}

/* A query while it is made. */
struct aim {
    struct random *random;
    const struct ruleset *ruleset;
    bool near; /* not only within */
};

static bool misses(const struct aim *aim)
{
    return aim->near && random_below(aim->random, 12) == 0;
}

static void aim_at(const struct aim *aim, const struct endpoint *endpoint, bool v4, struct address *address, uint16_t *its_zone)
{
    struct random *random = aim->random;
    *address = v4 ? address_v4(0x0a800000u + random_below(random, 1u << 20))
                  : (struct address){0x20010db800000000 | (uint64_t)random_below(random, 64) << 16, 1 + random_below(random, 4095)};
    *its_zone = (uint16_t)random_below(random, (uint32_t)aim->ruleset->zone_count);
    if (endpoint->term_count == 0)
        return;
    const struct endpoint_term *term = &endpoint->terms[random_below(random, (uint32_t)endpoint->term_count)];
    if (term->zone != 0 && !misses(aim))
        *its_zone = term->zone;
    if (term->kind != TERM_SET || misses(aim))
        return;
    const struct rangeset *members = &term->set->members;
    for (unsigned tries = 0; tries < 8 && members->count > 0; tries++) {
        struct address_range range = members->ranges[random_below(random, (uint32_t)members->count)];
        *address = aim->near && random_below(random, 2) ? at_border(random, range) : inside(random, range);
        if (address_is_v4(*address) == v4)
            return;
    }
}

static bool speaks_v4(const struct endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->term_count; i++) {
        const struct endpoint_term *term = &endpoint->terms[i];
        if (term->kind != TERM_SET || term->set->moving_count > 0)
            return true;
        for (size_t k = 0; k < term->set->members.count; k++)
            if (address_is_v4(term->set->members.ranges[k].first))
                return true;
    }
    return false;
}

static struct query aim_query(const struct aim *aim, const struct rule *rule)
{
    static const uint8_t protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP, PROTOCOL_SCTP, 95};
    static const uint8_t flags[] = {TCP_SYN, TCP_ACK, TCP_SYN | TCP_ACK, TCP_RST};
    struct random *random = aim->random;
    bool v4 = speaks_v4(&rule->src) && speaks_v4(&rule->dst) && random_below(random, 5) > 0;
    struct query query = {
        .state = aim->near && random_below(random, 4) == 0 ? 1 + random_below(random, STATE_COUNT - 1) : STATE_NEW,
        .protocol = protocols[random_below(random, sizeof protocols)],
        .service = (uint16_t)random_below(random, 1100),
        .src_port = (uint16_t)(1000 + random_below(random, 1000)),
        .tcp_flags = flags[random_below(random, sizeof flags)],
        .now_ms = 1000 + random_below(random, 2000),
    };
    aim_at(aim, &rule->src, v4, &query.src, &query.src_zone);
    aim_at(aim, &rule->dst, v4, &query.dst, &query.dst_zone);
    if (rule->service_count > 0 && !misses(aim)) {
        const struct service_item *item = &rule->services[random_below(random, (uint32_t)rule->service_count)];
        query.protocol = item->protocol;
        query.service = (uint16_t)(item->first + random_below(random, item->last - item->first + 1u));
        if (misses(aim))
            query.service = (uint16_t)(random_below(random, 2) ? item->first - 1 : item->last + 1);
    }
    if (rule->src_port_count > 0 && !misses(aim)) {
        const struct port_range *ports = &rule->src_ports[random_below(random, (uint32_t)rule->src_port_count)];
        query.src_port = (uint16_t)(random_below(random, 2) ? ports->first : ports->last + misses(aim));
    }
    return query;
}

struct query random_query_in(struct random *random, const struct ruleset *ruleset, uint32_t rule)
{
    return aim_query(&(struct aim){random, ruleset, false}, &ruleset->rules[rule]);
}

struct query random_query_near(struct random *random, const struct ruleset *ruleset, uint32_t rule)
{
    return aim_query(&(struct aim){random, ruleset, true}, &ruleset->rules[rule]);
}
