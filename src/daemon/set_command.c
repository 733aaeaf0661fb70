#include "daemon/set_command.h"

#include <stdlib.h>
#include <string.h>

#include "control/answer.h"
#include "control/words.h"
#include "daemon/private.h"
#include "parser/parser.h"
#include "rules/dynamic_set.h"


/* Members of one answer; how many there are stands beside them. */
#define LISTED_MAX 16384u

static const char *word_of(const json_t *request, const char *key)
{
    return json_string_value(json_object_get(request, key));
}

/* The dynamic set that REQUEST names; NULL: *WRONG says why. */
static const struct moving_set *set_of(const struct daemon *daemon, const json_t *request, json_t **wrong)
{
    const struct ruleset *ruleset = daemon->policy->ruleset;
    const char *name = word_of(request, "set");
    for (size_t i = 0; name != NULL && i < ruleset->moving_count; i++)
        if (ruleset->moving[i].kind == MOVING_DYNAMIC && strcmp(ruleset->moving[i].name, name) == 0)
            return &ruleset->moving[i];
    *wrong = name != NULL ? answer_error("no dynamic set is called '%.60s': the rules say `set %.60s = dynamic`", name, name)
                          : answer_error("the request names no \"set\"");
    return NULL;
}

static bool address_of(const json_t *request, struct address *address, json_t **wrong)
{
    const char *text = word_of(request, "address");
    if (text != NULL && address_from_text(text, address))
        return true;
    *wrong = answer_error("'%.60s' is no address: one is meant, such as 192.0.2.7 or 2001:db8::7", text != NULL ? text : "");
    return false;
}

static json_t *member_answer(const struct dynamic_member *member, const struct ruleset *ruleset, uint64_t now_ms)
{
    uint32_t rule = member->by != 0 ? ruleset_rule_of(ruleset, member->by) : RULE_DEFAULT;
    json_t *answer = json_pack("{s:o, s:f, s:o}", "address", words_address(member->address), "age", (double)(now_ms - member->added_ms) / 1e3, "left",
                               member->until_ms == UINT64_MAX ? json_null()
                                                              : json_real((double)(member->until_ms - now_ms) / 1e3));
    if (rule != RULE_DEFAULT)
        json_object_set_new(answer, "by", words_place(words_rule(ruleset, rule)));
    else
        json_object_set_new(answer, "by", member->by == 0 ? json_string("hand") : json_null());
    return answer;
}

json_t *set_command_list(void *context, const json_t *request)
{
    const struct daemon *daemon = context;
    json_t *wrong = NULL, *list = json_array();
    const struct moving_set *set = set_of(daemon, request, &wrong);
    if (set == NULL) {
        json_decref(list);
        return wrong;
    }
    uint64_t now_ms = clock_now_ms();
    struct dynamic_member *members = calloc(LISTED_MAX, sizeof *members);
    uint32_t count = members != NULL ? dynamic_set_list(set->members, now_ms, members, LISTED_MAX) : 0;
    for (uint32_t i = 0; i < count && i < LISTED_MAX; i++)
        json_array_append_new(list, member_answer(&members[i], daemon->policy->ruleset, now_ms));
    free(members);
    return json_pack("{s:b, s:s, s:I, s:I, s:o}", "ok", 1, "set", set->name, "max", (json_int_t)dynamic_set_most(set->members),
                     "count", (json_int_t)count, "members", list);
}

json_t *set_command_add(void *context, const json_t *request)
{
    const struct daemon *daemon = context;
    const char *lasting = word_of(request, "for");
    json_t *wrong = NULL;
    struct dynamic_member member = {.until_ms = UINT64_MAX};
    const struct moving_set *set = set_of(daemon, request, &wrong);
    if (set == NULL || !address_of(request, &member.address, &wrong))
        return wrong;
    uint64_t now_ms = clock_now_ms(), stays_ms = set->timeout_ms;
    if (lasting != NULL && (!parser_duration(lasting, &stays_ms) || stays_ms == 0))
        return answer_error("'%.60s' is no duration: 30s, 5m, 1h or 1d", lasting);
    member.added_ms = now_ms;
    member.until_ms = stays_ms > 0 ? now_ms + stays_ms : UINT64_MAX;
    if (!dynamic_set_add(set->members, &member, now_ms))
        return answer_error("the set '%.60s' is full: it holds %u members", set->name, dynamic_set_most(set->members));
    return json_pack("{s:b, s:s}", "ok", 1, "set", set->name);
}

json_t *set_command_delete(void *context, const json_t *request)
{
    const struct daemon *daemon = context;
    json_t *wrong = NULL;
    struct address address;
    const struct moving_set *set = set_of(daemon, request, &wrong);
    if (set == NULL || !address_of(request, &address, &wrong))
        return wrong;
    if (!dynamic_set_delete(set->members, address, clock_now_ms()))
        return answer_error("%.60s is not in the set '%.60s'", word_of(request, "address"), set->name);
    return json_pack("{s:b, s:s}", "ok", 1, "set", set->name);
}
