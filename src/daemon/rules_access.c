#include "daemon/rules_access.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/privileges.h"
#include "daemon/steward.h"
#include "parser/files.h"

static const struct privileges *becomes;

void rules_access_for(const struct privileges *privileges)
{
    becomes = privileges;
}

/* Until the drop: opens as the user of later would. */
static int open_as_later(const char *path)
{
    bool later = becomes != NULL && becomes->changes_user && geteuid() == 0;
    if (later) {
        setfsgid(becomes->gid);
        setfsuid(becomes->uid);
    }
    int file = files_open(path);
    if (later) {
        setfsuid(0);
        setfsgid(getegid());
    }
    return file;
}

static int read_rules(void *context, const char *path, char **bytes, size_t *length)
{
    (void)context;
    int file = open_as_later(path);
    if (file == -EACCES)
        file = steward_open_rules(path);
    if (file == -EACCES) {
        file = files_open(path);
        log_line(file >= 0 ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR,
                 "%s is out of reach for the user " PRIVILEGES_USER "%s; chgrp " PRIVILEGES_USER " and chmod g+r it%s", path,
                 file >= 0 ? ": a reload will be refused" : "",
                 steward_is_rules_name(path) ? "" : ", and its folders g+x (root alone may read rules files only, which end in "
                                            STEWARD_RULES_SUFFIX ")");
    }
    return file < 0 ? file : files_read_open(file, bytes, length);
}

static int expand(void *context, const char *pattern, void (*found)(void *taker, const char *path), void *taker)
{
    (void)context;
    return file_access_system.expand(NULL, pattern, found, taker);
}

const struct file_access rules_access = {.read = read_rules, .expand = expand};
