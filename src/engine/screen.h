/*
 * What is decided before the rules are asked: by a packet's header, its chain, and the zone it came from. The data path asks about
 * packets, tests and explanations about queries.
 */
#ifndef ENGINE_SCREEN_H
#define ENGINE_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/packet.h"
#include "packet/verdict.h"
#include "rules/ruleset.h"

struct surroundings;

enum screening {
    SCREENING_NONE,    /* nothing: the rules are asked */
    SCREENING_SPOOFED, /* denied: antispoof */
    SCREENING_ND,      /* allowed: the implicit rules */
    SCREENING_DHCP,
};

/*
 * The gateway's own packets are queued both ways as soon as one way is hooked, because a connection cannot be followed by
 * half of its packets. What opens in the chain that the rules do not speak about passes without them, whole.
 */
static inline bool screen_unhooked(const struct ruleset *ruleset, enum chain chain)
{
    return chain != CHAIN_FORWARD && !(ruleset->hooks & CHAIN_BIT(chain));
}

/* Is the zone asked for? Who has to look it up spares it otherwise. */
static inline bool screen_asks_zone(const struct ruleset *ruleset, const struct packet *packet)
{
    return ruleset->antispoof || packet->protocol == PROTOCOL_UDP;
}

/* ZONE: of the interface that the packet comes in through; of one that the gateway sends, goes out through. */
enum screening screen_packet(const struct ruleset *ruleset, const struct packet *packet, enum chain chain, uint16_t zone);

/*
 * The same of the packet that QUERY is about: from `self` in SURROUNDINGS; to it, or to everybody on a link; or forwarded. Its hop
 * limit is 255. NONE where the chain is not hooked: nobody asks then.
 */
enum screening screen_query(const struct ruleset *ruleset, const struct surroundings *surroundings, const struct query *query);

/* "antispoof", "implicit nd" ...; NULL for NONE. */
const char *screening_name(enum screening screening);

#endif
