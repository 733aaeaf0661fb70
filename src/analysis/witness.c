#include "analysis/witness.h"

#include "base/text.h"
#include "packet/packet.h"
#include "rules/classify.h"
#include "rules/dynamic_set.h"
#include "rules/surroundings.h"

static void add_end(struct text *text, const struct ruleset *ruleset, struct address address, uint16_t zone)
{
    address_to_text(text, address);
    if (zone > 0 && zone < ruleset->zone_count)
        text_add(text, "@%s", ruleset->zones[zone].name);
}

static void add_service(struct text *text, const struct query *query)
{
    switch (query->protocol) {
    case PROTOCOL_TCP:
        text_add(text, "tcp %u", query->service);
        break;
    case PROTOCOL_UDP:
        text_add(text, "udp %u", query->service);
        break;
    case PROTOCOL_SCTP:
        text_add(text, "sctp %u", query->service);
        break;
    case PROTOCOL_ICMP:
        text_add(text, "icmp %u", query->service);
        break;
    case PROTOCOL_ICMP6:
        text_add(text, "icmp6 %u", query->service);
        break;
    default:
        text_add(text, "proto %u", query->protocol);
    }
}

void query_to_text(struct text *text, const struct ruleset *ruleset, const struct query *query, bool always)
{
    add_end(text, ruleset, query->src, query->src_zone);
    if (query->src_port != 49152 && query->src_port != 0)
        text_add(text, " port %u", query->src_port);
    text_add(text, " to ");
    add_end(text, ruleset, query->dst, query->dst_zone);
    text_add(text, " ");
    add_service(text, query);
    if (always || query->state != STATE_NEW)
        text_add(text, " %s", state_name(query->state));
}

static void add_moment(struct text *text, const struct witness *witness)
{
    static const char days[7][4] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    uint32_t second = witness->at.second_of_week % 86400;
    if (!witness->timed && !witness->dated)
        return;
    text_add(text, " at \"");
    if (witness->dated)
        civil_day_to_text(text, witness->at.day);
    else
        text_add(text, "%s", days[witness->at.second_of_week / 86400 % 7]);
    text_add(text, " %02u:%02u", second / 3600, second / 60 % 60);
    if (second % 60 != 0)
        text_add(text, ":%02u", second % 60);
    text_add(text, "\"");
}

static void add_member(struct text *text, const struct ruleset *ruleset, struct address address, bool self, uint32_t moving)
{
    if (!self && moving == 0)
        return;
    text_add(text, " (");
    address_to_text(text, address);
    if (self)
        text_add(text, " is the gateway)");
    else
        text_add(text, " in %s)", moving <= ruleset->moving_count ? ruleset->moving[moving - 1].name : "a set");
}

void witness_to_text(struct text *text, const struct ruleset *ruleset, const struct witness *witness, bool always)
{
    query_to_text(text, ruleset, &witness->query, always);
    add_moment(text, witness);
    add_member(text, ruleset, witness->query.src, witness->src_self, witness->src_moving);
    add_member(text, ruleset, witness->query.dst, witness->dst_self, witness->dst_moving);
    if (witness->unfilled > 0 && witness->unfilled <= ruleset->moving_count)
        text_add(text, " (%s is not filled yet)", ruleset->moving[witness->unfilled - 1].name);
}

/* Lets all sets be filled, but for the one of which the witness says otherwise; BEFORE keeps what they were. */
static void fill_sets(const struct ruleset *ruleset, const struct witness *witness, bool before[RULESET_MOVING_MAX])
{
    for (uint32_t i = 0; i < ruleset->moving_count; i++) {
        before[i] = dynamic_set_filled(ruleset->moving[i].members);
        dynamic_set_fill(ruleset->moving[i].members, i + 1 != witness->unfilled);
    }
}

/* Enters ADDRESS into the set for the time of one question, or takes it out again. */
static void set_member(const struct ruleset *ruleset, uint32_t moving, struct address address, bool member)
{
    if (moving == 0 || moving > ruleset->moving_count)
        return;
    struct dynamic_set *set = ruleset->moving[moving - 1].members;
    const struct dynamic_member entry = {.address = address, .until_ms = UINT64_MAX};
    if (member)
        dynamic_set_add(set, &entry, 0);
    else
        dynamic_set_delete(set, address, 0);
}

bool witness_classify(const struct ruleset *ruleset, const struct witness *witness, uint32_t *rule, enum action *action)
{
    struct address_range self[2];
    size_t count = 0;
    if (witness->src_self)
        self[count++] = (struct address_range){witness->query.src, witness->query.src};
    if (witness->dst_self)
        self[count++] = (struct address_range){witness->query.dst, witness->query.dst};
    struct surroundings *surroundings = surroundings_new(NULL, 0, self, count);
    struct decision decision;
    bool filled[RULESET_MOVING_MAX];
    if (surroundings == NULL)
        return false;
    surroundings->schedules = ruleset_schedules_at(ruleset, witness->at);
    fill_sets(ruleset, witness, filled);
    set_member(ruleset, witness->src_moving, witness->query.src, true);
    set_member(ruleset, witness->dst_moving, witness->query.dst, true);
    /* The plain reading: a finding is held against the meaning of the language. */
    classify_traced(ruleset, surroundings, &witness->query, &decision, NULL);
    set_member(ruleset, witness->src_moving, witness->query.src, false);
    set_member(ruleset, witness->dst_moving, witness->query.dst, false);
    for (size_t i = 0; i < ruleset->moving_count; i++)
        dynamic_set_fill(ruleset->moving[i].members, filled[i]);
    surroundings_free(surroundings);
    *rule = decision.rule;
    *action = decision.action;
    return true;
}
