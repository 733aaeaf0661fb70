/*
 * A world so small that every packet in it can be asked, random rules over it, and who decides: written without a look at how
 * the analysis does it.
 *
 * Whether an address is in the set that moves, and whether it is the gateway's, is drawn for each side of a packet on its own:
 * that is every content which the set can have.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "rules/ruleset.h"

#define WORLD_RULES_MAX 7

/* A few addresses, interfaces, services. No rule names the last address, nor the last services; interface 0 is in no zone. */
enum { ADDRESSES = 5, INTERFACES = 3, NAMED = 6, SERVICES = 10, WORLD_FTP = 1 };

struct point {
    uint8_t src, dst, src_interface, dst_interface, service, src_port, state;
    bool src_member, dst_member, src_self, dst_self, daytime, unfilled;
};

struct world {
    struct ruleset ruleset;
    struct rule rules[WORLD_RULES_MAX];
    struct endpoint_term terms[WORLD_RULES_MAX][2][2];
    struct set sets[WORLD_RULES_MAX][2][2];
    struct address_range ranges[WORLD_RULES_MAX][2][2];
    struct service_item items[WORLD_RULES_MAX][2];
    struct zone zones[INTERFACES];
    const char *interfaces[INTERFACES];
    struct moving_set moving[1];
    uint64_t state; /* of the random numbers */
};

/* A random ruleset of SEED. Its set that moves is empty, and freed by world_fini. */
void world_init(struct world *world, uint64_t seed);
void world_fini(struct world *world);

/* A change or two, as an author makes them: a rule, two in another order, one less, the default, the zones' interfaces. */
void world_change(struct world *world, uint64_t seed);

uint16_t world_zone(const struct world *world, uint8_t interface);
bool world_matches(const struct world *world, const struct rule *rule, const struct point *point);

/* The rule that decides, WITHOUT one (RULE_DEFAULT: with all), and its verdict. */
uint32_t world_decide(const struct world *world, const struct point *point, uint32_t without);
enum action world_verdict(const struct world *world, uint32_t rule, const struct point *point);

/* Does an endpoint of RULE name the set that moves? */
bool world_names_movers(const struct endpoint *endpoint);

/* Does RULE name FTP's port alone? */
bool world_asks_ftp(const struct rule *rule);

/* Asks of every packet that there can be in WORLD: also before its set has been filled, where it may not be. */
void world_each(const struct world *world, void (*ask)(void *context, const struct point *point), void *context);

#endif
