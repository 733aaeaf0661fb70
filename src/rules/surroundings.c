#include "rules/surroundings.h"

#include <stdlib.h>
#include <string.h>

#include "rules/ruleset.h"

static int by_interface(const void *a, const void *b)
{
    uint32_t left = ((const struct interface_zone *)a)->interface, right = ((const struct interface_zone *)b)->interface;
    return left < right ? -1 : left > right;
}

struct surroundings *surroundings_new(const struct interface_zone *interfaces, size_t count,
                                      const struct address_range *self, size_t self_count)
{
    size_t interface_bytes = count * sizeof *interfaces, self_bytes = self_count * sizeof *self;
    /* One block: the ranges first behind the struct, because they need the stricter alignment. */
    struct surroundings *surroundings = malloc(sizeof *surroundings + self_bytes + interface_bytes);
    if (surroundings == NULL)
        return NULL;
    surroundings->self = (struct rangeset){self_count, (struct address_range *)(surroundings + 1)};
    surroundings->interface_count = count;
    surroundings->interfaces = (struct interface_zone *)(surroundings->self.ranges + self_count);
    if (self_count > 0)
        memcpy(surroundings->self.ranges, self, self_bytes);
    if (count > 0)
        memcpy(surroundings->interfaces, interfaces, interface_bytes);
    rangeset_normalise(&surroundings->self);
    qsort(surroundings->interfaces, count, sizeof *interfaces, by_interface);
    surroundings->schedules = 0;
    return surroundings;
}

#define STAND_IN_V4 address_v4(0xc0000008)
#define STAND_IN_V6 ((struct address){UINT64_C(0x0100000000000000), 8})

struct surroundings *surroundings_offline(const struct address_range *self, size_t count)
{
    struct address_range *own = malloc((count + 2) * sizeof *own);
    if (own == NULL)
        return NULL;
    if (count > 0)
        memcpy(own, self, count * sizeof *own);
    own[count] = (struct address_range){STAND_IN_V4, STAND_IN_V4};
    own[count + 1] = (struct address_range){STAND_IN_V6, STAND_IN_V6};
    struct surroundings *surroundings = surroundings_new(NULL, 0, own, count + 2);
    free(own);
    return surroundings;
}

static bool is_loopback(struct address address)
{
    return address_is_v4(address) ? (uint32_t)address.low >> 24 == 127 : address.high == 0 && address.low == 1;
}

bool surroundings_own(const struct surroundings *surroundings, bool v4, struct address *own)
{
    *own = v4 ? STAND_IN_V4 : STAND_IN_V6;
    for (size_t i = 0; surroundings != NULL && i < surroundings->self.count; i++) {
        *own = surroundings->self.ranges[i].first;
        if (address_is_v4(*own) == v4 && !is_loopback(*own))
            return true;
    }
    return surroundings == NULL;
}

struct surroundings *surroundings_at(const struct surroundings *surroundings, uint64_t schedules)
{
    struct surroundings *other = surroundings_new(surroundings->interfaces, surroundings->interface_count,
                                                  surroundings->self.ranges, surroundings->self.count);
    if (other != NULL)
        other->schedules = schedules;
    return other;
}

void surroundings_free(struct surroundings *surroundings)
{
    free(surroundings);
}

uint16_t surroundings_zone(const struct surroundings *surroundings, uint32_t interface)
{
    size_t low = 0, high = surroundings->interface_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (surroundings->interfaces[middle].interface < interface)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < surroundings->interface_count && surroundings->interfaces[low].interface == interface)
        return surroundings->interfaces[low].zone;
    return 0;
}
