#include "rules/member.h"

bool member_find(const struct ruleset *ruleset, const struct set *set, struct address address, uint64_t now_ms,
                 struct member *member)
{
    *member = (struct member){.set = set};
    for (size_t i = 0; i < set->written_count; i++)
        if (address_compare(set->written[i].range.first, address) <= 0 &&
            address_compare(address, set->written[i].range.last) <= 0) {
            member->written = &set->written[i];
            return true;
        }
    for (size_t i = 0; i < set->inner_count; i++)
        if (member_find(ruleset, set->inner[i], address, now_ms, member))
            return true;
    *member = (struct member){.set = set};
    for (size_t i = 0; i < set->moving_count; i++)
        if (moving_origin(&ruleset->moving[set->moving[i]], address, now_ms, &member->origin)) {
            member->moving = &ruleset->moving[set->moving[i]];
            return true;
        }
    return false;
}
