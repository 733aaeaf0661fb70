/*
 * One packet on its way through the engine: what it is judged by, and the steps that more than one part of the way takes.
 * Private to the room.
 */
#ifndef ENGINE_PASSAGE_H
#define ENGINE_PASSAGE_H

#include "engine/engine.h"
#include "engine/screen.h"
#include "state/family.h"

struct passage {
    struct engine *engine;
    const struct arrival *arrival;
    const struct packet *packet;
    struct verdict *verdict;
};

/* One writer, any reader: a plain addition that never tears. */
static inline void passage_count(uint64_t *counter, uint64_t more)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + more, __ATOMIC_RELAXED);
}

static inline struct rule_counter *passage_rule_counter(const struct engine *engine, uint32_t rule)
{
    return &engine->rule_counters[ruleset_slot(engine->ruleset, rule)];
}

static inline bool passage_unhooked(const struct passage *passage, enum chain chain)
{
    return screen_unhooked(passage->engine->ruleset, chain);
}

static inline void passage_allow_implicitly(const struct passage *passage, enum packet_state state)
{
    passage->verdict->state = (uint8_t)state;
    passage->verdict->action = ACTION_ALLOW;
    passage->verdict->reason = REASON_IMPLICIT;
}

/* Above a limit: the rule is named, and nothing happens. */
static inline void passage_deny_limit(const struct passage *passage)
{
    passage->verdict->action = ACTION_DENY;
    passage->verdict->reason = REASON_LIMIT;
}

/* Fail closed: an untracked packet would make its replies invalid. */
static inline void passage_deny_room(const struct passage *passage)
{
    passage->verdict->action = ACTION_DENY;
    passage->verdict->reason = REASON_TABLE_FULL;
}

/* The ALG has refused what the packet says. */
static inline void passage_deny_alg(const struct passage *passage, const char *why)
{
    passage->verdict->action = ACTION_DENY;
    passage->verdict->reason = REASON_ALG;
    passage->verdict->detail = why;
}

/* Counts PACKETS of BYTES together for RULE, or for the default. */
static inline void passage_count_rule(struct engine *engine, uint32_t rule, uint64_t packets, uint64_t bytes, uint64_t now_ms)
{
    struct rule_counter *counter = passage_rule_counter(engine, rule);
    passage_count(&counter->packets, packets);
    passage_count(&counter->bytes, bytes);
    __atomic_store_n(&counter->last_ms, now_ms, __ATOMIC_RELAXED);
    if (counter->first_ms == 0)
        __atomic_store_n(&counter->first_ms, now_ms, __ATOMIC_RELAXED);
}

/* A new or invalid packet is matched by its own header. */
struct query passage_query_packet(const struct passage *passage, enum packet_state state);

/* An established or related packet is matched by the endpoints and the service of a connection, as it was opened. */
struct query passage_query_basis(const struct passage *passage, const struct basis *basis, enum packet_state state);

/* Writes the rules' answer into the verdict. */
void passage_decide(const struct passage *passage, const struct query *query);

/* The opener's mark goes on every packet of the connection. */
static inline void passage_set_mark(const struct passage *passage, const struct connection *connection)
{
    if (!(connection->flags & CONNECTION_MARKS))
        return;
    const struct rule *opener = &passage->engine->ruleset->rules[connection->opener_rule];
    passage->verdict->mark = opener->mark;
    passage->verdict->mark_mask = opener->mark_mask;
}

#endif
