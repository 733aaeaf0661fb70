#include "io/interfaces.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/netlink.h"
#include "rules/ruleset.h"

/* A growing list; both are small. */
struct gathering {
    struct interface_zone *zones;
    size_t zone_count;
    struct address_range *self;
    size_t self_count;
};

static int gather_zones(struct gathering *gathering, const struct ruleset *ruleset)
{
    struct if_nameindex *names = if_nameindex();
    size_t count = 0;
    if (names == NULL)
        return -errno;
    while (names[count].if_index != 0)
        count++;
    gathering->zones = calloc(count + 1, sizeof *gathering->zones);
    for (size_t i = 0; gathering->zones != NULL && i < count; i++)
        gathering->zones[gathering->zone_count++] =
            (struct interface_zone){names[i].if_index, ruleset_zone_of(ruleset, names[i].if_name)};
    if_freenameindex(names);
    return gathering->zones != NULL ? 0 : -ENOMEM;
}

static void add_address(struct gathering *gathering, const struct sockaddr *socket_address)
{
    struct address address;
    if (socket_address->sa_family == AF_INET)
        address = address_v4(ntohl(((const struct sockaddr_in *)(const void *)socket_address)->sin_addr.s_addr));
    else
        address = address_v6(((const struct sockaddr_in6 *)(const void *)socket_address)->sin6_addr.s6_addr);
    gathering->self[gathering->self_count++] = (struct address_range){address, address};
}

static int gather_self(struct gathering *gathering)
{
    struct ifaddrs *list;
    size_t count = 0;
    if (getifaddrs(&list) != 0)
        return -errno;
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next)
        count++;
    gathering->self = calloc(count + 1, sizeof *gathering->self);
    for (const struct ifaddrs *i = list; gathering->self != NULL && i != NULL; i = i->ifa_next)
        if (i->ifa_addr != NULL && (i->ifa_addr->sa_family == AF_INET || i->ifa_addr->sa_family == AF_INET6))
            add_address(gathering, i->ifa_addr);
    freeifaddrs(list);
    return gathering->self != NULL ? 0 : -ENOMEM;
}

struct surroundings *interfaces_surroundings(const struct ruleset *ruleset)
{
    struct gathering gathering = {0};
    struct surroundings *surroundings = NULL;
    if (gather_zones(&gathering, ruleset) == 0 && gather_self(&gathering) == 0)
        surroundings =
            surroundings_new(gathering.zones, gathering.zone_count, gathering.self, gathering.self_count);
    free(gathering.zones);
    free(gathering.self);
    return surroundings;
}

/* The bits of an IPv6 netmask. */
static unsigned mask_bits(const struct sockaddr *mask)
{
    const uint8_t *bytes = ((const struct sockaddr_in6 *)(const void *)mask)->sin6_addr.s6_addr;
    unsigned bits = 0;
    while (bits < 128 && bytes[bits / 8] & 0x80 >> bits % 8)
        bits++;
    return bits;
}

static bool has_prefix(const struct ifaddrs *interface)
{
    if (interface->ifa_addr == NULL || interface->ifa_netmask == NULL || interface->ifa_addr->sa_family != AF_INET6)
        return false;
    const struct in6_addr *address = &((const struct sockaddr_in6 *)(const void *)interface->ifa_addr)->sin6_addr;
    return !IN6_IS_ADDR_LINKLOCAL(address) && !IN6_IS_ADDR_LOOPBACK(address);
}

int interfaces_prefixes(const struct ruleset *ruleset, struct zone_prefix **prefixes, size_t *count)
{
    struct ifaddrs *list;
    size_t most = 0;
    *count = 0;
    if (getifaddrs(&list) != 0)
        return -errno;
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next)
        most += has_prefix(i);
    *prefixes = calloc(most + 1, sizeof **prefixes);
    for (const struct ifaddrs *i = list; *prefixes != NULL && i != NULL; i = i->ifa_next) {
        uint16_t zone = has_prefix(i) ? ruleset_zone_of(ruleset, i->ifa_name) : 0;
        if (zone == 0)
            continue;
        const uint8_t *bytes = ((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr.s6_addr;
        unsigned bits = mask_bits(i->ifa_netmask);
        (*prefixes)[(*count)++] = (struct zone_prefix){zone, {address_prefix(address_v6(bytes), bits).first, bits}};
    }
    freeifaddrs(list);
    return *prefixes != NULL ? 0 : -ENOMEM;
}

int interfaces_watch(void)
{
    return netlink_watch(NETLINK_ROUTE, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
}
