#include "io/mangle.h"

#include <stdio.h>
#include <string.h>

/* A chain may jump to a chain; the kernel forbids loops, and nobody goes as deep. */
#define DEPTH_MAX 16
/* Rules that are looked at for one question: chains that are jumped to from many places are read as often. */
#define LOOKS_MAX 100000

#define OUR_PREFIX "spid-"
#define TOKEN_BYTES 64

/* ---- lines and words ---- */

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return *line == '\n' ? line + 1 : line;
}

/* What follows "-A CHAIN " in LINE, or NULL. */
static const char *rule_of(const char *line, const char *chain)
{
    size_t length = strlen(chain);
    if (strncmp(line, "-A ", 3) != 0 || strncmp(line + 3, chain, length) != 0)
        return NULL;
    const char *rest = line + 3 + length;
    return *rest == ' ' ? rest + 1 : *rest == '\n' || *rest == '\0' ? rest : NULL;
}

/* Reads the next word, quoted or not, to TOKEN, cut where it is longer; returns what follows it, NULL at the end of the line. */
static const char *word(const char *at, char token[TOKEN_BYTES])
{
    size_t length = 0;
    bool quoted = false;
    at += strspn(at, " ");
    if (*at == '\n' || *at == '\0')
        return NULL;
    for (; *at != '\0' && *at != '\n' && (quoted || *at != ' '); at++) {
        if (*at == '"') {
            quoted = !quoted;
            continue;
        }
        if (*at == '\\' && at[1] != '\0' && at[1] != '\n')
            at++;
        if (length < TOKEN_BYTES - 1)
            token[length++] = *at;
    }
    token[length] = '\0';
    return at;
}

struct target {
    char name[TOKEN_BYTES]; /* "": the rule only counts */
    bool go;                /* -g: who comes back from there has left this chain */
};

static struct target target_of(const char *rule)
{
    struct target target = {"", false};
    char token[TOKEN_BYTES];
    while ((rule = word(rule, token)) != NULL) {
        /* The only match before the target whose argument is anybody's words. */
        if (strcmp(token, "--comment") == 0) {
            rule = word(rule, token);
            if (rule == NULL)
                break;
            continue;
        }
        target.go = strcmp(token, "-g") == 0;
        if (!target.go && strcmp(token, "-j") != 0)
            continue;
        if (word(rule, target.name) == NULL)
            target.name[0] = '\0';
        break;
    }
    return target;
}

static void fill(struct mangle_rule *rule, const char *line, const char *chain, unsigned number)
{
    snprintf(rule->chain, sizeof rule->chain, "%s", chain);
    rule->number = number;
    snprintf(rule->text, sizeof rule->text, "%.*s", (int)strcspn(line, "\n"), line);
}

static bool is_chain(const char *table, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = table; *line != '\0'; line = next_line(line))
        if (*line == ':' && strncmp(line + 1, name, length) == 0 && line[1 + length] == ' ')
            return true;
    return false;
}

/* A chain of the kernel drops what comes to its end. */
static bool policy_drops(const char *table, const char *chain)
{
    size_t length = strlen(chain);
    for (const char *line = table; *line != '\0'; line = next_line(line))
        if (*line == ':' && strncmp(line + 1, chain, length) == 0)
            return strncmp(line + 1 + length, " DROP ", 6) == 0;
    return false;
}

static bool is_jump(const char *rule, const char *our_chain)
{
    char wanted[MANGLE_NAME_BYTES + 4];
    int length = snprintf(wanted, sizeof wanted, "-j %s", our_chain);
    return strncmp(rule, wanted, (size_t)length) == 0 && (rule[length] == '\n' || rule[length] == '\0');
}

/* ---- who gets past ---- */

struct search {
    const char *table, *our_chain;
    struct mangle_rule *rule;
    unsigned looks;
};

static bool escapes(struct search *search, const char *chain, bool returns_to_nobody, unsigned depth);

static bool rule_escapes(struct search *search, const char *line, const char *rule, const char *chain, unsigned number,
                         bool returns_to_nobody, unsigned depth)
{
    struct target target = target_of(rule);
    if (strcmp(target.name, search->our_chain) == 0)
        return false;
    bool leaves = strcmp(target.name, "ACCEPT") == 0 || strcmp(target.name, "NFQUEUE") == 0 || strcmp(target.name, "QUEUE") == 0;
    if (returns_to_nobody && (strcmp(target.name, "RETURN") == 0 || target.go))
        leaves = true;
    if (!leaves && depth < DEPTH_MAX && is_chain(search->table, target.name))
        return escapes(search, target.name, returns_to_nobody && target.go, depth + 1);
    if (leaves || ++search->looks > LOOKS_MAX || depth >= DEPTH_MAX) {
        fill(search->rule, line, chain, number);
        return true;
    }
    return false;
}

/* RETURNS_TO_NOBODY: who returns from CHAIN is asked no more. */
static bool escapes(struct search *search, const char *chain, bool returns_to_nobody, unsigned depth)
{
    unsigned number = 0;
    for (const char *line = search->table; *line != '\0'; line = next_line(line)) {
        const char *rule = rule_of(line, chain);
        if (rule == NULL)
            continue;
        number++;
        if (depth == 0 && is_jump(rule, search->our_chain))
            return false;
        if (rule_escapes(search, line, rule, chain, number, returns_to_nobody, depth))
            return true;
    }
    return false;
}

bool mangle_escape(const char *table, const char *kernel_chain, const char *our_chain, struct mangle_rule *rule)
{
    struct search search = {table, our_chain, rule, 0};
    return escapes(&search, kernel_chain, !policy_drops(table, kernel_chain), 0);
}

static bool is_ours(const char *chain)
{
    return strncmp(chain, OUR_PREFIX, strlen(OUR_PREFIX)) == 0;
}

bool mangle_unreached(const char *table, const char *kernel_chain, const char *our_chain, struct mangle_rule *rule)
{
    unsigned number = 0;
    bool behind = false;
    for (const char *line = table; *line != '\0'; line = next_line(line)) {
        const char *text = rule_of(line, kernel_chain);
        if (text == NULL)
            continue;
        number++;
        if (behind && !is_ours(target_of(text).name)) {
            fill(rule, line, kernel_chain, number);
            return true;
        }
        behind = behind || is_jump(text, our_chain);
    }
    return false;
}

size_t mangle_ours(const char *table, char *ours, size_t size)
{
    size_t used = 0;
    ours[0] = '\0';
    for (const char *line = table; *line != '\0'; line = next_line(line)) {
        char chain[TOKEN_BYTES] = "";
        size_t length = (size_t)(next_line(line) - line);
        if (strncmp(line, "-A ", 3) != 0)
            continue;
        const char *rule = word(line + 3, chain);
        if (!is_ours(chain) && (rule == NULL || !is_ours(target_of(rule).name)))
            continue;
        if (used + length < size) {
            memcpy(ours + used, line, length);
            ours[used + length] = '\0';
        }
        used += length;
    }
    return used;
}

bool mangle_unreadable(const char *table)
{
    return strstr(table, "is incompatible, use 'nft' tool") != NULL;
}
