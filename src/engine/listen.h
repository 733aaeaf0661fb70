/*
 * Where connections meet their ALG: who is listened to, what is told, and what becomes of the orders. Between the rules and
 * the commit on a packet's way: whatever is refused here has never happened.
 */
#ifndef ENGINE_LISTEN_H
#define ENGINE_LISTEN_H

#include "engine/engine.h"

struct family;

/* The dialect that connections of PROTOCOL opened by RULE (an index, or RULE_DEFAULT) are listened to in; 0: in none. */
uint8_t listen_dialect(const struct ruleset *ruleset, uint32_t rule, uint8_t protocol);

/* Listens to CONNECTION, just made, in DIALECT (not 0) from now on. False: as many are listened to as may be. */
bool listen_begin(const struct engine *engine, struct connection *connection, uint8_t dialect);

/*
 * PACKET, which passes otherwise, runs in DIRECTION of CONNECTION, which has an ALG: tells it, and carries out what it
 * orders. Returns NULL when the packet may pass, else why not (a constant, for people).
 */
const char *listen_hear(const struct engine *engine, struct connection *connection, enum direction direction,
                        const struct packet *packet, uint64_t now_ms);

/* CONNECTION, which has an ALG, is in a new state: where it is over nothing more comes of what it has announced. */
void listen_follow(const struct engine *engine, const struct connection *connection, uint64_t now_ms);

/* May a child come from SOURCE, which is not the one that was announced? By the `media SET` of the rule with this identity. */
bool listen_trusts(const struct engine *engine, uint32_t opener, struct address source, uint64_t now_ms);

#endif
