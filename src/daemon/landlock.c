#include "daemon/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/path.h"

/* Later than the headers of Linux 6.1. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

#define LOG_FOLDER "/var/log/spid/"

static char folders[LANDLOCK_FOLDERS_MAX][4096];
static unsigned folder_count;

void landlock_keep_folder_of(const char *path)
{
    if (folder_count < LANDLOCK_FOLDERS_MAX)
        path_folder(path, folders[folder_count++], sizeof folders[0]);
}

/* What is refused outside of the folders. What this kernel does not know yet cannot be. */
static uint64_t changes(int version)
{
    uint64_t access = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                      LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                      LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                      LANDLOCK_ACCESS_FS_MAKE_SYM;
    return version >= 3 ? access | LANDLOCK_ACCESS_FS_TRUNCATE : access;
}

/* What is there at PATH keeps ACCESS, with what is below it; 0, or -errno when the kernel refuses. */
static int keep(int ruleset, const char *path, uint64_t access)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0)
        return 0;
    int failed = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0 ? -errno : 0;
    close(rule.parent_fd);
    return failed;
}

int landlock_confine(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return 0;
    uint64_t access = changes((int)version);
    const struct landlock_ruleset_attr handled = {.handled_access_fs = access | LANDLOCK_ACCESS_FS_EXECUTE};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled.handled_access_fs, 0);
    if (ruleset < 0)
        return -errno;
    landlock_keep_folder_of(LOG_FOLDER);
    int failed = keep(ruleset, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE);
    for (unsigned i = 0; i < folder_count && failed == 0; i++)
        failed = keep(ruleset, folders[i], access);
    if (failed == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        failed = -errno;
    close(ruleset);
    return failed != 0 ? failed : 1;
}
