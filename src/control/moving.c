#include "control/moving.h"

#include "base/text.h"
#include "control/words.h"
#include "rules/dns_set.h"
#include "rules/dynamic_set.h"
#include "rules/moving.h"

#define FAILURE_BYTES 200

static size_t addresses_now(const struct dns_question *question, uint64_t now_ms)
{
    size_t count = 0;
    for (size_t i = 0; i < question->count; i++)
        count += question->records[i].until_ms > now_ms;
    return count;
}

/* What is wrong with one family of a name; false: nothing. */
static bool add_failure(struct text *text, const struct dns_question *question)
{
    const char *family = question->v6 ? "IPv6" : "IPv4";
    const char *before = text->length > 0 ? "; " : "";
    if (question->failure != NULL)
        text_add(text, "%s%s: %s", before, family, question->failure);
    else if (question->left_out)
        text_add(text, "%s%s: more than %u addresses, the others are left out", before, family, DNS_ADDRESSES_MAX);
    return question->failure != NULL || question->left_out;
}

static json_t *failure_answer(const struct dns_question *v4, const struct dns_question *v6)
{
    char buffer[FAILURE_BYTES];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    bool failed = add_failure(&text, v4);
    failed |= add_failure(&text, v6);
    if (!failed && v4->answered && v6->answered && v4->count + v6->count == 0) {
        text_add(&text, "it has no address");
        failed = true;
    }
    return failed ? json_string(buffer) : json_null();
}

static json_t *name_answer(const struct dns_question *v4, const struct dns_question *v6, uint64_t now_ms)
{
    uint64_t next_ms = v4->next_ms < v6->next_ms ? v4->next_ms : v6->next_ms;
    return json_pack("{s:s, s:b, s:I, s:f, s:o}", "name", v4->name, "answered", v4->answered && v6->answered, "addresses",
                     (json_int_t)(addresses_now(v4, now_ms) + addresses_now(v6, now_ms)), "next",
                     next_ms > now_ms ? (double)(next_ms - now_ms) / 1000 : 0., "failure", failure_answer(v4, v6));
}

static json_t *set_answer(const struct moving_set *moving, uint64_t now_ms)
{
    json_t *names = json_array();
    for (size_t i = 0; i < moving->dns->count; i += 2)
        json_array_append_new(names, name_answer(&moving->dns->questions[i], &moving->dns->questions[i + 1], now_ms));
    return json_pack("{s:s, s:b, s:I, s:o}", "set", moving->name, "filled", dynamic_set_filled(moving->members), "addresses",
                     (json_int_t)dynamic_set_list(moving->members, now_ms, NULL, 0), "names", names);
}

json_t *moving_dns_answer(const struct ruleset *ruleset, uint64_t now_ms)
{
    json_t *sets = json_array();
    for (size_t i = 0; i < ruleset->moving_count; i++)
        if (ruleset->moving[i].kind == MOVING_DNS)
            json_array_append_new(sets, set_answer(&ruleset->moving[i], now_ms));
    return sets;
}

static json_t *prefix_answer(const struct ruleset *ruleset, const struct moving_set *moving, uint64_t now_ms)
{
    struct dynamic_member members[MOVING_PREFIXES_MAX];
    uint32_t count = dynamic_set_list(moving->members, now_ms, members, MOVING_PREFIXES_MAX);
    json_t *addresses = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(addresses, words_address(members[i].address));
    return json_pack("{s:s, s:s, s:o}", "prefix", moving->name, "zone", ruleset->zones[moving->zone].name, "addresses", addresses);
}

json_t *moving_prefixes_answer(const struct ruleset *ruleset, uint64_t now_ms)
{
    json_t *prefixes = json_array();
    for (size_t i = 0; i < ruleset->moving_count; i++)
        if (ruleset->moving[i].kind == MOVING_PREFIX)
            json_array_append_new(prefixes, prefix_answer(ruleset, &ruleset->moving[i], now_ms));
    return prefixes;
}
