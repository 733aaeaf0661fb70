#include "daemon/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "config.h"
#include "daemon/landlock.h"
#include "daemon/log.h"
#include "daemon/system_calls.h"

void privileges_find(struct privileges *privileges)
{
    *privileges = (struct privileges){.changes_user = false};
    if (geteuid() != 0)
        return; /* whoever it is has been chosen */
    const struct passwd *user = getpwnam(PRIVILEGES_USER);
    if (user == NULL) {
        log_line(LOG_LEVEL_WARNING, "there is no user '" PRIVILEGES_USER "': the daemon stays root, with CAP_NET_ADMIN only; "
                                    "make one (adduser --system --group " PRIVILEGES_USER ", or systemd-sysusers)");
        return;
    }
    *privileges = (struct privileges){.changes_user = true, .uid = user->pw_uid, .gid = user->pw_gid};
}

bool privileges_need_bpf(bool (*probe)(const void *context), const void *context)
{
    capng_clear(CAPNG_SELECT_BOTH);
    if (capng_get_caps_process() != 0)
        return true;
    void *before = capng_save_state();
    if (before == NULL)
        return true;
    /* Either of the two permits it. */
    capng_updatev(CAPNG_DROP, CAPNG_EFFECTIVE, CAP_BPF, CAP_SYS_ADMIN, -1);
    bool possible = capng_apply(CAPNG_SELECT_CAPS) == 0 && probe(context);
    capng_restore_state(&before);
    return capng_apply(CAPNG_SELECT_CAPS) != 0 || !possible;
}

void privileges_make_folder_of(const struct privileges *privileges, const char *path)
{
    char folder[PATH_MAX];
    path_folder(path, folder, sizeof folder);
    if (mkdir(folder, 0755) == 0 && privileges->changes_user &&
        chown(folder, privileges->uid, privileges->gid) != 0)
        log_line(LOG_LEVEL_WARNING, "%s: it cannot be given to the user " PRIVILEGES_USER ": %s", folder, strerror(errno));
}

/* What stays of CAPABILITY, of which nobody can have more than he has. */
static void keep(bool held, unsigned capability)
{
    if (held)
        capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, capability);
}

static bool drop_capabilities(const struct privileges *privileges)
{
    bool has_admin = capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN);
    bool has_bpf = capng_have_capability(CAPNG_PERMITTED, CAP_BPF) && privileges->needs_bpf;
    bool bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
    capng_clear(CAPNG_SELECT_ALL);
    keep(has_admin, CAP_NET_ADMIN);
    keep(has_bpf, CAP_BPF);
    if (privileges->changes_user)
        return capng_change_id((int)privileges->uid, (int)privileges->gid,
                               CAPNG_INIT_SUPP_GRP | (bounds ? CAPNG_CLEAR_BOUNDING : CAPNG_NO_FLAG) | CAPNG_CLEAR_AMBIENT) == 0;
    return (!bounds || capng_apply(CAPNG_SELECT_BOUNDS) == 0) && capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT) == 0;
}

static bool fail(char *error, size_t size, const char *what)
{
    snprintf(error, size, "privileges cannot be dropped: %s: %s", what, strerror(errno));
    return false;
}

/* A thread of before would keep what this one gives up. */
static bool is_alone(void)
{
    struct stat threads;
    return stat("/proc/self/task", &threads) == 0 && threads.st_nlink == 3;
}

bool privileges_drop(const struct privileges *privileges, char *error, size_t error_size)
{
    if (!is_alone()) {
        snprintf(error, error_size, "privileges cannot be dropped: a thread runs already, or /proc is not there");
        return false;
    }
    capng_clear(CAPNG_SELECT_BOTH);
    if (capng_get_caps_process() != 0 || !drop_capabilities(privileges))
        return fail(error, error_size, "user " PRIVILEGES_USER " and capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(error, error_size, "no_new_privs");
#ifdef SANITIZERS
    prctl(PR_SET_DUMPABLE, 1); /* the search for leaks looks at its own process */
#endif
    int confined = landlock_confine();
    if (confined < 0) {
        errno = -confined;
        return fail(error, error_size, "Landlock");
    }
    int filtered = system_calls_confine();
    if (filtered < 0) {
        errno = -filtered;
        return fail(error, error_size, "the filter of system calls");
    }
    log_line(LOG_LEVEL_NOTICE, "privileges: user %s, %s%s, %s", privileges->changes_user ? PRIVILEGES_USER : "as started",
             privileges->needs_bpf ? "CAP_NET_ADMIN and CAP_BPF" : "CAP_NET_ADMIN",
             filtered > 0 ? ", system calls filtered" : ", no filter of system calls (built without)",
             confined > 0 ? "files confined" : "files not confined (this kernel has no Landlock)");
    return true;
}
