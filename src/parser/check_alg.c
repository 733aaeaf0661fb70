/*
 * `alg` of a rule: is there such an ALG, does it listen to what the rule opens, and what may be added to its name?
 */
#include <string.h>

#include "packet/packet.h"
#include "parser/check.h"
#include "parser/words.h"

static enum alg_name known(struct check *check, const struct word *word)
{
    enum alg_name name = alg_name_of(word->text);
    struct suggestion suggestion = suggestion_for(word->text);
    if (name != ALG_NONE)
        return name;
    for (enum alg_name other = ALG_NONE + 1; other < ALG_NAME_COUNT; other++)
        suggestion_offer(&suggestion, alg_name_text(other));
    CHECK_ERROR(check, word->at, CODE_UNDEFINED, "unknown ALG '%s'%s%s%s", word->text,
                suggestion.best ? " (did you mean '" : "", suggestion.best ? suggestion.best : "",
                suggestion.best ? "'?)" : "");
    return ALG_NONE;
}

static const struct set *media_set(struct check *check, const struct word *word)
{
    struct definition *definition = names_find(&check->names, word->text);
    if (definition == NULL) {
        check_undefined(check, word->at, "set", word->text, &check->names);
    } else if (definition->kind != DEFINES_SET) {
        CHECK_ERROR(check, word->at, CODE_UNDEFINED, "'%s' is a zone; 'media' is followed by a set", word->text);
    } else {
        check_set_resolve(check, definition);
        return definition->set;
    }
    return NULL;
}

/* Does the rule open connections of a protocol that the ALG is spoken over? */
static bool listens(enum alg_name name, const struct rule *rule)
{
    for (size_t i = 0; i < rule->service_count; i++)
        if (alg_name_over(name, rule->services[i].protocol))
            return true;
    return rule->service_count == 0;
}

/* `strict`, `media SET`: returns the last word that belongs to it. */
static const struct word_node *check_detail(struct check *check, const struct word_node *node, struct rule_alg *alg)
{
    const struct word *word = &node->word;
    bool strict = strcmp(word->text, "strict") == 0, media = strcmp(word->text, "media") == 0;
    if (!strict && !media)
        CHECK_ERROR(check, word->at, CODE_SYNTAX, "unexpected '%s' behind 'alg %s', expected 'strict', 'media SET' or an option",
                    word->text, alg_name_text(alg->name));
    else if (!alg_name_takes(alg->name, strict ? ALG_STRICT : ALG_MEDIA))
        CHECK_ERROR(check, word->at, CODE_SYNTAX, "the ALG '%s' knows no '%s'", alg_name_text(alg->name), word->text);
    else if (media && node->next == NULL)
        CHECK_ERROR(check, word->at, CODE_SYNTAX, "'media' is followed by a set");
    else if ((strict && alg->strict) || (media && alg->media != NULL))
        CHECK_ERROR(check, word->at, CODE_SYNTAX, "'%s' stands twice in this rule", word->text);
    else if (media)
        alg->media = media_set(check, &node->next->word);
    alg->strict |= strict;
    return media && node->next != NULL ? node->next : node;
}

void check_alg(struct check *check, const struct word_node *words, struct rule *rule)
{
    struct rule_alg *alg = arena_take(check->arena, 1, sizeof *alg);
    alg->name = known(check, &words->word);
    if (alg->name == ALG_NONE)
        return;
    for (const struct word_node *node = words->next; node != NULL; node = node->next)
        node = check_detail(check, node, alg);
    if (!listens(alg->name, rule))
        CHECK_ERROR(check, words->word.at, CODE_SYNTAX, "the ALG '%s' listens to %s, which this rule does not open",
                    words->word.text,
                    !alg_name_over(alg->name, PROTOCOL_UDP)   ? "tcp"
                    : !alg_name_over(alg->name, PROTOCOL_TCP) ? "udp"
                                                              : "tcp and udp");
    rule->alg = alg;
}
