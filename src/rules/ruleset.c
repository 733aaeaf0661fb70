#include "rules/ruleset.h"

#include <string.h>

#include "base/arena.h"

void ruleset_free(struct ruleset *ruleset)
{
    if (ruleset != NULL)
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

uint32_t ruleset_find(const struct ruleset *ruleset, const char *name)
{
    for (uint32_t i = 0; i < ruleset->rule_count; i++)
        if (ruleset->rules[i].name != NULL && strcmp(ruleset->rules[i].name, name) == 0)
            return i;
    return RULE_DEFAULT;
}
