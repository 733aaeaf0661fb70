/*
 * Sets that move: their place in the ruleset, the names of a dns set.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "parser/check.h"
#include "rules/dns_set.h"
#include "rules/dynamic_set.h"

struct moving_set *check_moving_new(struct check *check, struct location at, int kind, const char *name, uint32_t most)
{
    struct siphash_key key;
    if (check->moving == RULESET_MOVING_MAX) {
        CHECK_ERROR(check, at, CODE_RANGE, "there are at most %d sets and prefixes that move", RULESET_MOVING_MAX);
        return NULL;
    }
    struct moving_set *made = &check->moving_list[check->moving++];
    made->kind = kind;
    made->name = check_keep(check, name);
    if (getrandom(&key, sizeof key, 0) == (ssize_t)sizeof key)
        made->members = dynamic_set_new(most, &key);
    if (made->members == NULL)
        abort(); /* as an arena does */
    return made;
}

/* RFC 1035, 2.3.4; and RFC 952's letters, with the underscore that some names have. */
#define NAME_BYTES_MAX 253
#define LABEL_BYTES_MAX 63
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

static bool is_dns_name(const char *name)
{
    if (strlen(name) > NAME_BYTES_MAX)
        return false;
    for (;;) {
        size_t length = strspn(name, LETTERS);
        if (length == 0 || length > LABEL_BYTES_MAX || name[0] == '-' || name[length - 1] == '-')
            return false;
        name += length;
        if (*name == '\0')
            return true;
        if (*name++ != '.')
            return false;
    }
}

static void check_dns_name(struct check *check, const struct word *word, const char *const *names, size_t count)
{
    struct address address;
    if (address_from_text(word->text, &address))
        CHECK_ERROR(check, word->at, CODE_SYNTAX, "'%s' is an address and no name: write it without quotes, in a set of its own",
                    word->text);
    else if (!is_dns_name(word->text))
        CHECK_ERROR(check, word->at, CODE_SYNTAX, "'%.60s' is no DNS name (labels of letters, digits and '-', with dots between)",
                    word->text);
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(names[i], word->text) == 0)
            CHECK_ERROR(check, word->at, CODE_REDEFINED, "the name '%s' stands twice in this set", word->text);
}

void check_dns(struct check *check, const struct set_node *node, struct set *set)
{
    const char **names = arena_take(check->arena, DNS_NAMES_MAX, sizeof *names);
    uint16_t *moving = arena_take(check->arena, 1, sizeof *moving);
    size_t count = 0;
    for (const struct word_node *word = node->names; word != NULL; word = word->next) {
        if (count == DNS_NAMES_MAX) {
            CHECK_ERROR(check, word->word.at, CODE_RANGE, "a dns set has at most %d names", DNS_NAMES_MAX);
            return;
        }
        check_dns_name(check, &word->word, names, count);
        names[count++] = check_keep(check, word->word.text);
    }
    struct moving_set *made = check_moving_new(check, node->name.at, MOVING_DNS, set->name,
                                               (uint32_t)(2 * count) * DNS_ADDRESSES_MAX);
    if (made == NULL)
        return;
    made->dns = dns_set_new(names, count);
    if (made->dns == NULL)
        abort(); /* as an arena does */
    dynamic_set_fill(made->members, false);
    *moving = (uint16_t)(made - check->moving_list);
    set->moving = moving;
    set->moving_count = 1;
}
