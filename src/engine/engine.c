/*
 * The packet's way, in one file: decode, look up, judge, ask the rules, commit. See engine.h.
 *
 * The state that a packet is in is found once, at the top, and handed down. Every way out sets a reason; a verdict starts
 * as deny and becomes something else only where a rule, the default or an implicit rule says so.
 */
#include "engine/engine.h"

#include <string.h>

#include "engine/entry.h"
#include "engine/listen.h"
#include "engine/offload.h"
#include "engine/opener.h"
#include "engine/screen.h"
#include "state/call.h"
#include "state/icmp_error.h"
#include "state/session.h"

/* The packet breaks its protocol: only a rule that says `invalid` lets it pass, and then it changes nothing. */
static void judge_invalid(const struct passage *passage, enum reason reason)
{
    struct query query = passage_query_packet(passage, STATE_INVALID);
    if (passage_unhooked(passage, passage->arrival->chain)) {
        passage_allow_implicitly(passage, STATE_INVALID);
        return;
    }
    passage_decide(passage, &query);
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
    struct query query = passage_query_basis(passage, &basis, STATE_RELATED);
    if (passage_unhooked(passage, basis.chain) || passage_unhooked(passage, passage->arrival->chain))
        passage_allow_implicitly(passage, STATE_RELATED);
    else
        passage_decide(passage, &query);
    passage->verdict->connection = quoted.id;
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

/*
 * The packet belongs to no connection, or opens one in place of OLD, which is over or was cut. The stripe is locked.
 */
static void judge_new(const struct passage *passage, const struct tuple *tuple, enum side side, uint32_t hash,
                      struct connection *old)
{
    struct step step;
    enum reason reason = session_open(passage->packet, &step);
    struct query query = passage_query_packet(passage, STATE_NEW);
    bool unhooked = passage_unhooked(passage, passage->arrival->chain);
    if (reason == REASON_NONE && !step.untracked && entry_expected(passage, tuple, side, hash, old, &step))
        return;
    if (reason != REASON_NONE && (unhooked || !may_pick_up(passage, &query, reason, &step))) {
        judge_invalid(passage, reason);
        return;
    }
    if (unhooked)
        passage_allow_implicitly(passage, STATE_NEW);
    else
        passage_decide(passage, &query);
    if (passage->verdict->action == ACTION_ALLOW)
        entry_open(passage, tuple, side, hash, old, &step);
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
    if (passage_unhooked(passage, child ? basis.chain : connection->chain)) {
        passage_allow_implicitly(passage, state);
        return;
    }
    if (connection->generation == ruleset->generation) {
        verdict->state = (uint8_t)state;
        verdict->action = connection->action;
        verdict->rule = connection->rule;
        verdict->reason = connection->rule == RULE_DEFAULT ? REASON_DEFAULT : REASON_RULE;
        return;
    }
    /* Until the rules have said more, nobody else passes anything. */
    table_recall(passage->engine->table, connection);
    if (!child)
        basis = family_basis(table_families(passage->engine->table), connection, &verdict->parent);
    struct query query = passage_query_basis(passage, &basis, state);
    passage_decide(passage, &query);
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

/*
 * Another may be passing packets of CONNECTION; this one was not for him. What only moves the window may come by while he goes
 * on; for all else he is stopped first, so that the engine judges by all that there was.
 */
static void ask_back(const struct passage *passage, struct connection *connection)
{
    const struct packet *packet = passage->packet;
    const uint8_t harmless = TCP_PSH | TCP_ECE | TCP_CWR;
    if (packet->protocol == PROTOCOL_TCP && (packet->tcp.flags & ~harmless) != TCP_ACK)
        table_recall(passage->engine->table, connection);
    else
        table_catch_up(passage->engine->table, connection);
}

/*
 * A question and its answer are often all that there is; of TCP that is a handshake, a small page, and what acknowledges it. Who is
 * offered all the same costs more than he saves.
 */
#define OFFER_PACKETS_MIN 3u
#define OFFER_PACKETS_MIN_TCP 10u

static void offer(struct engine *engine, const struct connection *connection)
{
    struct engine_offers *offers = engine->offers;
    uint64_t least = connection->tuple.protocol == PROTOCOL_TCP ? OFFER_PACKETS_MIN_TCP : OFFER_PACKETS_MIN;
    if (offers == NULL || connection->offloaded || offers->count == ENGINE_BATCH_MAX ||
        connection->packets[ORIGINAL] + connection->packets[REPLY] < least || !offload_fits(engine, connection))
        return;
    offers->list[offers->count++] = (struct engine_offer){connection->hash, connection->tuple};
}

/* The step is the connection's: packet, timer and window. */
static void commit(const struct passage *passage, struct connection *connection, enum direction direction,
                   const struct step *step)
{
    struct engine *engine = passage->engine;
    bool moves = memcmp(&step->transport, &connection->transport, sizeof step->transport) != 0;
    session_commit(connection, direction, step);
    /* Who passes packets without knowing of this one would hold the others against a window that lags behind. */
    if (moves)
        table_tell(engine->table, connection);
    if (connection->alg != 0)
        listen_follow(engine, connection, passage->arrival->now_ms);
    bool replied = connection->flags & CONNECTION_REPLIED;
    struct standing standing = {
        .timeout_ms = opener_idle_ms(engine->ruleset, connection, step),
        .eviction = session_eviction(connection->tuple.protocol, connection->state, replied),
    };
    table_refresh(engine->table, connection, passage->arrival->now_ms, &standing);
    offer(engine, connection);
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
        passage_deny_limit(passage);
        return;
    }
    if (connection->alg != 0 && !step.idle) {
        const char *refused = listen_hear(engine, connection, direction, passage->packet, passage->arrival->now_ms);
        if (refused != NULL) {
            passage_deny_alg(passage, refused);
            return;
        }
    }
    passage_set_mark(passage, connection);
    connection->packets[direction]++;
    connection->bytes[direction] += passage->packet->length;
    if (step.idle)
        return;
    commit(passage, connection, direction, &step);
}

static void judge(const struct passage *passage, const struct tuple *tuple, enum side side, uint32_t hash)
{
    struct table *table = passage->engine->table;
    table_lock(table, hash);
    struct connection *connection = table_find(table, hash, tuple);
    if (connection != NULL && connection->offloaded)
        ask_back(passage, connection);
    if (connection != NULL && table_expired(table, connection, passage->arrival->now_ms)) {
        table_remove(table, connection, ending_of(connection, ENDING_TIMEOUT));
        connection = NULL;
    }
    if (connection != NULL)
        judge_connection(passage, connection, side, hash);
    else
        judge_new(passage, tuple, side, hash, NULL);
    table_unlock(table, hash);
}

/* Is it decided without the rules? Then the verdict says how. */
static bool is_screened(const struct passage *passage)
{
    const struct engine *engine = passage->engine;
    const struct arrival *arrival = passage->arrival;
    uint32_t interface = arrival->chain == CHAIN_OUTPUT ? arrival->out_interface : arrival->in_interface;
    uint16_t zone = screen_asks_zone(engine->ruleset, passage->packet) ? surroundings_zone(engine->surroundings, interface) : 0;
    enum screening screening = screen_packet(engine->ruleset, passage->packet, arrival->chain, zone);
    if (screening == SCREENING_SPOOFED)
        passage->verdict->reason = REASON_SPOOFED;
    else if (screening != SCREENING_NONE)
        passage_allow_implicitly(passage, STATE_NEW);
    return screening != SCREENING_NONE;
}

static void count_verdict(const struct passage *passage)
{
    struct engine *engine = passage->engine;
    struct verdict *verdict = passage->verdict;
    passage_count(&engine->counters.action[verdict->action], 1);
    passage_count(&engine->counters.reason[verdict->reason], 1);
    passage_count(&engine->counters.bytes, passage->packet->length);
    /* What no rule denies is logged as the default's where the rule says nothing: who logs denied packets wants to see it. */
    bool against_rule = verdict->action == ACTION_DENY && verdict->reason != REASON_RULE;
    verdict->logged_by = against_rule && !ruleset_logs(engine->ruleset, verdict->rule) ? RULE_DEFAULT : verdict->rule;
    verdict->log = ruleset_logs(engine->ruleset, verdict->logged_by);
    if (verdict->reason == REASON_RULE || verdict->reason == REASON_DEFAULT)
        passage_count_rule(engine, verdict->rule, 1, passage->packet->length, passage->arrival->now_ms);
}

static bool is_icmp_error(const struct packet *packet)
{
    bool icmp = packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMP6;
    return icmp && packet->icmp.role == ICMP_ROLE_ERROR;
}

/* What the packet says, and where its connection would stand. */
static void look(const struct engine *engine, struct engine_job *job)
{
    const struct arrival *arrival = &job->arrival;
    job->reason =
        (uint8_t)packet_decode(&job->packet, job->bytes, job->captured, arrival->length, arrival->checksum);
    job->hash = 0;
    if (job->reason != REASON_NONE || is_icmp_error(&job->packet))
        return;
    job->side = (uint8_t)tuple_of(&job->tuple, &job->packet);
    job->hash = table_hash(engine->table, &job->tuple);
}

static void pass(struct engine *engine, struct engine_job *job)
{
    struct verdict *verdict = &job->verdict;
    struct passage passage = {engine, &job->arrival, &job->packet, verdict};
    *verdict = (struct verdict){.action = ACTION_DENY, .reason = REASON_NONE, .rule = RULE_DEFAULT};
    if (job->reason != REASON_NONE) {
        verdict->reason = job->reason;
    } else if (is_screened(&passage)) {
        /* Antispoof, or an implicit rule. */
    } else if (is_icmp_error(&job->packet)) {
        judge_icmp_error(&passage);
    } else {
        /* Not when it was looked at: the packet before it may have announced its call. */
        if (packet_has_call(&job->packet))
            job->side = (uint8_t)call_tuple_of(engine->table, &job->packet, job->arrival.now_ms, &job->tuple, &job->hash);
        judge(&passage, &job->tuple, job->side, job->hash);
    }
    count_verdict(&passage);
}

void engine_batch(struct engine *engine, struct engine_job *jobs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        look(engine, &jobs[i]);
        table_fetch_bucket(engine->table, jobs[i].hash);
    }
    for (unsigned i = 0; i < count; i++)
        table_fetch_entry(engine->table, jobs[i].hash);
    for (unsigned i = 0; i < count; i++)
        pass(engine, &jobs[i]);
}

void engine_packet(struct engine *engine, const struct arrival *arrival, const uint8_t *bytes, size_t captured,
                   struct packet *packet, struct verdict *verdict)
{
    struct engine_job job;
    job.arrival = *arrival;
    job.bytes = bytes;
    job.captured = captured;
    look(engine, &job);
    pass(engine, &job);
    *packet = job.packet;
    *verdict = job.verdict;
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
