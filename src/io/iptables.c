#include "io/iptables.h"

#include <errno.h>
#include <netinet/in.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/program.h"

#define NAME_BYTES 32
#define VERSION_BYTES 200

static const char *const names[] = {"iptables", "ip6tables"};
static const char *const restore_names[] = {"iptables-restore", "ip6tables-restore"};
static const char *const save_names[] = {"iptables-save", "ip6tables-save"};
static const char *const suffixes[] = {[IPTABLES_DEFAULT] = "", [IPTABLES_NFT] = "-nft", [IPTABLES_LEGACY] = "-legacy"};

bool iptables_has_ipv6(void)
{
    return access("/proc/net/if_inet6", F_OK) == 0;
}

enum iptables_backend iptables_backend(void)
{
    char version[VERSION_BYTES];
    const char *const arguments[] = {names[0], "--version", NULL};
    if (program_run(arguments, NULL, version, sizeof version) < 0)
        return IPTABLES_DEFAULT;
    /* Before 1.8 there was one only, and it did not say which. */
    return strstr(version, "nf_tables") != NULL ? IPTABLES_NFT : IPTABLES_LEGACY;
}

const char *iptables_name(int family)
{
    return names[family == 6];
}

const char *iptables_restore_name(int family)
{
    return restore_names[family == 6];
}

int iptables_rule(enum iptables_backend backend, int family, const char *action, const char *chain, const char *target, char *output,
                  size_t size)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s%s", names[family == 6], suffixes[backend]);
    /* -w: others may hold the lock of iptables-legacy for a moment. */
    const char *const arguments[] = {name, "-w", "5", "-t", "mangle", action, chain, target != NULL ? "-j" : NULL, target, NULL};
    return program_run(arguments, NULL, output, size);
}

int iptables_restore(int family, const char *input, char *output, size_t size)
{
    const char *const arguments[] = {restore_names[family == 6], "-w", "5", "--noflush", NULL};
    return program_run(arguments, input, output, size);
}

int iptables_save(int family, char *output, size_t size)
{
    const char *const arguments[] = {save_names[family == 6], "-t", "mangle", NULL};
    return program_run(arguments, NULL, output, size);
}

/* ---- the older backend's table as the kernel keeps it ---- */

/* FNV-1a: nobody gains by a collision but a moment. */
static uint64_t mix(uint64_t sum, const void *bytes, size_t length)
{
    for (const uint8_t *at = bytes, *end = at + length; at < end; at++)
        sum = (sum ^ *at) * UINT64_C(0x100000001b3);
    return sum;
}

#define MIX_START UINT64_C(0xcbf29ce484222325)

/* Both families ask and answer alike; their rules differ in what stands where. */
_Static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO && IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES, "the same questions");
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "the same answers");
_Static_assert(sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries), "the same questions");
_Static_assert(offsetof(struct ipt_get_entries, entrytable) == offsetof(struct ip6t_get_entries, entrytable), "the same answers");

struct layout {
    int level;
    size_t next, counters, elems;
};

#define LAYOUT(level, entry) {level, offsetof(entry, next_offset), offsetof(entry, counters), offsetof(entry, elems)}
static const struct layout layouts[] = {LAYOUT(IPPROTO_IP, struct ipt_entry), LAYOUT(IPPROTO_IPV6, struct ip6t_entry)};

/* All of the rules but their counters. */
static uint64_t print_rules(const struct layout *layout, const uint8_t *rules, size_t size)
{
    uint64_t sum = MIX_START;
    for (size_t at = 0; at + layout->elems <= size;) {
        uint16_t next;
        memcpy(&next, rules + at + layout->next, sizeof next);
        if (next < layout->elems || at + next > size)
            break;
        sum = mix(sum, rules + at, layout->counters);
        sum = mix(sum, rules + at + layout->elems, next - layout->elems);
        at += next;
    }
    return sum;
}

static uint64_t print_table(const struct layout *layout, int fd)
{
    struct ipt_getinfo info = {.name = "mangle"};
    socklen_t length = sizeof info;
    if (getsockopt(fd, layout->level, IPT_SO_GET_INFO, &info, &length) != 0)
        return 0;
    length = (socklen_t)(sizeof(struct ipt_get_entries) + info.size);
    struct ipt_get_entries *table = calloc(1, length);
    uint64_t sum = 0;
    if (table != NULL) {
        memcpy(table->name, info.name, sizeof table->name);
        table->size = info.size;
        if (getsockopt(fd, layout->level, IPT_SO_GET_ENTRIES, table, &length) == 0)
            sum = print_rules(layout, (const uint8_t *)table->entrytable, table->size);
    }
    free(table);
    return sum;
}

int iptables_legacy_open(int family)
{
    int fd = socket(family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 ? fd : -errno;
}

uint64_t iptables_legacy_print(int fd, int family)
{
    return print_table(&layouts[family == 6], fd);
}
