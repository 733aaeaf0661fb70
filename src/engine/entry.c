#include "engine/entry.h"

#include "engine/listen.h"
#include "engine/opener.h"
#include "state/limit.h"

/* The entry for a new connection by RULE, in place of OLD if there is one. NULL: the table is full. */
static struct connection *make_entry(const struct passage *passage, uint32_t rule, const struct tuple *tuple, uint32_t hash,
                                     struct connection *old, const struct step *step)
{
    const struct ruleset *ruleset = passage->engine->ruleset;
    struct table *table = passage->engine->table;
    struct standing standing = {
        .timeout_ms = opener_first_idle_ms(ruleset, rule, step),
        .eviction = session_eviction(tuple->protocol, step->state, false),
        .priority = rule != RULE_DEFAULT && ruleset->rules[rule].priority,
    };
    if (old == NULL)
        return table_insert(table, hash, tuple, passage->arrival->now_ms, &standing);
    table_replace(table, old, passage->arrival->now_ms, &standing);
    return old;
}

/* May the connection be opened, as far as limits go? What OLD, which it replaces, was counted for is free for it. */
static bool admit(const struct passage *passage, const struct opening *opening, struct connection *old, uint8_t *counted)
{
    const struct engine *engine = passage->engine;
    *counted = 0;
    if (passage->verdict->reason == REASON_IMPLICIT)
        return true;
    if (old != NULL)
        limit_release(table_tally(engine->table), old->counted, old->opener, connection_source(old));
    bool admitted = opener_admit(engine, opening, counted);
    if (old != NULL && admitted)
        old->counted = 0;
    else if (old != NULL)
        limit_restore(table_tally(engine->table), old->counted, old->opener, connection_source(old));
    return admitted;
}

/* The packet has made CONNECTION, and nobody has told of it yet. */
static void fill_entry(const struct passage *passage, struct connection *connection, enum side side, const struct step *step)
{
    const struct arrival *arrival = passage->arrival;
    session_commit(connection, ORIGINAL, step);
    if (side == SIDE_HIGH)
        connection->flags |= CONNECTION_OPENER_HIGH;
    connection->chain = (uint8_t)arrival->chain;
    connection->in_interface = arrival->in_interface;
    connection->out_interface = arrival->out_interface;
    connection->packets[ORIGINAL] = 1;
    connection->bytes[ORIGINAL] = passage->packet->length;
}

/*
 * CONNECTION, just made, is listened to in DIALECT (0: not at all), beginning with this packet. False: it is not to be, the
 * verdict says why, and the entry is gone. What it took the place of was over.
 */
static bool listen_from_here(const struct passage *passage, struct connection *connection, uint8_t dialect)
{
    const struct engine *engine = passage->engine;
    const char *refused = NULL;
    if (dialect == 0)
        return true;
    bool room = listen_begin(engine, connection, dialect);
    if (room)
        refused = listen_hear(engine, connection, ORIGINAL, passage->packet, passage->arrival->now_ms);
    if (room && refused == NULL)
        return true;
    if (room)
        passage_deny_alg(passage, refused);
    else
        passage_deny_room(passage);
    table_remove(engine->table, connection, ENDING_NONE);
    return false;
}

void entry_open(const struct passage *passage, const struct tuple *tuple, enum side side, uint32_t hash,
                            struct connection *old, const struct step *step)
{
    struct engine *engine = passage->engine;
    const struct arrival *arrival = passage->arrival;
    struct verdict *verdict = passage->verdict;
    const struct opening opening = {
        .rule = verdict->rule,
        .protocol = tuple->protocol,
        .source = side == SIDE_HIGH ? tuple->high : tuple->low,
        .now_ms = arrival->now_ms,
        .untracked = step->untracked,
        .picked_up = step->flags & CONNECTION_PICKED_UP,
    };
    uint8_t counted;
    if (!admit(passage, &opening, old, &counted)) {
        passage_deny_limit(passage);
        return;
    }
    if (step->untracked)
        return;
    struct connection *connection = make_entry(passage, verdict->rule, tuple, hash, old, step);
    if (connection == NULL) {
        passage_deny_room(passage);
        opener_revoke(engine, &opening, counted);
        return;
    }
    fill_entry(passage, connection, side, step);
    opener_bind(engine, connection, &opening, counted);
    if (!listen_from_here(passage, connection, listen_dialect(engine->ruleset, verdict->rule, tuple->protocol)))
        return;
    passage_set_mark(passage, connection);
    verdict->connection = connection->id;
    verdict->opens = true;
    if (verdict->reason != REASON_IMPLICIT)
        passage_count(&passage_rule_counter(engine, verdict->rule)->connections, 1);
}

bool entry_expected(const struct passage *passage, const struct tuple *tuple, enum side side, uint32_t hash,
                           struct connection *old, const struct step *step)
{
    struct engine *engine = passage->engine;
    struct families *families = table_families(engine->table);
    struct verdict *verdict = passage->verdict;
    uint64_t now_ms = passage->arrival->now_ms, parent;
    struct expected expected;
    struct basis basis;
    /* A call that another worker has heard of just now: its packets go by the call from the next one on. */
    if (packet_has_call(passage->packet) && tuple->detail != TUPLE_CALL)
        return false;
    uint32_t index = family_find(families, passage->packet, now_ms, &expected, &basis, &parent);
    struct address src = passage->packet->src;
    if (index == KIN_NONE || (expected.any_src && !address_equal(expected.src, src) &&
                              !listen_trusts(engine, basis.opener, src, now_ms)))
        return false;
    struct query query = passage_query_basis(passage, &basis, STATE_RELATED);
    verdict->parent = parent;
    if (passage_unhooked(passage, basis.chain))
        passage_allow_implicitly(passage, STATE_RELATED);
    else
        passage_decide(passage, &query);
    if (verdict->action != ACTION_ALLOW)
        return true;
    struct connection *connection =
        make_entry(passage, ruleset_rule_of(engine->ruleset, basis.opener), tuple, hash, old, step);
    if (connection == NULL) {
        passage_deny_room(passage);
        return true;
    }
    fill_entry(passage, connection, side, step);
    opener_inherit(engine, connection, basis.opener);
    if (!family_join(families, index, connection, passage->packet, now_ms)) {
        /* Fail closed: another worker's packet was what was waited for. */
        table_remove(engine->table, connection, ENDING_NONE);
        verdict->action = ACTION_DENY;
        verdict->reason = REASON_ALG;
        verdict->detail = "a second connection where one was announced";
        return true;
    }
    if (!listen_from_here(passage, connection, expected.alg))
        return true;
    passage_set_mark(passage, connection);
    verdict->connection = connection->id;
    verdict->opens = true;
    if (verdict->reason != REASON_IMPLICIT)
        passage_count(&passage_rule_counter(engine, verdict->rule)->connections, 1);
    return true;
}
