/*
 * The packet's way, in one file: decode, look up, judge, ask the rules, commit. See engine.h.
 *
 * The state that a packet is in is found once, at the top, and handed down. Every way out sets a reason; a verdict starts
 * as deny and becomes something else only where a rule, the default or an implicit rule says so.
 */
#include "engine/engine.h"

#include <string.h>

#include "engine/listen.h"
#include "engine/opener.h"
#include "state/icmp_error.h"
#include "state/limit.h"
#include "state/session.h"

/* One packet on its way. */
struct passage {
    struct engine *engine;
    const struct arrival *arrival;
    const struct packet *packet;
    struct verdict *verdict;
};

/* One writer, any reader: a plain addition that never tears. */
static inline void count(uint64_t *counter, uint64_t more)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + more, __ATOMIC_RELAXED);
}

static struct rule_counter *rule_counter(const struct engine *engine, uint32_t rule)
{
    return &engine->rule_counters[rule == RULE_DEFAULT ? engine->ruleset->rule_count : rule];
}

static void count_rule(struct engine *engine, uint32_t rule, uint32_t bytes, uint64_t now_ms)
{
    struct rule_counter *counter = rule_counter(engine, rule);
    count(&counter->packets, 1);
    count(&counter->bytes, bytes);
    __atomic_store_n(&counter->last_ms, now_ms, __ATOMIC_RELAXED);
    if (counter->first_ms == 0)
        __atomic_store_n(&counter->first_ms, now_ms, __ATOMIC_RELAXED);
}

static bool rule_logs(const struct ruleset *ruleset, uint32_t rule)
{
    return rule == RULE_DEFAULT ? ruleset->default_log.wanted : ruleset->rules[rule].log.wanted;
}

static uint16_t service_of_packet(const struct packet *packet)
{
    if (packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMP6)
        return packet->icmp.type;
    return packet->dst_port;
}

/* A new or invalid packet is matched by its own header. */
static struct query query_of_packet(const struct passage *passage, enum packet_state state)
{
    const struct packet *packet = passage->packet;
    const struct surroundings *surroundings = passage->engine->surroundings;
    return (struct query){
        .state = state,
        .now_ms = passage->arrival->now_ms,
        .src = packet->src,
        .dst = packet->dst,
        .src_zone = surroundings_zone(surroundings, passage->arrival->in_interface),
        .dst_zone = surroundings_zone(surroundings, passage->arrival->out_interface),
        .src_port = packet->src_port,
        .service = service_of_packet(packet),
        .protocol = packet->protocol,
        .tcp_flags = packet->protocol == PROTOCOL_TCP ? packet->tcp.flags : 0,
    };
}

/* An established or related packet is matched by the endpoints and the service of a connection, as it was opened. */
static struct query query_of_basis(const struct passage *passage, const struct basis *basis, enum packet_state state)
{
    const struct tuple *tuple = &basis->tuple;
    const struct surroundings *surroundings = passage->engine->surroundings;
    bool high = basis->opener_high;
    struct query query = {
        .state = state,
        .now_ms = passage->arrival->now_ms,
        .src = high ? tuple->high : tuple->low,
        .dst = high ? tuple->low : tuple->high,
        .src_zone = surroundings_zone(surroundings, basis->in_interface),
        .dst_zone = surroundings_zone(surroundings, basis->out_interface),
        .protocol = tuple->protocol,
    };
    switch (tuple->protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_SCTP:
        query.src_port = high ? tuple->high_port : tuple->low_port;
        query.service = high ? tuple->low_port : tuple->high_port;
        break;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMP6:
        query.service = tuple->detail;
        break;
    }
    return query;
}

/* Writes the rules' answer into the verdict. */
static void decide(const struct passage *passage, const struct query *query)
{
    struct engine *engine = passage->engine;
    struct verdict *verdict = passage->verdict;
    struct decision decision;
    classify(engine->ruleset, engine->surroundings, query, &decision);
    verdict->state = (uint8_t)query->state;
    verdict->action = (uint8_t)decision.action;
    verdict->rule = decision.rule;
    verdict->reason = decision.rule == RULE_DEFAULT ? REASON_DEFAULT : REASON_RULE;
    verdict->audit_count = decision.audit_count;
    memcpy(verdict->audits, decision.audits, decision.audit_count * sizeof decision.audits[0]);
    for (unsigned i = 0; i < decision.audit_count; i++)
        count_rule(engine, decision.audits[i], passage->packet->length, passage->arrival->now_ms);
}

/*
 * The gateway's own packets are queued both ways as soon as one way is hooked, because a connection cannot be followed by
 * half of its packets. What opens in the chain that the rules do not speak about passes without them, whole.
 */
static bool is_unhooked(const struct passage *passage, enum chain chain)
{
    return chain != CHAIN_FORWARD && !(passage->engine->ruleset->hooks & CHAIN_BIT(chain));
}

static void allow_implicitly(const struct passage *passage, enum packet_state state)
{
    passage->verdict->state = (uint8_t)state;
    passage->verdict->action = ACTION_ALLOW;
    passage->verdict->reason = REASON_IMPLICIT;
}

/* The packet breaks its protocol: only a rule that says `invalid` lets it pass, and then it changes nothing. */
static void judge_invalid(const struct passage *passage, enum reason reason)
{
    struct query query = query_of_packet(passage, STATE_INVALID);
    if (is_unhooked(passage, passage->arrival->chain)) {
        allow_implicitly(passage, STATE_INVALID);
        return;
    }
    decide(passage, &query);
    if (passage->verdict->rule == RULE_DEFAULT)
        passage->verdict->reason = (uint8_t)reason;
}

static void judge_icmp_error(const struct passage *passage)
{
    struct connection quoted;
    struct basis basis;
    enum reason reason =
        icmp_error_find(passage->engine->table, passage->packet, passage->arrival->now_ms, &quoted, &basis);
    if (reason != REASON_NONE) {
        judge_invalid(passage, reason);
        return;
    }
    struct query query = query_of_basis(passage, &basis, STATE_RELATED);
    if (is_unhooked(passage, basis.chain) || is_unhooked(passage, passage->arrival->chain))
        allow_implicitly(passage, STATE_RELATED);
    else
        decide(passage, &query);
    passage->verdict->connection = quoted.id;
}

/* Neighbour discovery (RFC 4861): a hop limit of 255 proves that no router forwarded it. */
static bool is_neighbour_discovery(const struct passage *passage)
{
    const struct packet *packet = passage->packet;
    return packet->protocol == PROTOCOL_ICMP6 && packet->hop_limit == 255 && packet->icmp.code == 0 &&
           packet->icmp.type >= 133 && packet->icmp.type <= 136 &&
           passage->arrival->chain != CHAIN_FORWARD;
}

/* Do the rules let a packet that session_open has refused open a connection midway? Then STEP makes it. */
static bool may_pick_up(const struct passage *passage, const struct query *query, enum reason reason, struct step *step)
{
    const struct engine *engine = passage->engine;
    bool cold = passage->arrival->now_ms < engine->pickup_until_ms;
    struct decision decision;
    if ((!cold && !engine->ruleset->loose) || session_pick_up(passage->packet, reason, step) != REASON_NONE)
        return false;
    classify(engine->ruleset, engine->surroundings, query, &decision);
    bool loose = decision.rule != RULE_DEFAULT && engine->ruleset->rules[decision.rule].loose;
    return decision.action == ACTION_ALLOW && (cold || loose);
}

/* Above a limit: the rule is named, and nothing happens. */
static void deny_for_limit(const struct passage *passage)
{
    passage->verdict->action = ACTION_DENY;
    passage->verdict->reason = REASON_LIMIT;
}

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

/* The opener's mark goes on every packet of the connection. */
static void set_mark(const struct passage *passage, const struct connection *connection)
{
    if (!(connection->flags & CONNECTION_MARKS))
        return;
    const struct rule *opener = &passage->engine->ruleset->rules[connection->opener_rule];
    passage->verdict->mark = opener->mark;
    passage->verdict->mark_mask = opener->mark_mask;
}

/* Fail closed: an untracked packet would make its replies invalid. */
static void deny_for_room(const struct passage *passage)
{
    passage->verdict->action = ACTION_DENY;
    passage->verdict->reason = REASON_TABLE_FULL;
}

/* The ALG has refused what the packet says. */
static void deny_for_alg(const struct passage *passage, const char *why)
{
    passage->verdict->action = ACTION_DENY;
    passage->verdict->reason = REASON_ALG;
    passage->verdict->detail = why;
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
        deny_for_alg(passage, refused);
    else
        deny_for_room(passage);
    table_remove(engine->table, connection);
    return false;
}

/* The rules allow the packet to open a connection: limits, the entry, the ALG. */
static void open_connection(const struct passage *passage, const struct tuple *tuple, enum side side, uint32_t hash,
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
        deny_for_limit(passage);
        return;
    }
    if (step->untracked)
        return;
    struct connection *connection = make_entry(passage, verdict->rule, tuple, hash, old, step);
    if (connection == NULL) {
        deny_for_room(passage);
        opener_revoke(engine, &opening, counted);
        return;
    }
    fill_entry(passage, connection, side, step);
    opener_bind(engine, connection, &opening, counted);
    if (!listen_from_here(passage, connection, listen_dialect(engine->ruleset, verdict->rule, tuple->protocol)))
        return;
    set_mark(passage, connection);
    verdict->connection = connection->id;
    if (verdict->reason != REASON_IMPLICIT)
        count(&rule_counter(engine, verdict->rule)->connections, 1);
}

/* DHCP between the gateway itself and a zone that says `dhcp`, whichever of the two is the server (RFC 2131, RFC 8415). */
static bool is_dhcp(const struct passage *passage)
{
    const struct packet *packet = passage->packet;
    const struct arrival *arrival = passage->arrival;
    const struct engine *engine = passage->engine;
    bool v4 = packet->src_port + packet->dst_port == 67 + 68 && (packet->src_port == 67 || packet->src_port == 68);
    bool v6 = (packet->src_port == 546 || packet->src_port == 547) && (packet->dst_port == 546 || packet->dst_port == 547);
    if (packet->protocol != PROTOCOL_UDP || arrival->chain == CHAIN_FORWARD || !(v4 || v6))
        return false;
    uint32_t interface = arrival->chain == CHAIN_INPUT ? arrival->in_interface : arrival->out_interface;
    return engine->ruleset->implicit_dhcp &&
           engine->ruleset->zones[surroundings_zone(engine->surroundings, interface)].dhcp;
}

/*
 * Is the packet, which could open a connection, what somebody has announced? Then it is judged as related to the announcing
 * connection. False: nothing has happened.
 */
static bool judge_expected(const struct passage *passage, const struct tuple *tuple, enum side side, uint32_t hash,
                           struct connection *old, const struct step *step)
{
    struct engine *engine = passage->engine;
    struct families *families = table_families(engine->table);
    struct verdict *verdict = passage->verdict;
    uint64_t now_ms = passage->arrival->now_ms, parent;
    struct expected expected;
    struct basis basis;
    uint32_t index = family_find(families, passage->packet, now_ms, &expected, &basis, &parent);
    if (index == KIN_NONE || (expected.any_src && !listen_trusts(engine, basis.opener, passage->packet->src, now_ms)))
        return false;
    struct query query = query_of_basis(passage, &basis, STATE_RELATED);
    verdict->parent = parent;
    if (is_unhooked(passage, basis.chain))
        allow_implicitly(passage, STATE_RELATED);
    else
        decide(passage, &query);
    if (verdict->action != ACTION_ALLOW)
        return true;
    struct connection *connection =
        make_entry(passage, ruleset_rule_of(engine->ruleset, basis.opener), tuple, hash, old, step);
    if (connection == NULL) {
        deny_for_room(passage);
        return true;
    }
    fill_entry(passage, connection, side, step);
    opener_inherit(engine, connection, basis.opener);
    if (!family_join(families, index, connection, now_ms)) {
        /* Fail closed: another worker's packet was what was waited for. */
        table_remove(engine->table, connection);
        verdict->action = ACTION_DENY;
        verdict->reason = REASON_ALG;
        verdict->detail = "a second connection where one was announced";
        return true;
    }
    if (!listen_from_here(passage, connection, expected.alg))
        return true;
    set_mark(passage, connection);
    verdict->connection = connection->id;
    if (verdict->reason != REASON_IMPLICIT)
        count(&rule_counter(engine, verdict->rule)->connections, 1);
    return true;
}

/*
 * The packet belongs to no connection, or opens one in place of OLD, which is over or was cut. The stripe is locked.
 */
static void judge_new(const struct passage *passage, const struct tuple *tuple, enum side side, uint32_t hash,
                      struct connection *old)
{
    struct step step;
    enum reason reason = session_open(passage->packet, &step);
    struct query query = query_of_packet(passage, STATE_NEW);
    bool unhooked = is_unhooked(passage, passage->arrival->chain);
    if (reason == REASON_NONE && !step.untracked && judge_expected(passage, tuple, side, hash, old, &step))
        return;
    if (reason != REASON_NONE && (unhooked || !may_pick_up(passage, &query, reason, &step))) {
        judge_invalid(passage, reason);
        return;
    }
    if (unhooked)
        allow_implicitly(passage, STATE_NEW);
    else
        decide(passage, &query);
    if (passage->verdict->action == ACTION_ALLOW)
        open_connection(passage, tuple, side, hash, old, &step);
}

/* The rules' answer about the connection's packets: kept in the connection until the ruleset changes. */
static void decide_connection(const struct passage *passage, struct connection *connection)
{
    const struct ruleset *ruleset = passage->engine->ruleset;
    struct verdict *verdict = passage->verdict;
    bool child = connection->flags & CONNECTION_RELATED;
    enum packet_state state = child ? STATE_RELATED : STATE_ESTABLISHED;
    struct basis basis;
    if (child)
        basis = family_basis(table_families(passage->engine->table), connection, &verdict->parent);
    if (is_unhooked(passage, child ? basis.chain : connection->chain)) {
        allow_implicitly(passage, state);
        return;
    }
    if (connection->generation == ruleset->generation) {
        verdict->state = (uint8_t)state;
        verdict->action = connection->action;
        verdict->rule = connection->rule;
        verdict->reason = connection->rule == RULE_DEFAULT ? REASON_DEFAULT : REASON_RULE;
        return;
    }
    if (!child)
        basis = family_basis(table_families(passage->engine->table), connection, &verdict->parent);
    struct query query = query_of_basis(passage, &basis, state);
    decide(passage, &query);
    connection->generation = ruleset->generation;
    connection->action = verdict->action;
    connection->rule = verdict->rule;
    if (verdict->action == ACTION_ALLOW)
        opener_rebind(passage->engine, connection, &query);
}

/* SYNs in a connection that stands: at most one in so long, as Linux answers no more (net.ipv4.tcp_invalid_ratelimit). */
#define CHALLENGE_INTERVAL_MS 500u

/* May a SYN pass that the end host will answer with a challenge ACK? Then it is noted. */
static bool may_challenge(struct connection *connection, uint64_t now_ms)
{
    uint32_t now = (uint32_t)now_ms + 1;
    if (connection->challenge != 0 && now - connection->challenge < CHALLENGE_INTERVAL_MS)
        return false;
    connection->challenge = now;
    return true;
}

/* The rules let the packet pass that makes STEP: is there a limit that does not? */
static bool above_limit(const struct passage *passage, struct connection *connection, const struct step *step)
{
    uint64_t now_ms = passage->arrival->now_ms;
    if (step->challenge)
        return !may_challenge(connection, now_ms);
    return connection->flags & CONNECTION_OVERLOADS && session_completes(connection, step) &&
           !opener_admit_handshake(passage->engine, connection, now_ms);
}

/* The packet belongs to CONNECTION, whose stripe is locked. */
static void judge_connection(const struct passage *passage, struct connection *connection, enum side side,
                             uint32_t hash)
{
    struct engine *engine = passage->engine;
    struct verdict *verdict = passage->verdict;
    enum direction direction = connection_direction(connection, side);
    struct step step, opening;
    enum reason reason = session_continue(connection, direction, passage->packet, &step);
    if (reason != REASON_NONE) {
        judge_invalid(passage, reason);
        verdict->connection = connection->id;
        return;
    }
    if (step.reopens) {
        struct tuple tuple = connection->tuple;
        judge_new(passage, &tuple, side, hash, connection);
        return;
    }
    verdict->connection = connection->id;
    decide_connection(passage, connection);
    if (verdict->action != ACTION_ALLOW) {
        /* The connection was cut by a reload. Its entry stays, for a later ruleset may revive it; an opening SYN that the
         * rules allow takes its place. */
        if (passage->packet->protocol == PROTOCOL_TCP && session_open(passage->packet, &opening) == REASON_NONE) {
            struct tuple tuple = connection->tuple;
            judge_new(passage, &tuple, side, hash, connection);
        }
        return;
    }
    if (above_limit(passage, connection, &step)) {
        deny_for_limit(passage);
        return;
    }
    if (connection->alg != 0 && !step.idle) {
        const char *refused = listen_hear(engine, connection, direction, passage->packet, passage->arrival->now_ms);
        if (refused != NULL) {
            deny_for_alg(passage, refused);
            return;
        }
    }
    set_mark(passage, connection);
    connection->packets[direction]++;
    connection->bytes[direction] += passage->packet->length;
    if (step.idle)
        return;
    session_commit(connection, direction, &step);
    if (connection->alg != 0)
        listen_follow(engine, connection, passage->arrival->now_ms);
    bool replied = connection->flags & CONNECTION_REPLIED;
    struct standing standing = {
        .timeout_ms = opener_idle_ms(engine->ruleset, connection, &step),
        .eviction = session_eviction(connection->tuple.protocol, connection->state, replied),
    };
    table_refresh(engine->table, connection, passage->arrival->now_ms, &standing);
}

static void judge(const struct passage *passage)
{
    struct table *table = passage->engine->table;
    struct tuple tuple;
    enum side side = tuple_of(&tuple, passage->packet);
    uint32_t hash = table_hash(table, &tuple);
    table_lock(table, hash);
    struct connection *connection = table_find(table, hash, &tuple);
    if (connection != NULL && table_expired(table, connection, passage->arrival->now_ms)) {
        table_remove(table, connection);
        connection = NULL;
    }
    if (connection != NULL)
        judge_connection(passage, connection, side, hash);
    else
        judge_new(passage, &tuple, side, hash, NULL);
    table_unlock(table, hash);
}

/* A zone's own networks may not arrive on another one. The gateway's own packets arrive nowhere. */
static bool is_spoofed(const struct passage *passage)
{
    const struct engine *engine = passage->engine;
    const struct arrival *arrival = passage->arrival;
    return engine->ruleset->antispoof && arrival->chain != CHAIN_OUTPUT && !is_unhooked(passage, arrival->chain) &&
           ruleset_spoofed(engine->ruleset, passage->packet->src,
                           surroundings_zone(engine->surroundings, arrival->in_interface));
}

static void count_verdict(const struct passage *passage)
{
    struct engine *engine = passage->engine;
    struct verdict *verdict = passage->verdict;
    count(&engine->counters.action[verdict->action], 1);
    count(&engine->counters.reason[verdict->reason], 1);
    count(&engine->counters.bytes, passage->packet->length);
    /* What no rule denies is logged as the default's where the rule says nothing: who logs denied packets wants to see it. */
    bool against_rule = verdict->action == ACTION_DENY && verdict->reason != REASON_RULE;
    verdict->logged_by = against_rule && !rule_logs(engine->ruleset, verdict->rule) ? RULE_DEFAULT : verdict->rule;
    verdict->log = rule_logs(engine->ruleset, verdict->logged_by);
    if (verdict->reason == REASON_RULE || verdict->reason == REASON_DEFAULT)
        count_rule(engine, verdict->rule, passage->packet->length, passage->arrival->now_ms);
}

void engine_packet(struct engine *engine, const struct arrival *arrival, const uint8_t *bytes, size_t captured,
                   struct packet *packet, struct verdict *verdict)
{
    struct passage passage = {engine, arrival, packet, verdict};
    *verdict = (struct verdict){.action = ACTION_DENY, .reason = REASON_NONE, .rule = RULE_DEFAULT};
    enum reason reason = packet_decode(packet, bytes, captured, arrival->length, arrival->checksum);
    bool icmp = packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMP6;
    if (reason != REASON_NONE) {
        verdict->reason = (uint8_t)reason;
    } else if (is_spoofed(&passage)) {
        verdict->reason = REASON_SPOOFED;
    } else if (engine->ruleset->implicit_nd && is_neighbour_discovery(&passage)) {
        allow_implicitly(&passage, STATE_NEW);
    } else if (is_dhcp(&passage)) {
        allow_implicitly(&passage, STATE_NEW);
    } else if (icmp && packet->icmp.role == ICMP_ROLE_ERROR) {
        judge_icmp_error(&passage);
    } else {
        judge(&passage);
    }
    count_verdict(&passage);
}

static uint32_t percent(uint32_t of, uint32_t percentage)
{
    uint64_t part = (uint64_t)of * percentage / 100;
    return part < UINT32_MAX ? (uint32_t)part : UINT32_MAX;
}

struct table_limits engine_limits(const struct ruleset *ruleset)
{
    uint32_t most = ruleset->connections_max;
    return (struct table_limits){
        .connections = most,
        .reserved = percent(most, ruleset->reserve_percent),
        .half_open = ruleset->half_open_max,
        .adaptive_start = percent(most, ruleset->adaptive_start_percent),
        .adaptive_end = percent(most, ruleset->adaptive_end_percent),
    };
}

bool engine_expire(struct engine *engine, unsigned first, unsigned step, uint64_t now_ms, unsigned budget)
{
    bool done = true;
    for (unsigned stripe = first; stripe < TABLE_STRIPES; stripe += step)
        done &= table_expire(engine->table, stripe, now_ms, budget);
    return done;
}
