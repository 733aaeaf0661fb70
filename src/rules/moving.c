#include "rules/moving.h"

#include "rules/dns_set.h"
#include "rules/dynamic_set.h"

bool moving_join(struct prefix prefix, struct address suffix, struct address *address)
{
    if (!address_equal(address_prefix((struct address){0, 0}, prefix.bits).first, address_prefix(suffix, prefix.bits).first))
        return false;
    struct address base = address_prefix(prefix.base, prefix.bits).first;
    *address = (struct address){base.high | suffix.high, base.low | suffix.low};
    return true;
}

/* The addresses that a `prefix(zone)::suffix` stands for. */
static size_t join_all(const struct moving_set *moving, const struct zone_prefix *prefixes, size_t count,
                       struct address addresses[MOVING_PREFIXES_MAX])
{
    size_t joined = 0;
    for (size_t i = 0; i < count && joined < MOVING_PREFIXES_MAX; i++)
        if (prefixes[i].zone == moving->zone && moving_join(prefixes[i].prefix, moving->suffix, &addresses[joined]))
            joined++;
    return joined;
}

static bool contains(const struct address *addresses, size_t count, struct address address)
{
    for (size_t i = 0; i < count; i++)
        if (address_equal(addresses[i], address))
            return true;
    return false;
}

static bool follow(struct moving_set *moving, const struct zone_prefix *prefixes, size_t count, uint64_t now_ms)
{
    struct address addresses[MOVING_PREFIXES_MAX];
    struct dynamic_member before[MOVING_PREFIXES_MAX];
    size_t joined = join_all(moving, prefixes, count, addresses);
    uint32_t members = dynamic_set_list(moving->members, now_ms, before, MOVING_PREFIXES_MAX);
    bool changed = false;
    /* What has gone leaves first, so that there is room; nobody is let in by `!` meanwhile who was not before. */
    if (joined == 0)
        dynamic_set_fill(moving->members, false);
    for (uint32_t i = 0; i < members; i++)
        if (!contains(addresses, joined, before[i].address))
            changed |= dynamic_set_delete(moving->members, before[i].address, now_ms);
    for (size_t i = 0; i < joined; i++) {
        const struct dynamic_member member = {addresses[i], now_ms, UINT64_MAX, 0};
        if (dynamic_set_holds(moving->members, addresses[i], now_ms))
            continue;
        changed |= dynamic_set_add(moving->members, &member, now_ms);
    }
    if (joined > 0)
        dynamic_set_fill(moving->members, true);
    return changed;
}

bool moving_follow(struct ruleset *ruleset, const struct zone_prefix *prefixes, size_t count, uint64_t now_ms)
{
    bool changed = false;
    for (size_t i = 0; i < ruleset->moving_count; i++)
        if (ruleset->moving[i].kind == MOVING_PREFIX)
            changed |= follow(&ruleset->moving[i], prefixes, count, now_ms);
    return changed;
}

void moving_assume(struct ruleset *ruleset)
{
    struct zone_prefix prefixes[MOVING_PREFIXES_MAX];
    for (size_t i = 0; i < ruleset->moving_count; i++) {
        struct moving_set *moving = &ruleset->moving[i];
        size_t count = 0;
        if (moving->kind != MOVING_PREFIX)
            continue;
        const struct zone *zone = &ruleset->zones[moving->zone];
        for (; count < zone->prefix_count && count < MOVING_PREFIXES_MAX; count++)
            prefixes[count] = (struct zone_prefix){moving->zone, zone->prefixes[count]};
        follow(moving, prefixes, count, 0);
    }
}

bool moving_origin(const struct moving_set *moving, struct address address, uint64_t now_ms, struct origin *origin)
{
    struct dynamic_member member;
    if (!dynamic_set_find(moving->members, address, now_ms, &member))
        return false;
    *origin = (struct origin){.since_ms = member.added_ms, .until_ms = member.until_ms, .address = address};
    if (moving->kind == MOVING_DNS)
        origin->name = dns_set_name_by(moving->dns, member.by);
    else if (moving->kind == MOVING_PREFIX)
        origin->zone = moving->zone;
    else
        origin->rule = member.by;
    return true;
}
