#include "daemon/selection.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "control/answer.h"
#include "daemon/private.h"
#include "daemon/views.h"
#include "packet/protocol.h"
#include "parser/parser.h"
#include "rules/classify.h"

struct selection {
    const struct daemon *daemon;
    char *filter;            /* NULL: every connection */
    const struct rule *rule; /* what it says by the rules of GENERATION; NULL with a filter: nothing that can be read */
    struct arena *arena;     /* of the rule */
    uint32_t generation;
    uint64_t now_ms;
};

static void read_filter(struct selection *selection, json_t **wrong)
{
    const struct ruleset *ruleset = selection->daemon->policy->ruleset;
    struct diagnostics diagnostics;
    arena_free(selection->arena);
    selection->rule = NULL;
    selection->generation = ruleset->generation;
    selection->arena = arena_new();
    if (selection->arena == NULL) {
        selection->generation = 0; /* again at the next use */
        if (wrong != NULL)
            *wrong = answer_error("no memory");
        return;
    }
    diagnostics_init(&diagnostics);
    selection->rule = parser_filter(selection->filter, ruleset, selection->arena, &diagnostics);
    if (selection->rule == NULL && wrong != NULL)
        *wrong = views_nonsense(&diagnostics);
    diagnostics_fini(&diagnostics);
}

bool selection_renew(struct selection *selection, json_t **wrong)
{
    selection->now_ms = clock_now_ms();
    if (selection->filter == NULL)
        return true;
    if (selection->rule == NULL || selection->generation != selection->daemon->policy->ruleset->generation)
        read_filter(selection, wrong);
    return selection->rule != NULL;
}

struct selection *selection_new(const struct daemon *daemon, const char *filter, json_t **wrong)
{
    struct selection *selection = calloc(1, sizeof *selection);
    char *words = filter != NULL ? strdup(filter) : NULL;
    if (selection == NULL || (filter != NULL && words == NULL)) {
        free(selection);
        free(words);
        *wrong = answer_error("no memory");
        return NULL;
    }
    selection->daemon = daemon;
    selection->filter = words;
    if (selection_renew(selection, wrong))
        return selection;
    selection_free(selection);
    return NULL;
}

void selection_free(struct selection *selection)
{
    if (selection == NULL)
        return;
    arena_free(selection->arena);
    free(selection->filter);
    free(selection);
}

bool selection_holds(const struct selection *selection, const struct connection *connection)
{
    const struct policy *policy = selection->daemon->policy;
    const struct basis own = connection_basis(connection);
    if (selection->rule == NULL)
        return true;
    struct query query = engine_query(policy->surroundings, &own, STATE_ESTABLISHED, selection->now_ms);
    return classify_rule(policy->ruleset, policy->surroundings, selection->rule, &query) == CONDITION_NONE;
}

static struct query query_of(const struct surroundings *surroundings, const struct event *event, uint64_t now_ms)
{
    return (struct query){
        .state = STATE_ESTABLISHED,
        .src = event->src,
        .dst = event->dst,
        .src_zone = surroundings_zone(surroundings, event->in_interface),
        .dst_zone = surroundings_zone(surroundings, event->out_interface),
        .src_port = event->src_port,
        .service = protocol_has_ports(event->protocol) ? event->dst_port : event->icmp_asks,
        .protocol = event->protocol,
        .now_ms = now_ms,
    };
}

bool selection_holds_event(const struct selection *selection, const struct event *event)
{
    const struct policy *policy = selection->daemon->policy;
    if (selection->rule == NULL)
        return true;
    if (event->family == 0)
        return false;
    struct query there = query_of(policy->surroundings, event, selection->now_ms), back = query_turned(&there);
    return classify_rule(policy->ruleset, policy->surroundings, selection->rule, &there) == CONDITION_NONE ||
           classify_rule(policy->ruleset, policy->surroundings, selection->rule, &back) == CONDITION_NONE;
}

/* ---- kill ---- */

/* Who is to be cut, while the table is walked: tuples, because pointers are only good under the lock. */
struct victims {
    const struct selection *selection;
    struct victim {
        struct tuple tuple;
        uint64_t id;
    } list[WALK_BUDGET];
    size_t count;
};

static bool picking_up(const struct selection *selection)
{
    return selection->now_ms < selection->daemon->heritage.pickup_until_ms;
}

static void note_victim(void *context, struct connection *connection)
{
    struct victims *victims = context;
    const struct selection *selection = victims->selection;
    bool cut = connection->generation == selection->daemon->policy->ruleset->generation && connection->action != ACTION_ALLOW;
    if (!(cut && picking_up(selection)) && victims->count < WALK_BUDGET && selection_holds(selection, connection))
        victims->list[victims->count++] = (struct victim){connection->tuple, connection->id};
}

/* While connections are picked up midway one that is forgotten would come back at once: it stays, denied, until that is over. */
static void deny_for_now(const struct daemon *daemon, struct connection *connection, uint64_t now_ms)
{
    uint64_t until_ms = daemon->heritage.pickup_until_ms;
    const struct standing standing = {.timeout_ms = (uint32_t)(until_ms - now_ms + 1), .eviction = EVICT_CLOSING};
    table_recall(daemon->table, connection);
    table_tell_end(daemon->table, connection, ENDING_KILLED);
    connection->generation = daemon->policy->ruleset->generation;
    connection->action = ACTION_DENY;
    connection->rule = RULE_DEFAULT;
    table_refresh(daemon->table, connection, now_ms, &standing);
}

static bool cut(const struct selection *selection, const struct victim *victim)
{
    struct table *table = selection->daemon->table;
    uint32_t hash = table_hash(table, &victim->tuple);
    table_lock(table, hash);
    struct connection *connection = table_find(table, hash, &victim->tuple);
    /* Another one may have begun in its place meanwhile. */
    bool found = connection != NULL && connection->id == victim->id;
    if (found && picking_up(selection))
        deny_for_now(selection->daemon, connection, selection->now_ms);
    else if (found)
        table_remove(table, connection, ENDING_KILLED);
    table_unlock(table, hash);
    return found;
}

json_t *selection_kill(void *context, const json_t *request)
{
    struct daemon *daemon = context;
    const char *filter = json_string_value(json_object_get(request, "filter"));
    json_t *wrong = NULL;
    json_int_t killed = 0;
    uint32_t place = 0;
    bool more;
    if (filter == NULL)
        return answer_error("'kill' needs a filter, such as {\"command\":\"kill\",\"filter\":\"lan to any tcp 22\"}");
    struct selection *selection = selection_new(daemon, filter, &wrong);
    struct victims victims = {.selection = selection};
    if (selection == NULL)
        return wrong;
    do {
        uint32_t next = table_walk(daemon->table, place, WALK_BUDGET / 2, selection->now_ms, note_victim, &victims);
        /* Entries that are cut move no others: the walk goes on where it was. */
        for (size_t i = 0; i < victims.count; i++)
            killed += cut(selection, &victims.list[i]);
        /* Where there was no room for all, once more. */
        place = victims.count < WALK_BUDGET ? next : place;
        more = victims.count == WALK_BUDGET;
        victims.count = 0;
    } while (place != 0 || more);
    selection_free(selection);
    return json_pack("{s:b, s:I}", "ok", 1, "killed", killed);
}
