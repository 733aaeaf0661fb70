#include "io/hook.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/iptables.h"
#include "packet/verdict.h"
#include "rules/ruleset.h"

#define OUTPUT_BYTES 2000
#define RESTORE_BYTES 2000

/* Our chains: one for each chain of the kernel, and one whose only rule turns reassembly on. */
static const char *const our_chains[CHAIN_COUNT] = {"spid-forward", "spid-input", "spid-output"};
static const char *const kernel_chains[CHAIN_COUNT] = {"FORWARD", "INPUT", "OUTPUT"};
#define DEFRAGMENT_CHAIN "spid-defrag"

/* The socket match works only where it can be reached from PREROUTING or INPUT; what is forwarded does not pay for it in INPUT. */
#define DEFRAGMENT_FROM "INPUT"

static int __attribute__((format(printf, 3, 4))) fail(char *error, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, size, format, arguments);
    va_end(arguments);
    error[strcspn(error, "\n")] = '\0';
    return -1;
}

const char *hook_our_chain(unsigned chain)
{
    return our_chains[chain];
}

const char *hook_kernel_chain(unsigned chain)
{
    return kernel_chains[chain];
}

/* What reply_build makes, and nothing else, with our mark on it. */
static void add_own_answers(struct text *text, const struct hook *hook, int family)
{
    const char *kinds[] = {"tcp --tcp-flags RST RST",
                           family == 4 ? "icmp --icmp-type destination-unreachable" : "icmpv6 --icmpv6-type destination-unreachable"};
    for (unsigned i = 0; i < 2; i++)
        text_add(text, "-A %s -p %s -m mark --mark 0x%x/0x%x -j RETURN\n", our_chains[CHAIN_OUTPUT], kinds[i], hook->mark.value,
                 hook->mark.mask);
}

/* Loopback is never judged; in FORWARD there is none. */
static void add_queue_rule(struct text *text, const struct hook *hook, int family, unsigned chain)
{
    const char *loopback = chain == CHAIN_OUTPUT ? "! -o lo" : "! -i lo";
    if (chain == CHAIN_FORWARD && hook->fastpath != NULL)
        text_add(text, "-A %s -m bpf --object-pinned %s -j ACCEPT\n", our_chains[chain], hook->fastpath);
    if (chain == CHAIN_OUTPUT)
        add_own_answers(text, hook, family);
    text_add(text, "-A %s %s", our_chains[chain], chain == CHAIN_FORWARD ? "" : loopback);
    if (hook->queue_first == hook->queue_last)
        text_add(text, " -j NFQUEUE --queue-num %u", hook->queue_first);
    else
        text_add(text, " -j NFQUEUE --queue-balance %u:%u", hook->queue_first, hook->queue_last);
    text_add(text, "%s\n", hook->bypass ? " --queue-bypass" : "");
}

/* Until a daemon comes: as `implicit nd` and `implicit dhcp` would have it, for every interface. */
static void add_closed_rules(struct text *text, unsigned chain, int family)
{
    const char *name = our_chains[chain], *ports = family == 4 ? "67:68" : "546:547";
    if (chain != CHAIN_FORWARD) {
        text_add(text, "-A %s %s lo -j RETURN\n", name, chain == CHAIN_OUTPUT ? "-o" : "-i");
        text_add(text, "-A %s -p udp --sport %s --dport %s -j RETURN\n", name, ports, ports);
    }
    for (unsigned type = 133; type <= 136 && family == 6 && chain != CHAIN_FORWARD; type++)
        text_add(text, "-A %s -p icmpv6 --icmpv6-type %u -j RETURN\n", name, type);
    text_add(text, "-A %s -j DROP\n", name);
}

size_t hook_restore_text(const struct hook *hook, int family, bool defragment, char *buffer, size_t size)
{
    struct text text;
    text_init(&text, buffer, size);
    text_add(&text, "*mangle\n");
    for (unsigned chain = 0; chain < CHAIN_COUNT; chain++)
        if (hook->chains & CHAIN_BIT(chain))
            text_add(&text, ":%s - [0:0]\n", our_chains[chain]);
    text_add(&text, ":%s - [0:0]\n", DEFRAGMENT_CHAIN);
    for (unsigned chain = 0; chain < CHAIN_COUNT; chain++)
        if (hook->chains & CHAIN_BIT(chain) && hook->closed)
            add_closed_rules(&text, chain, family);
        else if (hook->chains & CHAIN_BIT(chain))
            add_queue_rule(&text, hook, family, chain);
    /* A match that never matches: looking for sockets makes the kernel reassemble fragments first. */
    if (defragment)
        text_add(&text, "-A %s -s %s -m socket\n", DEFRAGMENT_CHAIN, family == 4 ? "255.255.255.255" : "ff02::1");
    text_add(&text, "COMMIT\n");
    return text.length;
}

static int restore(const struct hook *hook, int family, bool defragment, char *output, size_t size)
{
    char text[RESTORE_BYTES];
    hook_restore_text(hook, family, defragment, text, sizeof text);
    return iptables_restore(family, text, output, size);
}

/* The jump from FROM to TO, unless it is there. */
static int jump(int family, const char *from, const char *to, char *output, size_t size)
{
    if (iptables_rule(IPTABLES_DEFAULT, family, "-C", from, to, output, size) == 0)
        return 0;
    return iptables_rule(IPTABLES_DEFAULT, family, "-A", from, to, output, size);
}

static void remove_chain(enum iptables_backend backend, int family, const char *from, const char *chain, int *failures)
{
    char output[OUTPUT_BYTES];
    if (iptables_rule(backend, family, "-S", chain, NULL, output, sizeof output) != 0)
        return; /* it is not there */
    /* Once for each jump: a second one may be somebody's doing, but without its chain it cannot stay. */
    for (unsigned i = 0; i < 8 && iptables_rule(backend, family, "-D", from, chain, output, sizeof output) == 0; i++)
        ;
    if (iptables_rule(backend, family, "-F", chain, NULL, output, sizeof output) != 0 ||
        iptables_rule(backend, family, "-X", chain, NULL, output, sizeof output) != 0)
        ++*failures;
}

/* What an earlier daemon, or a lockdown, has hooked and this one does not. */
static int remove_others(const struct hook *hook, int family, char *error, size_t size)
{
    int failures = 0;
    for (unsigned chain = 0; chain < CHAIN_COUNT; chain++)
        if (!(hook->chains & CHAIN_BIT(chain)))
            remove_chain(IPTABLES_DEFAULT, family, kernel_chains[chain], our_chains[chain], &failures);
    return failures == 0 ? 0 : fail(error, size, "%s: a chain of an earlier hook could not be removed", iptables_name(family));
}

static int install_family(const struct hook *hook, int family, bool *defragmented, char *error, size_t size)
{
    char output[OUTPUT_BYTES];
    *defragmented = true;
    int status = restore(hook, family, true, output, sizeof output);
    if (status > 0) {
        *defragmented = false;
        status = restore(hook, family, false, output, sizeof output);
    }
    if (status == -ENOENT)
        return fail(error, size, "%s is not installed; on Debian: apt-get install iptables", iptables_restore_name(family));
    if (status != 0)
        return fail(error, size, "%s: %s", iptables_restore_name(family), output[0] ? output : strerror(-status));
    for (unsigned chain = 0; chain < CHAIN_COUNT; chain++)
        if (hook->chains & CHAIN_BIT(chain) &&
            jump(family, kernel_chains[chain], our_chains[chain], output, sizeof output) != 0)
            return fail(error, size, "%s: cannot add the jump to %s: %s", iptables_name(family), our_chains[chain], output);
    if (*defragmented && jump(family, DEFRAGMENT_FROM, DEFRAGMENT_CHAIN, output, sizeof output) != 0)
        *defragmented = false;
    return remove_others(hook, family, error, size);
}

static int remove_all(enum iptables_backend backend)
{
    int failures = 0;
    for (int family = 4; family <= 6; family += 2) {
        if (family == 6 && !iptables_has_ipv6())
            break;
        for (unsigned chain = 0; chain < CHAIN_COUNT; chain++)
            remove_chain(backend, family, kernel_chains[chain], our_chains[chain], &failures);
        remove_chain(backend, family, DEFRAGMENT_FROM, DEFRAGMENT_CHAIN, &failures);
    }
    return failures;
}

/* Asking the older backend for a table makes it: this file says whether there is one. */
static bool legacy_mangle_exists(void)
{
    char names[300];
    FILE *file = fopen("/proc/net/ip_tables_names", "re");
    size_t length = file != NULL ? fread(names, 1, sizeof names - 1, file) : 0;
    if (file != NULL)
        fclose(file);
    names[length] = '\0';
    return strstr(names, "mangle") != NULL;
}

/* An earlier daemon's hook in the backend that `iptables` was then: with it every packet would be judged twice. */
static int remove_from_other_backend(void)
{
    if (iptables_backend() == IPTABLES_LEGACY)
        return remove_all(IPTABLES_NFT);
    return legacy_mangle_exists() ? remove_all(IPTABLES_LEGACY) : 0;
}

static int take_over(char *error, size_t size)
{
    if (remove_from_other_backend() == 0)
        return 0;
    return fail(error, size, "our chains stand in the mangle table of iptables' other backend as well, and could not be removed there");
}

int hook_install(const struct hook *hook, unsigned *missing, char *error, size_t error_size)
{
    bool defragmented;
    *missing = 0;
    if (install_family(hook, 4, &defragmented, error, error_size) != 0)
        return -1;
    if (!defragmented)
        *missing |= HOOK_NO_DEFRAGMENTATION_V4;
    if (!iptables_has_ipv6()) {
        *missing |= HOOK_NO_IPV6;
        return take_over(error, error_size);
    }
    /* With IPv6 in the kernel its packets must not pass unjudged: then it is an error. */
    if (install_family(hook, 6, &defragmented, error, error_size) != 0)
        return -1;
    if (!defragmented)
        *missing |= HOOK_NO_DEFRAGMENTATION_V6;
    return take_over(error, error_size);
}

static uint16_t last_processor(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return (uint16_t)(processors < 1 ? 0 : processors > RULESET_QUEUES_MAX ? RULESET_QUEUES_MAX - 1 : processors - 1);
}

void hook_choose(struct hook *hook, const struct hook_wish *wish, const struct ruleset *ruleset)
{
    hook->queue_first = 0;
    hook->queue_last = last_processor();
    if (wish->queues_given) {
        hook->queue_first = wish->queue_first;
        hook->queue_last = wish->queue_last;
    } else if (ruleset != NULL && ruleset->queue_given) {
        hook->queue_first = ruleset->queue_first;
        hook->queue_last = ruleset->queue_last;
    }
    hook->chains = wish->chains_given ? wish->chains : ruleset != NULL ? ruleset->hooks : CHAIN_BIT(CHAIN_FORWARD);
}

uint8_t hook_whole(uint8_t chains)
{
    const uint8_t own = CHAIN_BIT(CHAIN_INPUT) | CHAIN_BIT(CHAIN_OUTPUT);
    return chains & own ? chains | own : chains;
}

bool hook_queues(void)
{
    char output[OUTPUT_BYTES];
    bool found = false;
    for (unsigned i = 0; i < 2 * CHAIN_COUNT && !found; i++)
        found = iptables_rule(IPTABLES_DEFAULT, i < CHAIN_COUNT ? 4 : 6, "-S", our_chains[i % CHAIN_COUNT], NULL, output, sizeof output) == 0 &&
                strstr(output, "NFQUEUE") != NULL;
    return found;
}

int hook_remove(char *error, size_t error_size)
{
    int failures = remove_all(IPTABLES_DEFAULT) + remove_from_other_backend();
    if (failures == 0)
        return 0;
    return fail(error, error_size, "%d of our chains in the mangle table could not be removed", failures);
}
