#include "engine/offload.h"

#include "engine/opener.h"
#include "engine/passage.h"
#include "rules/classify.h"
#include "state/session.h"
#include "state/tcp.h"

static bool tcp_fits(const struct connection *connection)
{
    const struct tcp_peer *peers = connection->transport.tcp.peer;
    const uint8_t decisive = TCP_PEER_ACKED | TCP_PEER_FIN | TCP_PEER_RESET;
    return connection->state == TCP_ESTABLISHED && peers[ORIGINAL].window != 0 && peers[REPLY].window != 0 &&
           (peers[ORIGINAL].flags & decisive) == TCP_PEER_ACKED && (peers[REPLY].flags & decisive) == TCP_PEER_ACKED;
}

static bool ends_differ(const struct tuple *tuple)
{
    return tuple->low_port != tuple->high_port || !address_equal(tuple->low, tuple->high);
}

/* Where events are written, `log` tells of a connection's start and end only. */
static bool logs_each_packet(const struct ruleset *ruleset, uint32_t rule)
{
    return !ruleset->log_events && ruleset_logs(ruleset, rule);
}

bool offload_fits(const struct engine *engine, const struct connection *connection)
{
    const struct ruleset *ruleset = engine->ruleset;
    if (connection->kin != KIN_NONE || connection->alg != 0 || connection->chain != CHAIN_FORWARD ||
        (connection->flags & (CONNECTION_LOOSE | CONNECTION_MARKS | CONNECTION_REPLIED)) != CONNECTION_REPLIED ||
        connection->generation != ruleset->generation || connection->action != ACTION_ALLOW ||
        !ends_differ(&connection->tuple) || logs_each_packet(ruleset, connection->rule))
        return false;
    return connection->tuple.protocol == PROTOCOL_TCP ? tcp_fits(connection) : connection->tuple.protocol == PROTOCOL_UDP;
}

static struct address address_of(const struct connection *connection, enum direction direction)
{
    return connection_side(connection, direction) == SIDE_HIGH ? connection->tuple.high : connection->tuple.low;
}

static uint32_t idle_ms(const struct engine *engine, const struct connection *connection, enum timeout timeout)
{
    const struct step step = {.timeout = (enum timeout)timeout};
    return opener_idle_ms(engine->ruleset, connection, &step);
}

bool offload_terms(const struct engine *engine, const struct connection *connection, struct offload_terms *terms)
{
    bool tcp = connection->tuple.protocol == PROTOCOL_TCP;
    *terms = (struct offload_terms){
        .idle_ms = idle_ms(engine, connection, tcp ? TIMEOUT_TCP_ESTABLISHED : TIMEOUT_UDP_REPLIED),
        .unacknowledged_ms = idle_ms(engine, connection, TIMEOUT_TCP_UNACKNOWLEDGED),
    };
    if (!engine->ruleset->antispoof)
        return true;
    terms->bound = true;
    const uint32_t interfaces[DIRECTION_COUNT] = {connection->in_interface, connection->out_interface};
    for (unsigned direction = 0; direction < DIRECTION_COUNT; direction++)
        if (interfaces[direction] == 0 || ruleset_spoofed(engine->ruleset, address_of(connection, direction),
                                                          surroundings_zone(engine->surroundings, interfaces[direction])))
            return false;
    return true;
}

static void later(uint32_t *number, uint32_t other)
{
    if ((int32_t)(other - *number) > 0)
        *number = other;
}

static void merge_peer(struct tcp_peer *peer, const struct tcp_peer *other)
{
    later(&peer->end, other->end);
    later(&peer->end_max, other->end_max);
    later(&peer->ack, other->ack);
    if (other->window > peer->window)
        peer->window = other->window;
}

static void count(struct engine *engine, const struct connection *connection, uint64_t packets, uint64_t bytes, uint64_t seen_ms)
{
    bool by_default = connection->rule == RULE_DEFAULT;
    passage_count(&engine->counters.action[ACTION_ALLOW], packets);
    passage_count(&engine->counters.reason[by_default ? REASON_DEFAULT : REASON_RULE], packets);
    passage_count(&engine->counters.bytes, bytes);
    if (connection->generation == engine->ruleset->generation)
        passage_count_rule(engine, connection->rule, packets, bytes, seen_ms);
}

void offload_merge(struct engine *engine, struct connection *connection, const struct offload_progress *progress)
{
    uint64_t packets = 0, bytes = 0;
    for (unsigned i = 0; i < DIRECTION_COUNT; i++) {
        packets += progress->packets[i];
        bytes += progress->bytes[i];
        connection->packets[i] += progress->packets[i];
        connection->bytes[i] += progress->bytes[i];
        if (connection->tuple.protocol == PROTOCOL_TCP)
            merge_peer(&connection->transport.tcp.peer[i], &progress->peer[i]);
    }
    if (packets == 0)
        return;
    count(engine, connection, packets, bytes, progress->seen_ms);
    bool tcp = connection->tuple.protocol == PROTOCOL_TCP;
    enum timeout timeout = tcp ? tcp_idle_timeout(connection->state, connection->transport.tcp.peer) : TIMEOUT_UDP_REPLIED;
    struct standing standing = {
        .timeout_ms = idle_ms(engine, connection, timeout),
        .eviction = session_eviction(connection->tuple.protocol, connection->state, true),
    };
    uint64_t seen_ms = progress->seen_ms > connection->seen_ms ? progress->seen_ms : connection->seen_ms;
    table_refresh(engine->table, connection, seen_ms, &standing);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Where the connection stands, as PAST has it; KNOWN: it stood somewhere already, and the later of both counts. */
static void restore_progress(struct connection *connection, const struct offload_past *past, bool known)
{
    for (unsigned i = 0; i < DIRECTION_COUNT; i++) {
        struct tcp_peer *peer = &connection->transport.tcp.peer[i], before = *peer;
        connection->packets[i] = larger(connection->packets[i], past->packets[i]);
        connection->bytes[i] = larger(connection->bytes[i], past->bytes[i]);
        if (past->tuple.protocol != PROTOCOL_TCP)
            continue;
        *peer = past->peer[i];
        peer->flags = (uint8_t)(TCP_PEER_ACKED | (before.flags & TCP_PEER_SCALES));
        if (known)
            merge_peer(peer, &before);
    }
}

/* The connection of PAST as it was. */
static void restore(struct connection *connection, const struct offload_past *past)
{
    const uint8_t lasting = CONNECTION_OPENER_HIGH | CONNECTION_REPLIED | CONNECTION_PICKED_UP;
    connection->flags = past->flags & lasting;
    connection->state = past->tuple.protocol == PROTOCOL_TCP ? TCP_ESTABLISHED : 0;
    connection->chain = CHAIN_FORWARD;
    connection->opener = past->opener;
    connection->opener_rule = RULE_DEFAULT;
    connection->created_s = past->created_s;
    connection->in_interface = past->in_interface;
    connection->out_interface = past->out_interface;
}

/* Is CONNECTION, which has the tuple of PAST, the same? */
static bool is_past(const struct connection *connection, const struct offload_past *past)
{
    return connection->created_s == past->created_s && ((connection->flags ^ past->flags) & CONNECTION_OPENER_HIGH) == 0 &&
           connection->kin == KIN_NONE && connection->chain == CHAIN_FORWARD &&
           (past->tuple.protocol != PROTOCOL_TCP || connection->state == TCP_ESTABLISHED);
}

struct connection *offload_restore(struct engine *engine, uint32_t hash, const struct offload_past *past, uint64_t now_ms)
{
    struct basis basis = {
        .tuple = past->tuple,
        .in_interface = past->in_interface,
        .out_interface = past->out_interface,
        .opener = past->opener,
        .opener_high = past->flags & CONNECTION_OPENER_HIGH,
        .chain = CHAIN_FORWARD,
    };
    struct query query = engine_query(engine->surroundings, &basis, STATE_ESTABLISHED, now_ms);
    struct standing standing = {.timeout_ms = past->idle_ms, .eviction = EVICT_NEVER};
    struct decision decision;
    classify(engine->ruleset, engine->surroundings, &query, &decision);
    struct connection *connection = table_find(engine->table, hash, &past->tuple);
    if (decision.action != ACTION_ALLOW || (connection != NULL && !is_past(connection, past)))
        return NULL;
    bool known = connection != NULL;
    if (known) {
        table_refresh(engine->table, connection, larger(connection->seen_ms, past->seen_ms), &standing);
    } else {
        connection = table_insert(engine->table, hash, &past->tuple, past->seen_ms, &standing);
        if (connection == NULL)
            return NULL;
        restore(connection, past);
    }
    restore_progress(connection, past, known);
    connection->generation = engine->ruleset->generation;
    connection->action = (uint8_t)decision.action;
    connection->rule = decision.rule;
    opener_rebind(engine, connection, &query);
    return connection;
}
