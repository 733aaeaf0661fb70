#include "io/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "packet/verdict.h"

extern char **environ;

#define OUTPUT_BYTES 2000
#define RESTORE_BYTES 2000

/* Our chains: one for each chain of the kernel, and one whose only rule turns reassembly on. */
static const char *const our_chains[CHAIN_COUNT] = {"spid-forward", "spid-input", "spid-output"};
static const char *const kernel_chains[CHAIN_COUNT] = {"FORWARD", "INPUT", "OUTPUT"};
#define DEFRAGMENT_CHAIN "spid-defrag"

/* The socket match works only where it can be reached from PREROUTING or INPUT; what is forwarded does not pay for it in INPUT. */
#define DEFRAGMENT_FROM "INPUT"

static const char *const tools[] = {"iptables", "ip6tables"};
static const char *const restore_tools[] = {"iptables-restore", "ip6tables-restore"};

/*
 * Runs ARGUMENTS with INPUT (or nothing) as standard input; its complaints go to OUTPUT. Returns its exit status, -errno
 * when it cannot be run. INPUT fits a pipe, so that writing never waits.
 */
static int run(const char *const arguments[], const char *input, char *output, size_t size)
{
    int in[2], out[2], status = -1;
    pid_t child;
    posix_spawn_file_actions_t actions;
    output[0] = '\0';
    if (pipe2(in, O_CLOEXEC) != 0)
        return -errno;
    if (pipe2(out, O_CLOEXEC) != 0) {
        int error = -errno;
        close(in[0]);
        close(in[1]);
        return error;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDERR_FILENO);
    int error = posix_spawnp(&child, arguments[0], &actions, NULL, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    if (error == 0 && input != NULL && write(in[1], input, strlen(input)) < 0)
        error = errno;
    close(in[1]);
    size_t used = 0;
    char rest[256];
    for (ssize_t got = 1; status == -1 && got > 0;) {
        bool room = used < size - 1;
        got = read(out[0], room ? output + used : rest, room ? size - 1 - used : sizeof rest);
        if (got > 0 && room)
            used += (size_t)got;
    }
    output[used] = '\0';
    close(out[0]);
    if (error != 0)
        return -error;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int __attribute__((format(printf, 3, 4))) fail(char *error, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, size, format, arguments);
    va_end(arguments);
    error[strcspn(error, "\n")] = '\0';
    return -1;
}

/* Loopback is never judged; in FORWARD there is none. */
static void add_queue_rule(struct text *text, const struct hook *hook, unsigned chain)
{
    const char *loopback = chain == CHAIN_OUTPUT ? "! -o lo" : "! -i lo";
    if (chain == CHAIN_FORWARD && hook->fastpath != NULL)
        text_add(text, "-A %s -m bpf --object-pinned %s -j ACCEPT\n", our_chains[chain], hook->fastpath);
    text_add(text, "-A %s %s", our_chains[chain], chain == CHAIN_FORWARD ? "" : loopback);
    if (chain == CHAIN_OUTPUT)
        text_add(text, " -m mark ! --mark 0x%x/0x%x", HOOK_OWN_MARK, HOOK_OWN_MARK);
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
            add_queue_rule(&text, hook, chain);
    /* A match that never matches: looking for sockets makes the kernel reassemble fragments first. */
    if (defragment)
        text_add(&text, "-A %s -s %s -m socket\n", DEFRAGMENT_CHAIN, family == 4 ? "255.255.255.255" : "ff02::1");
    text_add(&text, "COMMIT\n");
    return text.length;
}

/* -w: others may hold the lock of iptables-legacy for a moment. */
static int rule(int family, const char *action, const char *chain, const char *target, char *output, size_t size)
{
    const char *const arguments[] = {tools[family == 6], "-w",   "5",    "-t", "mangle", action, chain, target ? "-j" : NULL,
                                     target,             NULL};
    return run(arguments, NULL, output, size);
}

static int restore(const struct hook *hook, int family, bool defragment, char *output, size_t size)
{
    char text[RESTORE_BYTES];
    const char *const arguments[] = {restore_tools[family == 6], "-w", "5", "--noflush", NULL};
    hook_restore_text(hook, family, defragment, text, sizeof text);
    return run(arguments, text, output, size);
}

/* The jump from FROM to TO, unless it is there. */
static int jump(int family, const char *from, const char *to, char *output, size_t size)
{
    if (rule(family, "-C", from, to, output, size) == 0)
        return 0;
    return rule(family, "-A", from, to, output, size);
}

static void remove_chain(int family, const char *from, const char *chain, int *failures)
{
    char output[OUTPUT_BYTES];
    if (rule(family, "-S", chain, NULL, output, sizeof output) != 0)
        return; /* it is not there */
    /* Once for each jump: a second one may be somebody's doing, but without its chain it cannot stay. */
    for (unsigned i = 0; i < 8 && rule(family, "-D", from, chain, output, sizeof output) == 0; i++)
        ;
    if (rule(family, "-F", chain, NULL, output, sizeof output) != 0 ||
        rule(family, "-X", chain, NULL, output, sizeof output) != 0)
        ++*failures;
}

/* What an earlier daemon, or a lockdown, has hooked and this one does not. */
static int remove_others(const struct hook *hook, int family, char *error, size_t size)
{
    int failures = 0;
    for (unsigned chain = 0; chain < CHAIN_COUNT; chain++)
        if (!(hook->chains & CHAIN_BIT(chain)))
            remove_chain(family, kernel_chains[chain], our_chains[chain], &failures);
    return failures == 0 ? 0 : fail(error, size, "%s: a chain of an earlier hook could not be removed", tools[family == 6]);
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
        return fail(error, size, "%s is not installed; on Debian: apt-get install iptables", restore_tools[family == 6]);
    if (status != 0)
        return fail(error, size, "%s: %s", restore_tools[family == 6], output[0] ? output : strerror(-status));
    for (unsigned chain = 0; chain < CHAIN_COUNT; chain++)
        if (hook->chains & CHAIN_BIT(chain) &&
            jump(family, kernel_chains[chain], our_chains[chain], output, sizeof output) != 0)
            return fail(error, size, "%s: cannot add the jump to %s: %s", tools[family == 6], our_chains[chain], output);
    if (*defragmented && jump(family, DEFRAGMENT_FROM, DEFRAGMENT_CHAIN, output, sizeof output) != 0)
        *defragmented = false;
    return remove_others(hook, family, error, size);
}

int hook_install(const struct hook *hook, unsigned *missing, char *error, size_t error_size)
{
    bool defragmented;
    *missing = 0;
    if (install_family(hook, 4, &defragmented, error, error_size) != 0)
        return -1;
    if (!defragmented)
        *missing |= HOOK_NO_DEFRAGMENTATION_V4;
    if (access("/proc/net/if_inet6", F_OK) != 0) {
        *missing |= HOOK_NO_IPV6;
        return 0;
    }
    /* With IPv6 in the kernel its packets must not pass unjudged: then it is an error. */
    if (install_family(hook, 6, &defragmented, error, error_size) != 0)
        return -1;
    if (!defragmented)
        *missing |= HOOK_NO_DEFRAGMENTATION_V6;
    return 0;
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
        found = rule(i < CHAIN_COUNT ? 4 : 6, "-S", our_chains[i % CHAIN_COUNT], NULL, output, sizeof output) == 0 &&
                strstr(output, "NFQUEUE") != NULL;
    return found;
}

int hook_remove(char *error, size_t error_size)
{
    int failures = 0;
    for (int family = 4; family <= 6; family += 2) {
        if (family == 6 && access("/proc/net/if_inet6", F_OK) != 0)
            break;
        for (unsigned chain = 0; chain < CHAIN_COUNT; chain++)
            remove_chain(family, kernel_chains[chain], our_chains[chain], &failures);
        remove_chain(family, DEFRAGMENT_FROM, DEFRAGMENT_CHAIN, &failures);
    }
    if (failures == 0)
        return 0;
    return fail(error, error_size, "%d of our chains in the mangle table could not be removed", failures);
}
