#include "daemon/preview.h"

#include <stdlib.h>
#include <string.h>

#include "control/words.h"
#include "daemon/private.h"
#include "engine/screen.h"
#include "rules/classify.h"
#include "state/family.h"

/* Buckets of the table that are looked at under one lock, and connections that are remembered of them. */
#define PREVIEW_BUDGET 64
#define PREVIEW_BATCH 256

static const char *const fate_names[FATE_COUNT] = {"lose", "change", "return", "denied", "keep"};

/* What must be known of a connection when its stripe is unlocked again. */
struct seen {
    struct basis own, basis; /* matched by the rules as the latter: its own, or its first parent's */
    enum packet_state state;
    bool decided;            /* by the present rules, so: */
    struct decider decision;
};

struct walk {
    struct preview *preview;
    const struct daemon *daemon;
    const struct policy *next;
    uint64_t now_ms;
    size_t count;
    struct seen list[PREVIEW_BATCH];
};

static bool same_decider(const struct decider *one, const struct decider *other)
{
    return one->before == other->before && one->rule == other->rule && one->action == other->action;
}

/* Would antispoof refuse the packets of one side? */
static bool is_spoofed(const struct policy *policy, const struct basis *own, uint64_t now_ms)
{
    struct query query = engine_query(policy->surroundings, own, STATE_ESTABLISHED, now_ms), reply = query_turned(&query);
    return screen_query(policy->ruleset, policy->surroundings, &query) == SCREENING_SPOOFED ||
           screen_query(policy->ruleset, policy->surroundings, &reply) == SCREENING_SPOOFED;
}

/* DECIDED: what the rules have answered, NULL: they are asked. */
static struct decider decide(const struct policy *policy, const struct seen *seen, const struct decider *decided,
                             uint64_t now_ms)
{
    struct decision decision;
    if (screen_unhooked(policy->ruleset, seen->basis.chain))
        return (struct decider){"chain not hooked", RULE_DEFAULT, ACTION_ALLOW};
    if (policy->ruleset->antispoof && is_spoofed(policy, &seen->own, now_ms))
        return (struct decider){screening_name(SCREENING_SPOOFED), RULE_DEFAULT, ACTION_DENY};
    if (decided != NULL)
        return *decided;
    struct query query = engine_query(policy->surroundings, &seen->basis, seen->state, now_ms);
    classify(policy->ruleset, policy->surroundings, &query, &decision);
    return (struct decider){NULL, decision.rule, (uint8_t)decision.action};
}

static uint32_t identity_of(const struct ruleset *ruleset, const struct decider *decider)
{
    return decider->rule == RULE_DEFAULT ? 0 : ruleset->rules[decider->rule].identity;
}

static enum fate fate_of(const struct preview *preview, const struct decider *old, const struct decider *new)
{
    bool passes = old->action == ACTION_ALLOW, will = new->action == ACTION_ALLOW;
    if (!passes)
        return will ? FATE_RETURN : FATE_DENIED;
    if (!will)
        return FATE_LOSE;
    bool same = old->before == new->before && identity_of(preview->old, old) == identity_of(preview->new, new);
    return same ? FATE_KEEP : FATE_CHANGE;
}

static void count(struct preview *preview, const struct decider *old, const struct decider *new)
{
    enum fate fate = fate_of(preview, old, new);
    const size_t places = sizeof preview->groups / sizeof preview->groups[0];
    size_t at = (old->rule * 0x9e3779b1u ^ new->rule * 0x85ebca6bu) % places;
    struct preview_group *group = &preview->groups[at];
    preview->fates[fate]++;
    while (group->connections > 0 && !(same_decider(&group->old, old) && same_decider(&group->new, new))) {
        at = (at + 1) % places;
        group = &preview->groups[at];
    }
    if (group->connections == 0 && preview->group_count == PREVIEW_GROUPS_MAX) {
        preview->left_out++;
        return;
    }
    preview->group_count += group->connections == 0;
    *group = (struct preview_group){*old, *new, fate, group->connections + 1};
}

static void judge(struct walk *walk, const struct seen *seen)
{
    struct decider old = decide(walk->daemon->policy, seen, seen->decided ? &seen->decision : NULL, walk->now_ms);
    struct decider new = decide(walk->next, seen, NULL, walk->now_ms);
    count(walk->preview, &old, &new);
}

static void see(void *context, struct connection *connection)
{
    struct walk *walk = context;
    uint64_t parent;
    struct seen seen = {
        .own = connection_basis(connection),
        .basis = family_basis(table_families(walk->daemon->table), connection, &parent),
        .state = connection->flags & CONNECTION_RELATED ? STATE_RELATED : STATE_ESTABLISHED,
        /* What was decided holds, also where the rules would decide otherwise by now. */
        .decided = connection->generation == walk->daemon->policy->ruleset->generation,
        .decision = {NULL, connection->rule, connection->action},
    };
    if (walk->count < PREVIEW_BATCH)
        walk->list[walk->count++] = seen;
    else
        judge(walk, &seen);
}

/* Groups first, the free places behind them; as preview_answer shows them. */
static int compare_groups(const void *one, const void *other)
{
    const struct preview_group *a = one, *b = other;
    if (a->connections == 0 || b->connections == 0)
        return (a->connections == 0) - (b->connections == 0);
    if (a->fate != b->fate)
        return (int)a->fate - (int)b->fate;
    return a->connections < b->connections ? 1 : a->connections > b->connections ? -1 : 0;
}

void preview_make(struct preview *preview, const struct daemon *daemon, const struct policy *next)
{
    struct walk walk = {.preview = preview, .daemon = daemon, .next = next, .now_ms = clock_now_ms()};
    uint32_t place = 0;
    memset(preview, 0, sizeof *preview);
    preview->old = daemon->policy->ruleset;
    preview->new = next->ruleset;
    do {
        place = table_walk(daemon->table, place, PREVIEW_BUDGET, walk.now_ms, see, &walk);
        for (size_t i = 0; i < walk.count; i++)
            judge(&walk, &walk.list[i]);
        walk.count = 0;
    } while (place != 0);
    qsort(preview->groups, sizeof preview->groups / sizeof preview->groups[0], sizeof preview->groups[0], compare_groups);
}

static json_t *decider_answer(const struct ruleset *ruleset, const struct decider *decider)
{
    const struct rule *rule = words_rule(ruleset, decider->rule);
    json_t *place = rule != NULL ? words_place(rule) : json_string(decider->before != NULL ? decider->before : "default");
    return json_pack("{s:o, s:o, s:s}", "rule", place, "name", words_name(rule), "action", action_name(decider->action));
}

void preview_answer(const struct preview *preview, json_t *answer)
{
    json_t *sums = json_object(), *groups = json_array();
    for (unsigned i = 0; i < FATE_COUNT; i++)
        json_object_set_new(sums, fate_names[i], json_integer((json_int_t)preview->fates[i]));
    for (size_t i = 0; i < preview->group_count; i++) {
        const struct preview_group *group = &preview->groups[i];
        json_array_append_new(groups, json_pack("{s:s, s:I, s:o, s:o}", "fate", fate_names[group->fate], "connections",
                                                (json_int_t)group->connections, "old",
                                                decider_answer(preview->old, &group->old), "new",
                                                decider_answer(preview->new, &group->new)));
    }
    json_object_set_new(answer, "connections", sums);
    json_object_set_new(answer, "groups", groups);
    json_object_set_new(answer, "left_out", json_integer((json_int_t)preview->left_out));
}
