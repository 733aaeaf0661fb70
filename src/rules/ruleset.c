#include "rules/ruleset.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "packet/protocol.h"
#include "rules/classifier.h"
#include "rules/dns_set.h"
#include "rules/dynamic_set.h"

void ruleset_free(struct ruleset *ruleset)
{
    if (ruleset == NULL)
        return;
    for (size_t i = 0; i < ruleset->moving_count; i++) {
        dynamic_set_release(ruleset->moving[i].members);
        dns_set_free(ruleset->moving[i].dns);
    }
    classifier_free(ruleset->classifier);
    arena_free(ruleset->arena); /* the ruleset itself lives there too */
}

/* How well PATTERN fits the interface: 0 not at all; the whole name fits better than any prefix. */
static size_t interface_fit(const char *pattern, const char *name)
{
    size_t length = strlen(pattern);
    if (length > 0 && pattern[length - 1] == '+')
        return strncmp(pattern, name, length - 1) == 0 ? length : 0;
    return strcmp(pattern, name) == 0 ? SIZE_MAX : 0;
}

struct query query_turned(const struct query *query)
{
    struct query turned = *query;
    turned.src = query->dst;
    turned.dst = query->src;
    turned.src_zone = query->dst_zone;
    turned.dst_zone = query->src_zone;
    /* What an ICMP answer was asked for is in both. */
    if (protocol_has_ports(query->protocol)) {
        turned.src_port = query->service;
        turned.service = query->src_port;
    }
    return turned;
}

uint16_t ruleset_zone_of(const struct ruleset *ruleset, const char *name)
{
    uint16_t zone = 0;
    size_t best = 0;
    for (size_t i = 1; i < ruleset->zone_count; i++)
        for (size_t k = 0; k < ruleset->zones[i].interface_count; k++) {
            size_t fit = interface_fit(ruleset->zones[i].interfaces[k], name);
            if (fit > best) {
                best = fit;
                zone = (uint16_t)i;
            }
        }
    return zone;
}

/* The smallest range of the set that holds ADDRESS, as its size minus one; false when none does. */
static bool range_size(const struct rangeset *set, struct address address, struct address *size)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct address_range *range = &set->ranges[i];
        if (address_compare(range->first, address) > 0 || address_compare(address, range->last) > 0)
            continue;
        size->low = range->last.low - range->first.low;
        size->high = range->last.high - range->first.high - (range->last.low < range->first.low);
        return true;
    }
    return false;
}

uint16_t ruleset_zone_by_address(const struct ruleset *ruleset, struct address address)
{
    uint16_t zone = 0, without_net = 0;
    unsigned without_nets = 0;
    struct address best = {UINT64_MAX, UINT64_MAX}, size;
    for (size_t i = 1; i < ruleset->zone_count; i++) {
        const struct zone *candidate = &ruleset->zones[i];
        if (candidate->nets.count == 0) {
            without_net = (uint16_t)i;
            without_nets++;
        } else if (range_size(&candidate->nets, address, &size) && address_compare(size, best) <= 0) {
            best = size;
            zone = (uint16_t)i;
        }
    }
    if (zone != 0)
        return zone;
    return without_nets == 1 ? without_net : 0;
}

bool ruleset_spoofed(const struct ruleset *ruleset, struct address address, uint16_t zone)
{
    for (size_t i = 1; i < ruleset->zone_count; i++)
        if (ruleset->zones[i].antispoof && i != zone && rangeset_holds(&ruleset->zones[i].nets, address) &&
            ruleset_zone_by_address(ruleset, address) == i)
            return true;
    return false;
}

/* Is ADDRESS of MEMBERS, and refused, and below what was found? */
static void try_member(const struct ruleset *ruleset, const struct rangeset *members, uint16_t zone, struct address address,
                       bool *found, struct address *spoofed)
{
    if (rangeset_holds(members, address) && ruleset_spoofed(ruleset, address, zone) &&
        (!*found || address_compare(address, *spoofed) < 0)) {
        *found = true;
        *spoofed = address;
    }
}

bool ruleset_spoofed_member(const struct ruleset *ruleset, const struct rangeset *members, uint16_t zone, struct address *spoofed)
{
    bool found = false;
    for (size_t i = 0; i < members->count; i++)
        try_member(ruleset, members, zone, members->ranges[i].first, &found, spoofed);
    /* Whose an address is changes only where a network begins or ends. */
    for (size_t z = 1; z < ruleset->zone_count; z++)
        for (size_t i = 0; i < ruleset->zones[z].nets.count; i++) {
            const struct address_range *net = &ruleset->zones[z].nets.ranges[i];
            struct address behind = net->last;
            behind.high += ++behind.low == 0;
            try_member(ruleset, members, zone, net->first, &found, spoofed);
            try_member(ruleset, members, zone, behind, &found, spoofed);
        }
    return found;
}

static bool schedule_holds(const struct schedule *schedule, struct civil moment)
{
    if (moment.day > schedule->last_day)
        return false;
    for (size_t i = 0; i < schedule->span_count; i++)
        if (schedule->spans[i].first <= moment.second_of_week && moment.second_of_week < schedule->spans[i].last)
            return true;
    return schedule->span_count == 0;
}

uint64_t ruleset_schedules_at(const struct ruleset *ruleset, struct civil moment)
{
    uint64_t active = 0;
    for (size_t i = 0; i < ruleset->schedule_count; i++)
        if (schedule_holds(&ruleset->schedules[i], moment))
            active |= UINT64_C(1) << i;
    return active;
}

/* The inverse of the parser's (Howard Hinnant's civil_from_days). */
void civil_day_to_text(struct text *text, int32_t day)
{
    int64_t shifted = (int64_t)day + 719468, era = shifted / 146097, of_era = shifted % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    int64_t of_month = of_year - (153 * month + 2) / 5 + 1;
    month += month < 10 ? 3 : -9;
    text_add(text, "%04d-%02d-%02d", (int)(year + era * 400 + (month <= 2)), (int)month, (int)of_month);
}

bool ruleset_set_holds(const struct ruleset *ruleset, const struct set *set, struct address address, uint64_t now_ms)
{
    for (size_t i = 0; i < set->moving_count; i++)
        if (dynamic_set_holds(ruleset->moving[set->moving[i]].members, address, now_ms))
            return true;
    return rangeset_holds(&set->members, address);
}

bool ruleset_set_filled(const struct ruleset *ruleset, const struct set *set)
{
    for (size_t i = 0; i < set->moving_count; i++)
        if (!dynamic_set_filled(ruleset->moving[set->moving[i]].members))
            return false;
    return true;
}

/* Members of a set that has another size now are entered one by one; a smaller one takes as many as it has room for. */
static void copy_members(struct dynamic_set *to, struct dynamic_set *from, uint64_t now_ms)
{
    uint32_t size = dynamic_set_most(from);
    struct dynamic_member *members = calloc(size, sizeof *members);
    if (members == NULL)
        abort(); /* as an arena does: the caller is a compiler's */
    uint32_t count = dynamic_set_list(from, now_ms, members, size);
    for (uint32_t i = 0; i < count; i++)
        dynamic_set_add(to, &members[i], now_ms);
    free(members);
}

static void adopt_members(struct dynamic_set **to, struct dynamic_set *from, uint64_t now_ms)
{
    if (*to == from)
        return;
    if (dynamic_set_most(*to) != dynamic_set_most(from)) {
        copy_members(*to, from, now_ms);
        return;
    }
    dynamic_set_release(*to);
    *to = dynamic_set_share(from);
}

/* The set of OLD that goes on as MOVING; NULL: there is none. */
static const struct moving_set *same_set(const struct ruleset *old, const struct moving_set *moving)
{
    for (size_t i = 0; i < old->moving_count; i++)
        if (old->moving[i].kind == moving->kind && strcmp(old->moving[i].name, moving->name) == 0)
            return &old->moving[i];
    return NULL;
}

void ruleset_adopt(struct ruleset *ruleset, const struct ruleset *old, uint64_t now_ms)
{
    for (size_t i = 0; i < ruleset->moving_count; i++) {
        struct moving_set *to = &ruleset->moving[i];
        const struct moving_set *from = same_set(old, to);
        if (from != NULL && to->kind == MOVING_DYNAMIC)
            adopt_members(&to->members, from->members, now_ms);
        else if (from != NULL && to->kind == MOVING_DNS)
            dns_set_adopt(to->dns, to->members, from->dns, now_ms);
    }
}

void ruleset_revive(struct ruleset *ruleset, const struct ruleset *current)
{
    for (size_t i = 0; i < ruleset->moving_count; i++) {
        struct moving_set *moving = &ruleset->moving[i];
        const struct moving_set *now = same_set(current, moving);
        if (moving->kind == MOVING_DNS)
            dns_set_revive(moving->dns, moving->members);
        else if (moving->kind == MOVING_DYNAMIC && now != NULL && now->members != moving->members)
            dynamic_set_clear(moving->members);
    }
}

uint32_t ruleset_rule_of(const struct ruleset *ruleset, uint32_t identity)
{
    size_t low = 0, high = ruleset->places != NULL ? ruleset->rule_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ruleset->places[middle].identity < identity)
            low = middle + 1;
        else if (ruleset->places[middle].identity > identity)
            high = middle;
        else
            return ruleset->places[middle].rule;
    }
    return RULE_DEFAULT;
}

uint32_t ruleset_find(const struct ruleset *ruleset, const char *name)
{
    for (uint32_t i = 0; i < ruleset->rule_count; i++)
        if (ruleset->rules[i].name != NULL && strcmp(ruleset->rules[i].name, name) == 0)
            return i;
    return RULE_DEFAULT;
}

static bool names_self(const struct endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->term_count; i++)
        if (endpoint->terms[i].kind == TERM_SELF)
            return true;
    return false;
}

bool ruleset_protects(const struct ruleset *ruleset, uint8_t protocol, uint16_t port)
{
    for (size_t i = 0; i < ruleset->protect_count; i++) {
        const struct rule *protect = &ruleset->protects[i];
        if (!names_self(&protect->dst))
            continue;
        for (size_t k = 0; k < protect->service_count; k++) {
            const struct service_item *item = &protect->services[k];
            if (item->protocol == protocol && item->first <= port && port <= item->last)
                return true;
        }
        if (protect->service_count == 0)
            return true;
    }
    return false;
}
