/*
 * What a rule says about the connections that it opens: limits, overload, timeouts, looseness. And who it is: its identity.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "packet/packet.h"
#include "parser/check.h"
#include "parser/words.h"

void check_timeout(struct check *check, const struct timeout_node *node, struct timeouts *timeouts)
{
    struct suggestion suggestion = suggestion_for(node->key.text);
    for (unsigned i = 0; i < TIMEOUT_COUNT; i++) {
        if (strcmp(timeout_key(i), node->key.text) != 0) {
            suggestion_offer(&suggestion, timeout_key(i));
            continue;
        }
        if (node->ms == 0 || node->ms > TIMEOUT_LARGEST_MS)
            CHECK_ERROR(check, node->at, CODE_RANGE, "a timeout is from 1ms to 30d");
        else
            timeouts->ms[i] = (uint32_t)node->ms;
        return;
    }
    CHECK_ERROR(check, node->key.at, CODE_UNDEFINED, "unknown timeout '%s'%s%s%s", node->key.text,
                suggestion.best ? " (did you mean '" : "", suggestion.best ? suggestion.best : "",
                suggestion.best ? "'?)" : "");
}

static void check_timeouts(struct check *check, const struct timeout_node *node, struct rule *rule)
{
    struct timeouts *timeouts = arena_take(check->arena, 1, sizeof *timeouts);
    *timeouts = check->ruleset->timeouts;
    for (; node != NULL; node = node->next)
        check_timeout(check, node, timeouts);
    rule->timeouts = timeouts;
}

/* The moving set that `overload` names. */
static uint16_t overload_set(struct check *check, const struct word *name)
{
    const struct definition *definition = names_find(&check->names, name->text);
    if (definition == NULL)
        check_undefined(check, name->at, "set", name->text, &check->names);
    else if (definition->kind != DEFINES_SET || !definition->node->dynamic)
        CHECK_ERROR(check, name->at, CODE_UNDEFINED, "'%s' is no dynamic set; define one: set %s = dynamic max 65536 timeout 1h",
                    name->text, definition->kind == DEFINES_SET ? name->text : "abusers");
    else
        return definition->set->moving[0];
    return 0;
}

static void check_overload(struct check *check, const struct limit_node *node, struct rule_limit *limit)
{
    if (!node->new_given && !node->connections_given)
        CHECK_ERROR(check, node->overload.at, CODE_SYNTAX, "'overload' needs a limit in the same rule: who exceeds it enters the set");
    limit->overloads = true;
    limit->overload = overload_set(check, &node->overload);
    limit->flush = node->flush;
    limit->overload_ms = node->overload_ms;
    if (limit->overload_ms == 0 && limit->overload < check->moving)
        limit->overload_ms = check->moving_list[limit->overload].timeout_ms;
}

static void check_limit(struct check *check, const struct limit_node *node, struct rule *rule)
{
    struct rule_limit *limit = arena_take(check->arena, 1, sizeof *limit);
    *limit = (struct rule_limit){
        .new_rate = node->new_given ? node->new_rate : (struct rate){LIMIT_NONE, 1},
        .new_per_source = node->new_per_source,
        .connections = LIMIT_NONE,
        .connections_per_source = node->connections_per_source,
    };
    if (node->connections_given && (node->connections == 0 || node->connections > CONNECTIONS_MAX))
        CHECK_ERROR(check, node->at, CODE_RANGE, "connections are limited to from 1 to %u", CONNECTIONS_MAX);
    else if (node->connections_given)
        limit->connections = (uint32_t)node->connections;
    if (node->overload.text != NULL)
        check_overload(check, node, limit);
    rule->limit = limit;
}

/* Adds the flag called by the LENGTH characters at TEXT to *FLAGS. */
static void add_flag(struct check *check, const struct word *word, const char *text, size_t length, uint8_t *flags)
{
    char name[16];
    snprintf(name, sizeof name, "%.*s", (int)(length < 15 ? length : 15), text);
    struct suggestion suggestion = suggestion_for(name);
    for (unsigned bit = 0; bit < TCP_FLAG_COUNT; bit++) {
        if (strcmp(name, tcp_flag_name(bit)) == 0) {
            *flags = (uint8_t)(*flags | 1u << bit);
            return;
        }
        suggestion_offer(&suggestion, tcp_flag_name(bit));
    }
    if (strcmp(name, "none") != 0)
        CHECK_ERROR(check, word->at, CODE_UNDEFINED, "unknown TCP flag '%s'%s%s%s", name,
                    suggestion.best ? " (did you mean '" : "", suggestion.best ? suggestion.best : "",
                    suggestion.best ? "'?)" : "");
}

/* SET/LOOKED-AT, as lists: `syn/syn,ack`. */
static void check_flags(struct check *check, const struct word_node *words, struct rule *rule)
{
    unsigned slashes = 0;
    rule->flagged = true;
    for (const struct word_node *node = words; node != NULL; node = node->next) {
        const char *text = node->word.text, *slash = strchr(text, '/');
        size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);
        add_flag(check, &node->word, text, length, slashes == 0 ? &rule->flags_set : &rule->flags_looked_at);
        slashes += slash != NULL;
        if (slash != NULL)
            add_flag(check, &node->word, slash + 1, strlen(slash + 1), &rule->flags_looked_at);
    }
    if (slashes != 1)
        CHECK_ERROR(check, words->word.at, CODE_SYNTAX, "flags are written SET/LOOKED-AT, such as syn/syn,ack");
    else if (rule->flags_set & ~rule->flags_looked_at)
        CHECK_ERROR(check, words->word.at, CODE_RANGE, "a flag is to be set and not looked at: this matches nothing");
}

void check_options(struct check *check, const struct rule_node *node, struct rule *rule)
{
    const struct limit_node *limit = &node->limit;
    bool limits = limit->new_given || limit->connections_given || limit->overload.text != NULL;
    const char *option = node->mark.given ? "mark" : node->alg != NULL ? "alg" : node->loose ? "loose" : limit->overload.text != NULL ? "overload" : limits ? "limit" : "timeout";
    if ((node->loose || limits || node->timeouts != NULL || node->mark.given || node->alg != NULL) && node->action != ACTION_ALLOW)
        CHECK_ERROR(check, node->src.member->at, CODE_SYNTAX, "'%s' speaks about connections that a rule opens, and stands in 'allow' rules only",
                    option);
    rule->loose = node->loose;
    rule->mark = node->mark.value & node->mark.mask;
    rule->mark_mask = node->mark.given ? node->mark.mask : 0;
    if (node->mark.given && (node->mark.value & ~node->mark.mask) != 0)
        CHECK_ERROR(check, node->src.member->at, CODE_RANGE, "the mark has bits set outside of its mask");
    if (node->flags != NULL)
        check_flags(check, node->flags, rule);
    check_when(check, node, rule);
    check->ruleset->loose |= node->loose;
    if (node->alg != NULL)
        check_alg(check, node->alg, rule);
    if (limits)
        check_limit(check, limit, rule);
    if (node->timeouts != NULL)
        check_timeouts(check, node->timeouts, rule);
}

/* ---- identity ---- */

/* Its name is who a rule is; without one, its words are. */
uint32_t check_identity(const struct rule_node *node)
{
    static const struct siphash_key key = {0x7370696420727565, 0x6c65206964656e74};
    char *text = node->name.text != NULL ? NULL : syntax_rule_text(node);
    const char *words = text != NULL ? text : node->name.text;
    uint64_t hash = text != NULL;
    while (*words != '\0') {
        uint64_t pair[2] = {hash, 0};
        size_t length = strnlen(words, sizeof pair[1]);
        memcpy(&pair[1], words, length);
        hash = siphash_words(&key, pair, 2);
        words += length;
    }
    free(text);
    return (uint32_t)hash;
}

static int by_identity(const void *a, const void *b)
{
    const struct rule_place *x = a, *y = b;
    if (x->identity != y->identity)
        return x->identity < y->identity ? -1 : 1;
    return x->rule < y->rule ? -1 : x->rule > y->rule;
}

/* Two rules of the same words, and the few whose hashes meet, take the next free number in the order of the file. */
void check_identities(struct check *check)
{
    size_t count = check->rule_count;
    struct rule_place *places = arena_take(check->arena, count, sizeof *places);
    for (size_t i = 0; i < count; i++)
        places[i] = (struct rule_place){check->rule_list[i].identity, (uint32_t)i};
    if (count > 0)
        qsort(places, count, sizeof *places, by_identity);
    uint32_t least = 1;
    for (size_t i = 0; i < count; i++) {
        if (places[i].identity < least)
            places[i].identity = least;
        least = places[i].identity + 1;
        check->rule_list[places[i].rule].identity = places[i].identity;
    }
    check->ruleset->places = places;
}
