#include "command/machine.h"

#include <errno.h>
#include <linux/capability.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "io/nfqueue.h"
#include "io/owner.h"
#include "packet/verdict.h"
#include "state/connection.h"

#define PATH_BYTES 256
#define VALUE_BYTES 4096

/* The number in the file at PATH, -1 when there is none. */
static long long read_number(const char *path)
{
    char text[VALUE_BYTES], *end;
    if (owner_read_file(path, text, sizeof text) == 0)
        return -1;
    long long number = strtoll(text, &end, 10);
    return end != text ? number : -1;
}

/* ---- privileges ---- */

static const struct {
    unsigned capability;
    const char *name, *without;
    enum check_result result;
} privileges[] = {
    {CAP_NET_ADMIN, "CAP_NET_ADMIN", "no queue, no hook", CHECK_FAIL},
    {CAP_NET_RAW, "CAP_NET_RAW", "rejected packets are dropped without an answer", CHECK_WARN},
    {CAP_BPF, "CAP_BPF", "no fast path", CHECK_WARN},
};

bool machine_privileges(struct checklist *list)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    bool may_administer = false;
    if (syscall(SYS_capget, &header, data) != 0) {
        checklist_add(list, CHECK_WARN, "privileges", NULL, "not known: %s", strerror(errno));
        return false;
    }
    for (size_t i = 0; i < sizeof privileges / sizeof privileges[0]; i++) {
        unsigned bit = privileges[i].capability;
        bool has = data[bit / 32].effective >> bit % 32 & 1;
        /* CAP_SYS_ADMIN holds CAP_BPF, which came later. */
        has = has || (bit == CAP_BPF && data[0].effective >> CAP_SYS_ADMIN & 1);
        if (bit == CAP_NET_ADMIN)
            may_administer = has;
        if (has)
            checklist_add(list, CHECK_OK, "privileges", NULL, "%s", privileges[i].name);
        else
            checklist_add(list, privileges[i].result, "privileges", "run it as root", "%s is missing: %s", privileges[i].name,
                          privileges[i].without);
    }
    return may_administer;
}

/* ---- clock ---- */

void machine_clock(struct checklist *list)
{
    char source[VALUE_BYTES];
    struct timex state = {.modes = 0};
    owner_read_file("/sys/devices/system/clocksource/clocksource0/current_clocksource", source, sizeof source);
    source[strcspn(source, "\n")] = '\0';
    /* Each reading of these goes to a device: a microsecond and more, for every batch. */
    bool slow = strcmp(source, "hpet") == 0 || strcmp(source, "acpi_pm") == 0;
    if (slow)
        checklist_add(list, CHECK_WARN, "clock", "see clocksource in the kernel's parameters", "the monotonic clock comes from %s, which is slow",
                      source);
    else
        checklist_add(list, CHECK_OK, "clock", NULL, "the monotonic clock comes from %s", source[0] != '\0' ? source : "the kernel");
    if (adjtimex(&state) == -1)
        checklist_add(list, CHECK_WARN, "clock", NULL, "whether the clock on the wall is right is not known: %s", strerror(errno));
    else if (state.status & STA_UNSYNC)
        checklist_add(list, CHECK_WARN, "clock", "run chrony or systemd-timesyncd",
                      "nothing keeps the clock on the wall right: schedules, `expires` and the log go by it");
    else
        checklist_add(list, CHECK_OK, "clock", NULL, "the clock on the wall is synchronised");
}

/* ---- limits ---- */

/* Queues, the socket's clients, logs, and what libraries open. */
#define FILES_WANTED 256

static long long available_kilobytes(void)
{
    char text[VALUE_BYTES];
    owner_read_file("/proc/meminfo", text, sizeof text);
    const char *line = strstr(text, "MemAvailable:");
    return line != NULL ? strtoll(line + strlen("MemAvailable:"), NULL, 10) : -1;
}

static void check_memory(struct checklist *list, const struct ruleset *ruleset)
{
    long long available = available_kilobytes();
    long long wanted = ruleset->connections_max * (long long)sizeof(struct connection) / 1024;
    if (available < 0)
        checklist_add(list, CHECK_WARN, "memory", NULL, "not known: /proc/meminfo does not say");
    else if (wanted > available)
        checklist_add(list, CHECK_WARN, "memory", "a smaller `limit connections`, or more memory",
                      "%u connections take %lld MB, and %lld MB are free", ruleset->connections_max, wanted / 1024, available / 1024);
    else
        checklist_add(list, CHECK_OK, "memory", NULL, "%u connections take %lld MB, and %lld MB are free", ruleset->connections_max,
                      wanted / 1024, available / 1024);
}

void machine_limits(struct checklist *list, const struct ruleset *ruleset, int receive_bytes)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES_WANTED)
        checklist_add(list, CHECK_WARN, "limits", "ulimit -n 1024, or LimitNOFILE= in the unit", "%llu open files are few",
                      (unsigned long long)files.rlim_cur);
    else
        checklist_add(list, CHECK_OK, "limits", NULL, "enough open files");
    /* The kernel doubles what it is asked for. */
    if (receive_bytes > 0 && receive_bytes / 2 < NFQUEUE_RECEIVE_BYTES)
        checklist_add(list, CHECK_WARN, "limits", "sysctl -w net.core.rmem_max=16777216",
                      "a queue's socket takes %d KB, not %d: bursts are lost", receive_bytes / 2048, NFQUEUE_RECEIVE_BYTES / 1024);
    else if (receive_bytes > 0)
        checklist_add(list, CHECK_OK, "limits", NULL, "a queue's socket takes %d KB", receive_bytes / 2048);
    if (ruleset != NULL)
        check_memory(list, ruleset);
}

/* ---- what comes to the hook ---- */

static void check_sysctl(struct checklist *list, const char *path, const char *mend, const char *family)
{
    long long value = read_number(path);
    if (value == 0)
        checklist_add(list, CHECK_WARN, "forwarding", mend, "%s is not forwarded", family);
    else if (value > 0)
        checklist_add(list, CHECK_OK, "forwarding", NULL, "%s is forwarded", family);
    else
        checklist_add(list, CHECK_WARN, "forwarding", NULL, "%s: not known, or not in this kernel", family);
}

/* Does a virtual server take connections in, to send them on without the forward chain? */
static bool has_virtual_servers(void)
{
    char text[VALUE_BYTES];
    owner_read_file("/proc/net/ip_vs", text, sizeof text);
    return strstr(text, "\nTCP ") != NULL || strstr(text, "\nUDP ") != NULL || strstr(text, "\nFWM ") != NULL;
}

void machine_forwarding(struct checklist *list, uint8_t chains)
{
    if (!(chains & CHAIN_BIT(CHAIN_FORWARD)))
        return;
    check_sysctl(list, "/proc/sys/net/ipv4/ip_forward", "sysctl -w net.ipv4.ip_forward=1", "IPv4");
    check_sysctl(list, "/proc/sys/net/ipv6/conf/all/forwarding", "sysctl -w net.ipv6.conf.all.forwarding=1", "IPv6");
    if (has_virtual_servers() && !(chains & CHAIN_BIT(CHAIN_INPUT)))
        checklist_add(list, CHECK_WARN, "forwarding", "hook input as well", "IPVS sends connections on that come to no forward chain");
    if (read_number("/proc/sys/net/bridge/bridge-nf-call-iptables") == 1)
        checklist_add(list, CHECK_WARN, "forwarding", "allow it in the rules, or sysctl -w net.bridge.bridge-nf-call-iptables=0",
                      "what a bridge of this machine passes from port to port is judged too");
}

/* The kernel takes the stricter of both (ip-sysctl: rp_filter). */
static bool is_strict(const char *interface)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/rp_filter", interface);
    long long all = read_number("/proc/sys/net/ipv4/conf/all/rp_filter"), own = read_number(path);
    return (all > own ? all : own) == 1;
}

static void check_interface(struct checklist *list, const struct ruleset *ruleset, const char *name, const char *zone)
{
    char mend[PATH_BYTES];
    if (if_nametoindex(name) == 0) {
        checklist_add(list, CHECK_WARN, "interfaces", "it may come later, or the name is wrong",
                      "the interface '%s' of the zone '%s' does not exist on this machine now", name, zone);
    } else if (ruleset->loose && is_strict(name)) {
        snprintf(mend, sizeof mend, "sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.%s.rp_filter=2", name);
        checklist_add(list, CHECK_WARN, "rp_filter", mend,
                      "%s drops IPv4 packets whose answer would go elsewhere: rules with `loose` never see them", name);
    } else {
        checklist_add(list, CHECK_OK, "interfaces", NULL, "%s (%s)%s", name, zone, is_strict(name) ? ", rp_filter is strict" : "");
    }
}

void machine_interfaces(struct checklist *list, const struct ruleset *ruleset)
{
    for (size_t z = 1; z < ruleset->zone_count; z++)
        for (size_t i = 0; i < ruleset->zones[z].interface_count; i++) {
            const char *name = ruleset->zones[z].interfaces[i];
            if (name[0] != '\0' && name[strlen(name) - 1] != '+')
                check_interface(list, ruleset, name, ruleset->zones[z].name);
        }
}

/* ---- conntrack ---- */

#define NEARLY_FULL_PERCENT 80

void machine_conntrack(struct checklist *list)
{
    long long count = read_number("/proc/sys/net/netfilter/nf_conntrack_count");
    long long most = read_number("/proc/sys/net/netfilter/nf_conntrack_max");
    if (count <= 0)
        checklist_add(list, CHECK_OK, "conntrack", NULL, "the kernel tracks no connections");
    else if (most > 0 && count * 100 >= most * NEARLY_FULL_PERCENT)
        checklist_add(list, CHECK_WARN, "conntrack", "raise the sysctl net.netfilter.nf_conntrack_max",
                      "the kernel tracks %lld of %lld connections: where that is full it drops new ones before spid", count, most);
    else
        checklist_add(list, CHECK_WARN, "conntrack", "NAT and Docker need it; without them remove the rules that ask for states",
                      "the kernel tracks %lld connections (of %lld), which spid does not need: it costs each packet about 300 ns", count,
                      most);
}
