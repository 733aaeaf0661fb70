#include "engine/opener.h"

#include "rules/dynamic_set.h"
#include "state/family.h"
#include "state/limit.h"

static const struct rule *rule_at(const struct ruleset *ruleset, uint32_t rule)
{
    return rule < ruleset->rule_count ? &ruleset->rules[rule] : NULL;
}

static const struct rule_limit *limit_of(const struct rule *rule)
{
    return rule != NULL ? rule->limit : NULL;
}

static uint32_t identity_of(const struct rule *rule)
{
    return rule != NULL ? rule->identity : 0;
}

/*
 * Are the limits asked when the handshake ends, and not at the opening? Where they fill a set: a SYN proves nothing about
 * its sender, and an innocent one must not be banned in his absence. The others are asked at once, it costs less.
 */
static bool waits_for_handshake(const struct rule_limit *limit, uint8_t protocol, bool picked_up)
{
    return limit != NULL && limit->overloads && session_shakes_hands(protocol) && !picked_up;
}

/* The limits of RULE in the tally's terms; WITH_RULE: not only those of the source over all rules. */
static struct limit limits_of(const struct ruleset *ruleset, const struct rule *rule, bool with_source, bool with_rule)
{
    const struct rule_limit *limit = with_rule ? limit_of(rule) : NULL;
    struct limit limits = {
        .identity = identity_of(rule),
        .every_source = with_source && ruleset->per_source_max != 0 ? ruleset->per_source_max : LIMIT_UNSET,
        .connections = LIMIT_UNSET,
        .new_count = LIMIT_UNSET,
    };
    if (limit != NULL && limit->connections != LIMIT_NONE) {
        limits.connections = limit->connections;
        limits.connections_per_source = limit->connections_per_source;
    }
    if (limit != NULL && limit->new_rate.count != LIMIT_NONE) {
        limits.new_count = limit->new_rate.count;
        limits.new_interval_ms = limit->new_rate.interval_ms;
        limits.new_per_source = limit->new_per_source;
    }
    return limits;
}

static void overload(const struct ruleset *ruleset, const struct rule *rule, struct address source, uint64_t now_ms)
{
    const struct rule_limit *limit = rule->limit;
    struct dynamic_set *set = ruleset->moving[limit->overload].members;
    struct dynamic_member member = {
        .address = source,
        .added_ms = now_ms,
        .until_ms = limit->overload_ms > 0 ? now_ms + limit->overload_ms : UINT64_MAX,
        .by = rule->identity,
    };
    dynamic_set_add(set, &member, now_ms);
    if (limit->flush)
        dynamic_set_ask_flush(set);
}

bool opener_admit(const struct engine *engine, const struct opening *opening, uint8_t *counted)
{
    const struct ruleset *ruleset = engine->ruleset;
    const struct rule *rule = rule_at(ruleset, opening->rule);
    const struct rule_limit *limit = limit_of(rule);
    *counted = 0;
    if (limit == NULL && ruleset->per_source_max == 0)
        return true;
    bool waits = waits_for_handshake(limit, opening->protocol, opening->picked_up);
    struct limit limits = limits_of(ruleset, rule, !opening->untracked, !waits);
    if (opening->untracked)
        limits.connections = LIMIT_UNSET;
    if (limit_admit(table_tally(engine->table), &limits, opening->source, opening->now_ms, counted))
        return true;
    if (limit != NULL && limit->overloads && !session_shakes_hands(opening->protocol))
        overload(ruleset, rule, opening->source, opening->now_ms);
    return false;
}

void opener_revoke(const struct engine *engine, const struct opening *opening, uint8_t counted)
{
    limit_release(table_tally(engine->table), counted, identity_of(rule_at(engine->ruleset, opening->rule)),
                  opening->source);
}

bool opener_admit_handshake(const struct engine *engine, struct connection *connection, uint64_t now_ms)
{
    const struct ruleset *ruleset = engine->ruleset;
    const struct rule *rule = rule_at(ruleset, connection->opener_rule);
    struct limit limits = limits_of(ruleset, rule, false, true);
    struct address source = connection_source(connection);
    uint8_t counted;
    if (limit_admit(table_tally(engine->table), &limits, source, now_ms, &counted)) {
        connection->counted |= counted;
        return true;
    }
    overload(ruleset, rule, source, now_ms);
    return false;
}

/* Notes in CONNECTION what every packet of it must know of its opener. */
static void note(struct connection *connection, const struct ruleset *ruleset, uint32_t index, bool waits)
{
    const struct rule *rule = rule_at(ruleset, index);
    connection->opener = identity_of(rule);
    connection->opener_rule = rule != NULL ? index : RULE_DEFAULT;
    connection->flags &= (uint8_t)~(CONNECTION_TIMEOUTS | CONNECTION_OVERLOADS | CONNECTION_MARKS);
    /* What the default denies opens nothing: without a rule it was opened by an implicit one, or a rule that is gone. */
    bool opens = rule != NULL || ruleset->default_action == ACTION_ALLOW;
    connection->told = ruleset->log_events && opens && ruleset_logs(ruleset, connection->opener_rule);
    if (rule == NULL)
        return;
    /* Once loose, always loose: nobody has followed its numbers. */
    if (rule->loose)
        connection->flags = (uint8_t)(connection->flags | CONNECTION_LOOSE);
    if (rule->mark_mask != 0)
        connection->flags = (uint8_t)(connection->flags | CONNECTION_MARKS);
    if (rule->timeouts != NULL)
        connection->flags = (uint8_t)(connection->flags | CONNECTION_TIMEOUTS);
    if (waits)
        connection->flags = (uint8_t)(connection->flags | CONNECTION_OVERLOADS);
}

void opener_bind(const struct engine *engine, struct connection *connection, const struct opening *opening,
                 uint8_t counted)
{
    const struct rule_limit *limit = limit_of(rule_at(engine->ruleset, opening->rule));
    note(connection, engine->ruleset, opening->rule,
         waits_for_handshake(limit, opening->protocol, opening->picked_up));
    connection->counted = counted;
}

void opener_inherit(const struct engine *engine, struct connection *connection, uint32_t identity)
{
    note(connection, engine->ruleset, ruleset_rule_of(engine->ruleset, identity), false);
    connection->opener = identity;
}

/* The index of the connection's opener in the ruleset. */
static uint32_t find_opener(const struct engine *engine, const struct connection *connection, const struct query *query)
{
    const struct ruleset *ruleset = engine->ruleset;
    const struct rule *rule = rule_at(ruleset, connection->opener_rule);
    if (rule != NULL && rule->identity == connection->opener)
        return connection->opener_rule;
    uint32_t index = connection->opener != 0 ? ruleset_rule_of(ruleset, connection->opener) : RULE_DEFAULT;
    if (index != RULE_DEFAULT)
        return index;
    struct query opening = *query;
    struct decision decision;
    opening.state = STATE_NEW;
    classify(ruleset, engine->surroundings, &opening, &decision);
    return decision.action == ACTION_ALLOW ? decision.rule : RULE_DEFAULT;
}

void opener_rebind(const struct engine *engine, struct connection *connection, const struct query *query)
{
    const struct ruleset *ruleset = engine->ruleset;
    struct tally *tally = table_tally(engine->table);
    struct address source = connection_source(connection);
    uint32_t index = find_opener(engine, connection, query), opener = connection->opener;
    const struct rule *rule = rule_at(ruleset, index);
    uint8_t protocol = connection->tuple.protocol;
    bool half_open = session_eviction(protocol, connection->state, true) == EVICT_HALF_OPEN;
    bool child = connection->flags & CONNECTION_RELATED;
    bool waits = half_open && !child && waits_for_handshake(limit_of(rule), protocol, connection->flags & CONNECTION_PICKED_UP);
    note(connection, ruleset, index, waits);
    struct limit limits = limits_of(ruleset, rule, !child, !waits && !child);
    if (connection->opener == opener && connection->counted == limit_flags(&limits))
        return;
    limit_release(tally, connection->counted, opener, source);
    connection->counted = limit_count(tally, &limits, source);
}

void opener_adopt(const struct engine *engine, struct connection *connection, uint64_t now_ms)
{
    uint64_t parent;
    struct basis basis = family_basis(table_families(engine->table), connection, &parent);
    struct query query = engine_query(engine->surroundings, &basis, STATE_NEW, now_ms);
    opener_rebind(engine, connection, &query);
}

/* Data that nobody acknowledges never makes it longer. */
static uint32_t idle_ms(const struct timeouts *timeouts, const struct step *step)
{
    uint32_t ms = timeouts->ms[step->timeout], established = timeouts->ms[TIMEOUT_TCP_ESTABLISHED];
    return step->timeout == TIMEOUT_TCP_UNACKNOWLEDGED && established < ms ? established : ms;
}

uint32_t opener_idle_ms(const struct ruleset *ruleset, const struct connection *connection, const struct step *step)
{
    if (connection->flags & CONNECTION_TIMEOUTS)
        return opener_first_idle_ms(ruleset, connection->opener_rule, step);
    return idle_ms(&ruleset->timeouts, step);
}

uint32_t opener_first_idle_ms(const struct ruleset *ruleset, uint32_t rule, const struct step *step)
{
    const struct rule *opener = rule_at(ruleset, rule);
    return idle_ms(opener != NULL && opener->timeouts != NULL ? opener->timeouts : &ruleset->timeouts, step);
}

/* ---- flush ---- */

struct flush {
    struct table *table;
    struct dynamic_set *set;
    uint64_t now_ms;
};

static void match_anew(void *context, struct connection *connection)
{
    const struct flush *flush = context;
    if (dynamic_set_holds(flush->set, connection->tuple.low, flush->now_ms) ||
        dynamic_set_holds(flush->set, connection->tuple.high, flush->now_ms)) {
        table_recall(flush->table, connection);
        connection->generation = 0;
    }
}

/* Buckets that are looked at under one lock. */
#define FLUSH_BUDGET 256

void opener_flush(struct table *table, const struct ruleset *ruleset, uint64_t now_ms)
{
    for (size_t i = 0; i < ruleset->moving_count; i++) {
        struct flush flush = {table, ruleset->moving[i].members, now_ms};
        uint32_t place = 0;
        if (!dynamic_set_take_flush(flush.set))
            continue;
        do
            place = table_walk(table, place, FLUSH_BUDGET, now_ms, match_anew, &flush);
        while (place != 0);
    }
}

/* ---- schedules ---- */

struct edge {
    struct table *table;
    const struct ruleset *ruleset;
    uint64_t changed;
};

static bool names_schedule(const struct edge *edge, uint32_t index)
{
    const struct rule *rule = rule_at(edge->ruleset, index);
    return rule != NULL && rule_schedules(rule) & edge->changed;
}

static void match_anew_at_edge(void *context, struct connection *connection)
{
    const struct edge *edge = context;
    if (connection->generation == edge->ruleset->generation &&
        (names_schedule(edge, connection->rule) || names_schedule(edge, connection->opener_rule))) {
        table_recall(edge->table, connection);
        connection->generation = 0;
    }
}

void opener_schedule_edge(struct table *table, const struct ruleset *ruleset, uint64_t changed, uint64_t now_ms)
{
    struct edge edge = {table, ruleset, changed};
    uint32_t place = 0;
    do
        place = table_walk(table, place, FLUSH_BUDGET, now_ms, match_anew_at_edge, &edge);
    while (place != 0);
}
