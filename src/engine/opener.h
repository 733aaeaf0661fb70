/*
 * What a connection has for its whole life from the rule that opened it: limits, timeouts, looseness. A connection knows its
 * opener by identity, so a reload that keeps the rule keeps all of it; where the rule is gone, the one that would open the
 * connection now takes its place.
 */
#ifndef ENGINE_OPENER_H
#define ENGINE_OPENER_H

#include "engine/engine.h"
#include "state/session.h"

/* What a connection would be, or is, whose opener is RULE (an index, or RULE_DEFAULT). */
struct opening {
    uint32_t rule;
    uint8_t protocol;
    struct address source;
    uint64_t now_ms;
    bool untracked; /* no connection comes of it: only the rate is asked */
    bool picked_up; /* there will be no handshake to wait for */
};

/*
 * May it be opened? True: it is counted, and *COUNTED holds what for (connection.counted). False: it is above a limit. A
 * source that cannot be another's enters the rule's overload set then; where a handshake will prove that, the rule's limits
 * are asked when it ends, by opener_admit_handshake.
 */
bool opener_admit(const struct engine *engine, const struct opening *opening, uint8_t *counted);

/* Takes back what opener_admit counted: the connection did not come to be. */
void opener_revoke(const struct engine *engine, const struct opening *opening, uint8_t counted);

/* The handshake of CONNECTION ends now. True: it is counted; false: it is above its opener's limits, and its source in the set. */
bool opener_admit_handshake(const struct engine *engine, struct connection *connection, uint64_t now_ms);

/* CONNECTION, just made, was opened so. */
void opener_bind(const struct engine *engine, struct connection *connection, const struct opening *opening,
                 uint8_t counted);

/* CONNECTION, just made, was announced on one that the rule with this IDENTITY opened: it has the same opener, and counts for no limit. */
void opener_inherit(const struct engine *engine, struct connection *connection, uint32_t identity);

/*
 * CONNECTION is matched by the engine's ruleset for the first time and goes on: finds its opener there, by identity, else the
 * rule that would open it, which QUERY in state new asks for. It counts, and is never refused.
 */
void opener_rebind(const struct engine *engine, struct connection *connection, const struct query *query);

/* The same for CONNECTION, just taken over from another table (state/inherit.h), before the rules are asked about it. */
void opener_adopt(const struct engine *engine, struct connection *connection, uint64_t now_ms);

/* How long CONNECTION may idle after STEP. */
uint32_t opener_idle_ms(const struct ruleset *ruleset, const struct connection *connection, const struct step *step);

/* How long a connection by RULE may idle after its first STEP. */
uint32_t opener_first_idle_ms(const struct ruleset *ruleset, uint32_t rule, const struct step *step);

/*
 * Where a rule says `overload ... flush`, lets the connections from and to the members of its set be matched anew. Walks the
 * whole table when somebody has entered such a set since the last call; not for the packet path, may run beside it.
 */
void opener_flush(struct table *table, const struct ruleset *ruleset, uint64_t now_ms);

/*
 * The schedules in CHANGED have begun or ended: the connections whose rule, or opener, names one of them are matched anew. Walks
 * the whole table; not for the packet path, may run beside it.
 */
void opener_schedule_edge(struct table *table, const struct ruleset *ruleset, uint64_t changed, uint64_t now_ms);

#endif
