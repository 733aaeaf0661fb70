#include "command/preflight.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/checklist.h"
#include "command/machine.h"
#include "command/probe.h"
#include "fastpath/fastpath.h"
#include "io/hook.h"
#include "io/iptables.h"
#include "io/local_socket.h"
#include "io/owner.h"
#include "load/load.h"

#define TEXT_BYTES 600
#define PATH_BYTES 4096

static void check_rules(struct checklist *list, const struct loaded *loaded, const char *file)
{
    char mend[PATH_BYTES];
    if (loaded->ruleset != NULL) {
        checklist_add(list, CHECK_OK, "rules", NULL, "%s: %zu rules, %zu tests passed", file, loaded->ruleset->rule_count,
                      loaded->tests_passed);
        return;
    }
    const struct diagnostic *first = NULL;
    for (size_t i = 0; i < loaded->diagnostics.count && first == NULL; i++)
        if (loaded->diagnostics.records[i].severity == SEVERITY_ERROR)
            first = &loaded->diagnostics.records[i];
    snprintf(mend, sizeof mend, "spid --check %s says all", file);
    if (first != NULL && first->line > 0)
        checklist_add(list, CHECK_FAIL, "rules", mend, "%s:%u: %s", first->file, first->line, first->message);
    else
        checklist_add(list, CHECK_FAIL, "rules", mend, "%s: %s", file, first != NULL ? first->message : "refused");
}

/* ---- the kernel ---- */

static void check_iptables(struct checklist *list)
{
    enum iptables_backend backend = iptables_backend();
    if (backend == IPTABLES_DEFAULT)
        checklist_add(list, CHECK_FAIL, "iptables", "on Debian: apt-get install iptables", "it is not installed");
    else
        checklist_add(list, CHECK_OK, "iptables", NULL, "its backend here is %s",
                      backend == IPTABLES_NFT ? "nf_tables" : "the older one (legacy)");
}

static void check_hook(struct checklist *list, const struct probe *probe)
{
    if (probe->queue)
        checklist_add(list, CHECK_OK, "nfqueue", NULL, "a queue can be bound");
    else
        checklist_add(list, CHECK_FAIL, "nfqueue", NULL, "%s", probe->queue_error);
    if (!probe->hook) {
        checklist_add(list, CHECK_FAIL, "hook", NULL, "%s", probe->hook_error);
        return;
    }
    bool v4 = !(probe->missing & HOOK_NO_DEFRAGMENTATION_V4), v6 = !(probe->missing & HOOK_NO_DEFRAGMENTATION_V6);
    checklist_add(list, CHECK_OK, "hook", NULL, "it can be installed");
    if (probe->missing & HOOK_NO_IPV6)
        checklist_add(list, CHECK_WARN, "ipv6", NULL, "this kernel has no IPv6: only IPv4 is judged");
    else
        checklist_add(list, CHECK_OK, "ipv6", NULL, "IPv6 is judged too");
    if (v4 && v6)
        checklist_add(list, CHECK_OK, "fragments", NULL, "the kernel reassembles them");
    else
        checklist_add(list, CHECK_WARN, "fragments", "modprobe xt_socket", "%s fragments will be denied: the match `socket` is missing",
                      v4 ? "IPv6" : v6 ? "IPv4" : "all");
}

static void check_fastpath(struct checklist *list, const struct probe *probe, const struct ruleset *ruleset)
{
    enum fastpath_mode mode = ruleset != NULL ? ruleset->fastpath : FASTPATH_AUTO;
    if (mode == FASTPATH_OFF)
        checklist_add(list, CHECK_OK, "fastpath", NULL, "off in the rules file");
    else if (probe->fastpath)
        checklist_add(list, CHECK_OK, "fastpath", NULL, "the kernel takes the program, and iptables matches it");
    else
        checklist_add(list, mode == FASTPATH_ON ? CHECK_FAIL : CHECK_WARN, "fastpath",
                      mode == FASTPATH_ON ? "`fastpath auto` does without" : NULL, "%s", probe->fastpath_error);
}

/* Returns what a queue's socket takes, 0 when that is not known. */
static int check_kernel(struct checklist *list, const struct hook *hook, const struct ruleset *ruleset)
{
    struct probe probe = {0};
    if (!probe_kernel(hook, &probe)) {
        checklist_add(list, CHECK_WARN, "kernel", NULL, "not known: no process to try it in");
        return 0;
    }
    if (probe.refused != 0) {
        checklist_add(list, CHECK_WARN, "kernel", "run this as root",
                      "not known: there is no network namespace to try the queue, the hook and the fast path in (%s)",
                      strerror(probe.refused));
        return 0;
    }
    check_hook(list, &probe);
    check_fastpath(list, &probe, ruleset);
    return probe.receive_bytes;
}

/* ---- others ---- */

static void check_queues(struct checklist *list, const struct hook *hook)
{
    char owner[TEXT_BYTES];
    bool taken = false;
    if (access("/proc/net/netfilter/nfnetlink_queue", R_OK) != 0) {
        checklist_add(list, CHECK_WARN, "queues", errno == EACCES ? "run this as root" : "modprobe nfnetlink_queue",
                      "who has which queue is not known: %s", strerror(errno));
        return;
    }
    for (unsigned number = hook->queue_first; number <= hook->queue_last; number++)
        if (owner_of_queue((uint16_t)number, owner, sizeof owner)) {
            checklist_add(list, CHECK_FAIL, "queues", "end it, or choose others by `queue` in the rules file or -q",
                          "queue %u is taken by %s", number, owner);
            taken = true;
        }
    if (!taken)
        checklist_add(list, CHECK_OK, "queues", NULL, "%u-%u are free", hook->queue_first, hook->queue_last);
}

static void check_neighbours(struct checklist *list, const struct hook *hook, bool may_look)
{
    char text[TEXT_BYTES];
    if (hook->chains == 0)
        checklist_add(list, CHECK_WARN, "neighbours", NULL, "nothing is hooked: the rules that queue packets are yours");
    else if (!may_look)
        checklist_add(list, CHECK_WARN, "neighbours", "run this as root",
                      "whether rules of others let packets past spid is not known");
    else if (hook_clash(hook, text, sizeof text) != 0)
        checklist_add(list, CHECK_FAIL, "neighbours", NULL, "%s", text);
    else if (hook_unreached(hook, text, sizeof text))
        checklist_add(list, CHECK_WARN, "neighbours", NULL, "%s", text);
    else
        checklist_add(list, CHECK_OK, "neighbours", NULL, "no rule of others lets packets past spid");
}

static void check_socket(struct checklist *list, const char *path)
{
    if (local_socket_is_served(path))
        checklist_add(list, CHECK_FAIL, "socket", "a second one takes another path by -S, and other queues", "a daemon listens at %s already",
                      path);
    else
        checklist_add(list, CHECK_OK, "socket", NULL, "nobody listens at %s", path);
}

int command_preflight(const struct preflight_options *options)
{
    struct checklist list;
    struct loaded loaded;
    struct rangeset self = {0, NULL};
    checklist_begin(&list, options->json);
    load_rules(&loaded, options->config, &self);
    const struct ruleset *ruleset = loaded.ruleset;
    struct hook hook = {.mark = HOOK_MARK_DEFAULT};
    hook_choose(&hook, &options->wish, ruleset);
    hook.chains = hook_whole(hook.chains);
    check_rules(&list, &loaded, options->config);
    bool may_administer = machine_privileges(&list);
    check_iptables(&list);
    int receive_bytes = check_kernel(&list, &hook, ruleset);
    check_queues(&list, &hook);
    check_socket(&list, options->socket);
    check_neighbours(&list, &hook, may_administer);
    machine_conntrack(&list);
    machine_forwarding(&list, hook.chains);
    if (ruleset != NULL)
        machine_interfaces(&list, ruleset);
    machine_clock(&list);
    machine_limits(&list, ruleset, receive_bytes);
    load_fini(&loaded);
    return checklist_end(&list) ? 0 : 1;
}
