#include "rules/mismatch.h"

#include <stdio.h>

#include "base/text.h"
#include "packet/packet.h"
#include "rules/surroundings.h"

#define LISTED_MAX 6 /* items of a list that are shown */

static const char *protocol_name(uint8_t protocol, char buffer[16])
{
    static const struct {
        uint8_t number;
        const char *name;
    } names[] = {{PROTOCOL_TCP, "tcp"}, {PROTOCOL_UDP, "udp"}, {PROTOCOL_SCTP, "sctp"}, {PROTOCOL_ICMP, "icmp"},
                 {PROTOCOL_ICMP6, "icmp6"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].number == protocol)
            return names[i].name;
    snprintf(buffer, 16, "proto %u", protocol);
    return buffer;
}

static void add_range(struct text *text, const char *before, uint32_t first, uint32_t last)
{
    text_add(text, "%s%u", before, first);
    if (last != first)
        text_add(text, "-%u", last);
}

/* The ports, or types, that the rule wants of this protocol; false: it wants another protocol. */
static bool add_ports(struct text *text, const struct rule *rule, uint8_t protocol)
{
    const char *before = "";
    for (size_t i = 0; i < rule->service_count; i++) {
        if (rule->services[i].protocol != protocol)
            continue;
        add_range(text, before, rule->services[i].first, rule->services[i].last);
        before = ",";
    }
    return before[0] != '\0';
}

static void add_protocols(struct text *text, const struct rule *rule)
{
    char buffer[16];
    for (size_t i = 0; i < rule->service_count; i++)
        if (i == 0 || rule->services[i].protocol != rule->services[i - 1].protocol)
            text_add(text, "%s%s", i > 0 ? "," : "", protocol_name(rule->services[i].protocol, buffer));
}

static void add_addresses(struct text *text, const struct rangeset *set)
{
    for (size_t i = 0; i < set->count && i < LISTED_MAX; i++) {
        text_add(text, "%s", i > 0 ? ", " : "");
        address_to_text(text, set->ranges[i].first);
        if (!address_equal(set->ranges[i].first, set->ranges[i].last)) {
            text_add(text, "-");
            address_to_text(text, set->ranges[i].last);
        }
    }
    if (set->count > LISTED_MAX)
        text_add(text, " and %zu more", set->count - LISTED_MAX);
}

static void add_endpoint(struct text *text, const struct ruleset *ruleset, const struct endpoint *endpoint)
{
    text_add(text, "%s", endpoint->negated ? "not " : endpoint->term_count == 0 ? "nobody" : "");
    for (size_t i = 0; i < endpoint->term_count; i++) {
        const struct endpoint_term *term = &endpoint->terms[i];
        text_add(text, "%s", i > 0 ? ", " : "");
        if (term->kind == TERM_ANY && term->zone != 0) {
            text_add(text, "%s", ruleset->zones[term->zone].name);
            continue;
        }
        if (term->kind == TERM_ANY)
            text_add(text, "any");
        else if (term->kind == TERM_SELF)
            text_add(text, "self");
        else if (term->set->name != NULL)
            text_add(text, "%s", term->set->name);
        else
            add_addresses(text, &term->set->members);
        if (term->zone != 0)
            text_add(text, "@%s", ruleset->zones[term->zone].name);
    }
}

static void add_states(struct text *text, uint8_t states)
{
    const char *before = "";
    for (unsigned state = STATE_NEW; state < STATE_COUNT; state++)
        if (states & STATE_BIT(state)) {
            text_add(text, "%s%s", before, state_name(state));
            before = ",";
        }
}

static void add_flags(struct text *text, uint8_t flags)
{
    const char *before = "";
    for (unsigned bit = 0; bit < TCP_FLAG_COUNT; bit++)
        if (flags & 1u << bit) {
            text_add(text, "%s%s", before, tcp_flag_name(bit));
            before = ",";
        }
    text_add(text, "%s", flags == 0 ? "none" : "");
}

static void add_end(struct text *text, const struct ruleset *ruleset, struct address address, uint16_t zone)
{
    address_to_text(text, address);
    if (zone != 0)
        text_add(text, "@%s", ruleset->zones[zone].name);
}

/* What failed, in words; what was wanted; what came. */
static const char *describe(const struct ruleset *ruleset, const struct query *query, const struct rule *rule, enum condition failed,
                            struct text *wanted, struct text *got)
{
    char buffer[16];
    bool icmp = query->protocol == PROTOCOL_ICMP || query->protocol == PROTOCOL_ICMP6;
    switch (failed) {
    case CONDITION_STATE:
        add_states(wanted, rule->states);
        text_add(got, "%s", state_name(query->state));
        return "state";
    case CONDITION_SERVICE:
        if (add_ports(wanted, rule, query->protocol)) {
            text_add(got, "%u", query->service);
            return icmp ? "icmp type" : "destination port";
        }
        add_protocols(wanted, rule);
        text_add(got, "%s", protocol_name(query->protocol, buffer));
        return "protocol";
    case CONDITION_SRC_PORT:
        for (size_t i = 0; i < rule->src_port_count; i++)
            add_range(wanted, i > 0 ? "," : "", rule->src_ports[i].first, rule->src_ports[i].last);
        text_add(got, "%u", query->src_port);
        return "source port";
    case CONDITION_SRC:
        add_endpoint(wanted, ruleset, &rule->src);
        add_end(got, ruleset, query->src, query->src_zone);
        return "source";
    case CONDITION_DST:
        add_endpoint(wanted, ruleset, &rule->dst);
        add_end(got, ruleset, query->dst, query->dst_zone);
        return "destination";
    case CONDITION_FLAGS:
        add_flags(wanted, rule->flags_set);
        text_add(wanted, " of ");
        add_flags(wanted, rule->flags_looked_at);
        add_flags(got, query->tcp_flags);
        return "flags";
    case CONDITION_TIME:
        text_add(wanted, "%s", rule->when != 0 ? ruleset->schedules[rule->when - 1].name : "before it expired");
        text_add(got, "now");
        return "time";
    default:
        return NULL;
    }
}

/* The condition in one sentence. */
static void add_words(struct text *text, const struct ruleset *ruleset, const struct surroundings *surroundings,
                      const struct rule *rule, enum condition failed, const struct mismatch *mismatch)
{
    if (failed == CONDITION_TIME && rule->until != 0 && !(surroundings->schedules & UINT64_C(1) << (rule->until - 1))) {
        text_add(text, "expired on ");
        civil_day_to_text(text, ruleset->schedules[rule->until - 1].last_day);
    } else if (failed == CONDITION_TIME) {
        text_add(text, "outside of schedule \"%s\"", ruleset->schedules[rule->when - 1].name);
    } else {
        text_add(text, "%s %s %s, not %s", mismatch->what, failed == CONDITION_FLAGS ? "are" : "is", mismatch->got, mismatch->wanted);
    }
}

bool mismatch_of(struct mismatch *mismatch, const struct ruleset *ruleset, const struct surroundings *surroundings,
                 const struct query *query, uint32_t index, enum condition failed)
{
    const struct rule *rule = &ruleset->rules[index];
    struct text wanted, got, words;
    text_init(&wanted, mismatch->wanted, sizeof mismatch->wanted);
    text_init(&got, mismatch->got, sizeof mismatch->got);
    text_init(&words, mismatch->words, sizeof mismatch->words);
    mismatch->what = describe(ruleset, query, rule, failed, &wanted, &got);
    if (mismatch->what != NULL)
        add_words(&words, ruleset, surroundings, rule, failed, mismatch);
    return mismatch->what != NULL;
}
