#include "control/words.h"

#include "base/text.h"

json_t *words_address(struct address address)
{
    char buffer[64];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    address_to_text(&text, address);
    return json_string(buffer);
}

static json_t *or_null(json_t *json)
{
    return json != NULL ? json : json_null();
}

json_t *words_string(const char *text)
{
    return or_null(text != NULL ? json_string(text) : NULL);
}

json_t *words_place(const struct rule *rule)
{
    return or_null(rule != NULL ? json_sprintf("%s:%u", rule->file, rule->line) : NULL);
}

json_t *words_name(const struct rule *rule)
{
    return words_string(rule != NULL ? rule->name : NULL);
}

const struct rule *words_rule(const struct ruleset *ruleset, uint32_t index)
{
    return index < ruleset->rule_count ? &ruleset->rules[index] : NULL;
}
