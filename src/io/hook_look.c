/* Whether the hook stands, and whether everything meets it. What hook.c installs; iptables-save says what there is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/hook.h"
#include "io/iptables.h"
#include "io/mangle.h"
#include "io/nft.h"
#include "packet/verdict.h"

#define OUTPUT_BYTES 600
#define JUMP_BYTES 300

static const char *family_name(int family)
{
    return family == 6 ? "IPv6" : "IPv4";
}

static int last_family(void)
{
    return iptables_has_ipv6() ? 6 : 4;
}

/* The mangle table of FAMILY, to be freed; NULL, with why in ERROR: it cannot be read. */
static char *read_table(int family, char *error, size_t size)
{
    const char *name = family_name(family);
    char *table = malloc(IPTABLES_SAVE_BYTES);
    if (table == NULL) {
        snprintf(error, size, "no memory to read the %s mangle table", name);
        return NULL;
    }
    int status = iptables_save(family, table, IPTABLES_SAVE_BYTES);
    bool unreadable = status == 0 && mangle_unreadable(table);
    if (status == 0 && !unreadable && strlen(table) < IPTABLES_SAVE_BYTES - 1)
        return table;
    table[strcspn(table, "\n")] = '\0';
    if (unreadable)
        snprintf(error, size, "the %s mangle table holds rules that only nft can read, so nobody can tell whether packets get past spid: "
                 "move them to a table of their own (nft list table %s mangle)", name, family == 6 ? "ip6" : "ip");
    else if (status == -ENOENT)
        snprintf(error, size, "iptables is not installed; on Debian: apt-get install iptables");
    else
        snprintf(error, size, "the %s mangle table cannot be read: %s", name,
                 status < 0 ? strerror(-status) : status == 0 ? "it is too long" : table);
    free(table);
    return NULL;
}

/* ---- rules of others ---- */

static void next_sentence(struct text *text)
{
    if (text->length > 0)
        text_add(text, "; ");
}

static void say_escape(struct text *text, int family, const char *kernel_chain, const struct mangle_rule *rule)
{
    next_sentence(text);
    text_add(text, "rule %u of the chain %s in the %s mangle table", rule->number, rule->chain, family_name(family));
    if (strcmp(rule->chain, kernel_chain) != 0)
        text_add(text, ", which is asked from %s,", kernel_chain);
    text_add(text, " lets packets pass before spid is asked: %s", rule->text);
}

static bool clash_in_table(const struct hook *hook, int family, const char *table, char *error, size_t size)
{
    struct mangle_rule rule;
    struct text text;
    for (unsigned chain = 0; chain < CHAIN_COUNT; chain++) {
        if (!(hook->chains & CHAIN_BIT(chain)) ||
            !mangle_escape(table, hook_kernel_chain(chain), hook_our_chain(chain), &rule))
            continue;
        text_init(&text, error, size);
        say_escape(&text, family, hook_kernel_chain(chain), &rule);
        text_add(&text, "; remove it (%s -t mangle -D %s %u) and let the rules file allow what is to pass", iptables_name(family),
                 rule.chain, rule.number);
        return true;
    }
    return false;
}

static bool clash_with_shortcut(const struct hook *hook, char *error, size_t size)
{
    struct nft_rule rule;
    if (!(hook->chains & CHAIN_BIT(CHAIN_FORWARD)))
        return false;
    int status = nft_find_shortcut(&rule);
    if (status < 0)
        snprintf(error, size, "the rules of nf_tables cannot be read (%s), so nobody can tell whether packets get past spid",
                 strerror(-status));
    if (status <= 0)
        return status < 0;
    const char *family = nft_family_name(rule.family);
    snprintf(error, size, "a rule of the chain %s in the nft table %s %s takes packets past spid, by `%s`; remove it (nft delete rule "
             "%s %s %s handle %llu)", rule.chain, family, rule.table, rule.statement, family, rule.table, rule.chain,
             (unsigned long long)rule.handle);
    return true;
}

int hook_clash(const struct hook *hook, char *error, size_t error_size)
{
    if (clash_with_shortcut(hook, error, error_size))
        return -1;
    for (int family = 4; family <= last_family(); family += 2) {
        char *table = read_table(family, error, error_size);
        bool clash = table == NULL || clash_in_table(hook, family, table, error, error_size);
        free(table);
        if (clash)
            return -1;
    }
    return 0;
}

bool hook_unreached(const struct hook *hook, char *note, size_t note_size)
{
    bool found = false;
    for (int family = 4; family <= last_family() && !found; family += 2) {
        struct mangle_rule rule;
        char *table = read_table(family, note, note_size);
        for (unsigned chain = 0; table != NULL && chain < CHAIN_COUNT && !found; chain++) {
            if (!(hook->chains & CHAIN_BIT(chain)) ||
                !mangle_unreached(table, hook_kernel_chain(chain), hook_our_chain(chain), &rule))
                continue;
            found = true;
            snprintf(note, note_size, "rule %u of the chain %s in the %s mangle table stands behind spid's jump, where no judged packet "
                     "comes to: %s; put it before (%s -t mangle -I %s ...)", rule.number, rule.chain, family_name(family),
                     rule.text, iptables_name(family), rule.chain);
        }
        free(table);
    }
    return found;
}

/* ---- ours ---- */

static int remember_family(struct hook_memory *memory, int family, char *error, size_t size)
{
    char *table = read_table(family, error, size);
    if (table == NULL)
        return -1;
    size_t length = mangle_ours(table, memory->rules[family == 6], HOOK_MEMORY_BYTES);
    free(table);
    if (length > 0 && length < HOOK_MEMORY_BYTES)
        return 0;
    snprintf(error, size, "iptables-save shows our chains not as they were installed");
    return -1;
}

int hook_remember(struct hook_memory *memory, char *error, size_t error_size)
{
    memset(memory, 0, sizeof *memory);
    for (int family = 4; family <= last_family(); family += 2)
        if (remember_family(memory, family, error, error_size) != 0)
            return -1;
    return 0;
}

static bool has_line(const char *lines, const char *line, size_t length)
{
    for (const char *at = lines; *at != '\0'; at += strcspn(at, "\n") + 1)
        if (strncmp(at, line, length) == 0)
            return true;
    return false;
}

/* Says which of our rules is the first that is not there as WANTED has it. */
static void say_damage(struct text *text, int family, const char *wanted, const char *now)
{
    next_sentence(text);
    text_add(text, "somebody has changed the hook in the %s mangle table", family_name(family));
    for (const char *line = wanted; *line != '\0'; line += strcspn(line, "\n") + 1) {
        size_t length = strcspn(line, "\n") + 1;
        if (has_line(now, line, length))
            continue;
        text_add(text, " (gone: %.*s)", (int)length - 1, line);
        return;
    }
}

/* Both jumps change in one step: no packet comes between. */
static int move_to_front(int family, unsigned chain, char *output, size_t size)
{
    char input[JUMP_BYTES];
    const char *from = hook_kernel_chain(chain), *to = hook_our_chain(chain);
    snprintf(input, sizeof input, "*mangle\n-D %s -j %s\n-I %s 1 -j %s\nCOMMIT\n", from, to, from, to);
    return iptables_restore(family, input, output, size);
}

/* The hook stands: does everything meet it? */
static enum hook_state look_for_gaps(const struct hook *hook, int family, const char *table, bool mend, struct text *text)
{
    enum hook_state state = HOOK_STANDS;
    for (unsigned chain = 0; chain < CHAIN_COUNT; chain++) {
        struct mangle_rule rule;
        char output[OUTPUT_BYTES];
        if (!(hook->chains & CHAIN_BIT(chain)) ||
            !mangle_escape(table, hook_kernel_chain(chain), hook_our_chain(chain), &rule))
            continue;
        say_escape(text, family, hook_kernel_chain(chain), &rule);
        state = HOOK_WRONG;
        if (!mend)
            continue;
        if (move_to_front(family, chain, output, sizeof output) != 0) {
            text_add(text, "; spid cannot be put before it: %.*s", (int)strcspn(output, "\n"), output);
            return HOOK_BROKEN;
        }
        text_add(text, "; spid is asked first from now on");
        state = HOOK_MENDED;
    }
    return state;
}

/* Are our rules as in MEMORY? -1: the table cannot be read. *TABLE is the caller's to free. */
static int stands(const struct hook_memory *memory, int family, char **table, struct text *text)
{
    char now[HOOK_MEMORY_BYTES], error[OUTPUT_BYTES];
    *table = read_table(family, error, sizeof error);
    if (*table == NULL) {
        next_sentence(text);
        text_add(text, "%s", error);
        return -1;
    }
    size_t length = mangle_ours(*table, now, sizeof now);
    if (length < sizeof now && strcmp(now, memory->rules[family == 6]) == 0)
        return 1;
    say_damage(text, family, memory->rules[family == 6], now);
    return 0;
}

static enum hook_state put_back(const struct hook *hook, struct text *text)
{
    unsigned missing;
    char error[OUTPUT_BYTES];
    if (hook_install(hook, &missing, error, sizeof error) != 0) {
        text_add(text, "; it cannot be put back: %s", error);
        return HOOK_BROKEN;
    }
    text_add(text, "; it is put back");
    return HOOK_MENDED;
}

/* MEND: what is found is put right, and kept there anew; NULL: it is only looked. */
static enum hook_state look_at_family(const struct hook *hook, const struct hook_memory *memory, struct hook_memory *mend, int family,
                                      struct text *text)
{
    char *table, error[OUTPUT_BYTES];
    enum hook_state state = HOOK_STANDS;
    int standing = stands(memory, family, &table, text);
    if (standing == 0 && mend == NULL)
        state = HOOK_WRONG;
    if (standing == 0 && mend != NULL) {
        state = put_back(hook, text);
        free(table);
        table = state == HOOK_MENDED ? read_table(family, error, sizeof error) : NULL;
        if (table == NULL || remember_family(mend, family, error, sizeof error) != 0)
            state = HOOK_BROKEN;
    }
    enum hook_state gaps = HOOK_BROKEN;
    if (table != NULL)
        gaps = state == HOOK_WRONG ? HOOK_WRONG : look_for_gaps(hook, family, table, mend != NULL, text);
    free(table);
    return gaps > state ? gaps : state;
}

static enum hook_state look(const struct hook *hook, const struct hook_memory *memory, struct hook_memory *mend, char *buffer,
                            size_t size)
{
    enum hook_state worst = HOOK_STANDS;
    struct text text;
    text_init(&text, buffer, size);
    if (clash_with_shortcut(hook, buffer, size)) {
        text.length = strlen(buffer);
        worst = HOOK_BROKEN;
    }
    for (int family = 4; family <= last_family(); family += 2) {
        enum hook_state state = look_at_family(hook, memory, mend, family, &text);
        if (state > worst)
            worst = state;
    }
    return worst;
}

enum hook_state hook_look(const struct hook *hook, const struct hook_memory *memory, char *text, size_t size)
{
    return look(hook, memory, NULL, text, size);
}

enum hook_state hook_mend(const struct hook *hook, struct hook_memory *memory, char *text, size_t size)
{
    return look(hook, memory, memory, text, size);
}
