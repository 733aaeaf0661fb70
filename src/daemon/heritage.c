#include "daemon/heritage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "alg/alg.h"
#include "base/path.h"
#include "base/text.h"
#include "daemon/log.h"
#include "daemon/private.h"
#include "daemon/steward.h"
#include "engine/opener.h"
#include "io/owner.h"

/* The file's name beside the control socket. */
#define FILE_NAME "spid.state"

/* A daemon that is being killed holds its file until the kernel is done with it. */
#define LOCK_TRIES 40
#define LOCK_PAUSE_NS 50000000L

/* Nothing outlasts this daemon, because of what stands in `why`. */
static void give_up(struct heritage *heritage)
{
    log_line(LOG_LEVEL_WARNING, "connections will not outlast this daemon: %s", heritage->why);
}

void heritage_path(const struct daemon_options *options, char path[PATH_MAX])
{
    const char *slash = strrchr(options->socket, '/');
    if (options->state != NULL)
        snprintf(path, PATH_MAX, "%s", options->state);
    else
        snprintf(path, PATH_MAX, "%.*s" FILE_NAME, slash != NULL ? (int)(slash - options->socket) + 1 : 0, options->socket);
}

/* The digits of /proc/sys/kernel/random/boot_id; where there are none all boots are the same. */
static struct estate_boot boot_now(void)
{
    struct estate_boot boot = {{0}};
    char text[64];
    size_t length = owner_read_file("/proc/sys/kernel/random/boot_id", text, sizeof text);
    unsigned digits = 0;
    for (size_t i = 0; i < length && digits < 2 * sizeof boot.id; i++) {
        const char *hex = "0123456789abcdef", *at = text[i] != '\0' ? strchr(hex, text[i]) : NULL;
        if (at == NULL)
            continue;
        boot.id[digits / 2] = (uint8_t)(boot.id[digits / 2] << 4 | (at - hex));
        digits++;
    }
    return boot;
}

/* ---- what was left ---- */

/* May FD's file be believed to be a daemon's? Nobody else could write it, or put it there. */
static bool is_ours(int fd, const char *path)
{
    struct stat file, folder;
    char place[PATH_MAX];
    path_folder(path, place, sizeof place);
    if (fstat(fd, &file) != 0 || stat(place, &folder) != 0)
        return false;
    bool owner = file.st_uid == 0 || file.st_uid == geteuid() || file.st_uid == folder.st_uid;
    return S_ISREG(file.st_mode) && owner && (file.st_mode & 077) == 0;
}

/* False: another daemon holds it, and lives. */
static bool lock(int fd)
{
    const struct timespec pause = {0, LOCK_PAUSE_NS};
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

/* Nothing is taken over, for WHY. */
static void start_cold(struct heritage *heritage, const char *why)
{
    snprintf(heritage->why, sizeof heritage->why, "%s: %s", heritage->path, why);
    log_line(LOG_LEVEL_WARNING,
             "the state table %s is refused: %s; a cold start, connections that stand are picked up for %u s", heritage->path,
             why, PICKUP_MS / 1000);
}

static bool open_former(struct heritage *heritage, const struct estate_boot *boot)
{
    enum estate_flaw flaw;
    heritage->former_fd = open(heritage->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (heritage->former_fd < 0) {
        if (errno != ENOENT)
            start_cold(heritage, errno == ELOOP ? "it is a symbolic link" : strerror(errno));
        return true;
    }
    if (!is_ours(heritage->former_fd, heritage->path)) {
        start_cold(heritage, "others than root and spid may write it");
        return true;
    }
    if (!lock(heritage->former_fd)) {
        log_line(LOG_LEVEL_ERROR, "another spid has its connections in %s; end it, or give one of them another --state",
                 heritage->path);
        return false;
    }
    heritage->former = estate_open(heritage->former_fd, boot, &flaw);
    if (heritage->former == NULL)
        start_cold(heritage, estate_flaw_text(flaw));
    else
        heritage->passed_unseen = estate_is_open(heritage->former);
    return true;
}

static void close_former(struct heritage *heritage)
{
    estate_close(heritage->former);
    heritage->former = NULL;
    if (heritage->former_fd >= 0)
        close(heritage->former_fd);
    heritage->former_fd = -1;
}

/* ---- one's own ---- */

static void make_own(struct heritage *heritage, const struct estate_boot *boot)
{
    struct statfs system;
    unlink(heritage->path_new);
    int fd = open(heritage->path_new, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        snprintf(heritage->why, sizeof heritage->why, "%s: %s", heritage->path_new, strerror(errno));
        give_up(heritage);
        return;
    }
    if (fstatfs(fd, &system) == 0 && system.f_type != TMPFS_MAGIC) {
        snprintf(heritage->why, sizeof heritage->why,
                 "%s would be on a disk, and be written to it all the time; --state names a place on a tmpfs, /run or /dev/shm",
                 heritage->path);
    } else if (flock(fd, LOCK_EX | LOCK_NB) == 0 && (heritage->own = estate_new(fd, boot)) != NULL) {
        heritage->own_fd = fd;
        return;
    } else {
        snprintf(heritage->why, sizeof heritage->why, "%s: %s", heritage->path_new, strerror(errno));
    }
    unlink(heritage->path_new);
    close(fd);
    give_up(heritage);
}

bool heritage_open(struct daemon *daemon)
{
    struct heritage *heritage = &daemon->heritage;
    const struct daemon_options *options = daemon->options;
    struct estate_boot boot = boot_now();
    heritage->former_fd = -1;
    heritage->pickup_until_ms = daemon->started_ms + PICKUP_MS;
    if (options->state != NULL && strcmp(options->state, "none") == 0) {
        snprintf(heritage->why, sizeof heritage->why, "--state none");
        return true;
    }
    heritage_path(options, heritage->path);
    snprintf(heritage->path_new, sizeof heritage->path_new, "%s.new", heritage->path);
    if (!open_former(heritage, &boot))
        return false;
    /* All that stands is known, but for what had still to be picked up. */
    if (heritage->former != NULL && !estate_is_open(heritage->former))
        heritage->pickup_until_ms = estate_pickup(heritage->former);
    make_own(heritage, &boot);
    if (heritage->own == NULL)
        return true;
    estate_set_pickup(heritage->own, heritage->pickup_until_ms);
    estate_set_open(heritage->own, daemon->down == ON_ACCEPT);
    return true;
}

static void adopted(void *context, struct connection *connection)
{
    const struct engine *engine = context;
    opener_adopt(engine, connection, clock_now_ms());
}

/* "3 unfinished, 1 there twice" */
static uint32_t count_refused(const struct inheritance *inheritance, struct text *reasons)
{
    uint32_t refused = 0;
    for (unsigned i = 0; i < INHERIT_FLAW_COUNT; i++) {
        if (inheritance->refused[i] == 0)
            continue;
        text_add(reasons, "%s%u %s", refused > 0 ? ", " : "", inheritance->refused[i], inherit_flaw_text(i));
        refused += inheritance->refused[i];
    }
    return refused;
}

static void tell_taken_over(const struct heritage *heritage, bool sealed)
{
    const struct inheritance *inheritance = &heritage->inheritance;
    char buffer[300];
    struct text reasons;
    text_init(&reasons, buffer, sizeof buffer);
    uint32_t refused = count_refused(inheritance, &reasons);
    log_line(LOG_LEVEL_NOTICE, "%u connections go on as the daemon before %s them; %u had expired", inheritance->adopted,
             sealed ? "saved" : "left", inheritance->expired);
    if (heritage->members_restored > 0)
        log_line(LOG_LEVEL_NOTICE, "%u members of sets are known from before", heritage->members_restored);
    if (refused > 0)
        log_line(LOG_LEVEL_WARNING, "%u connections of the daemon before are refused: %s", refused, buffer);
}

void heritage_take_over(struct daemon *daemon)
{
    struct heritage *heritage = &daemon->heritage;
    struct engine engine = {
        .table = daemon->table,
        .ruleset = daemon->policy->ruleset,
        .surroundings = daemon->policy->surroundings,
    };
    const struct inherit_config config = {
        .estate = heritage->former,
        .table = daemon->table,
        .now_ms = clock_now_ms(),
        .dialects = DIALECT_COUNT,
        .adopted = adopted,
        .context = &engine,
    };
    if (!members_open(&heritage->members, heritage->own))
        log_line(LOG_LEVEL_WARNING, "the members of sets will not outlast this daemon: %s", strerror(errno));
    if (heritage->former == NULL)
        return;
    heritage->members_restored = members_restore(daemon->policy->ruleset, heritage->former, clock_now_ms());
    members_keep(&heritage->members, daemon->policy->ruleset, clock_now_ms(), true);
    inherit(&config, &heritage->inheritance);
    heritage->taken_over = true;
    tell_taken_over(heritage, estate_is_sealed(heritage->former));
}

void heritage_settle(struct daemon *daemon)
{
    struct heritage *heritage = &daemon->heritage;
    /* It would be taken over again, long after it was true. */
    if (heritage->own == NULL && heritage->former != NULL)
        unlink(heritage->path);
    if (heritage->own != NULL && rename(heritage->path_new, heritage->path) != 0) {
        snprintf(heritage->why, sizeof heritage->why, "%s: %s", heritage->path, strerror(errno));
        give_up(heritage);
    } else {
        heritage->settled = heritage->own != NULL;
    }
    close_former(heritage);
}

void heritage_watch(struct daemon *daemon)
{
    struct heritage *heritage = &daemon->heritage;
    if (heritage->own == NULL)
        return;
    bool left_out = heritage->members.left_out;
    members_keep(&heritage->members, daemon->policy->ruleset, clock_now_ms(), false);
    if (heritage->members.left_out && !left_out)
        log_line(LOG_LEVEL_WARNING, "no more than %u members of sets outlast this daemon, and there are more", MEMBERS_KEPT_MAX);
    if (estate_is_full(heritage->own) && !heritage->told_full)
        log_line(LOG_LEVEL_ERROR,
                 "the file system of %s is full: new connections are denied where no entry is free; make it larger, or --state "
                 "names another",
                 heritage->path);
    if (!estate_is_large(heritage->own) && !heritage->told_small)
        log_line(LOG_LEVEL_NOTICE, "the kernel makes no large pages of %s (Linux can from 6.1 on, with transparent huge pages): "
                                   "many connections will be slower",
                 heritage->path);
    heritage->told_full = estate_is_full(heritage->own);
    estate_try_again(heritage->own);
    heritage->told_small = !estate_is_large(heritage->own);
}

void heritage_prepare_end(struct daemon *daemon)
{
    if (daemon->heritage.own != NULL && daemon->policy != NULL && daemon->heritage.settled)
        members_keep(&daemon->heritage.members, daemon->policy->ruleset, clock_now_ms(), true);
}

void heritage_close(struct daemon *daemon, bool discard)
{
    struct heritage *heritage = &daemon->heritage;
    close_former(heritage);
    if (heritage->own == NULL)
        return;
    if (discard || !heritage->settled) {
        estate_void(heritage->own);
        if (heritage->settled)
            steward_remove_state();
        else
            unlink(heritage->path_new);
    } else {
        estate_seal(heritage->own);
    }
    estate_close(heritage->own);
    close(heritage->own_fd);
    heritage->own = NULL;
}

struct heritage_view heritage_view(const struct daemon *daemon)
{
    const struct heritage *heritage = &daemon->heritage;
    return (struct heritage_view){
        .file = heritage->own != NULL ? heritage->path : NULL,
        .why = heritage->why[0] != '\0' ? heritage->why : NULL,
        .taken_over = heritage->taken_over,
        .full = heritage->told_full,
        .inheritance = &heritage->inheritance,
        .members_kept = heritage->members.kept,
        .members_restored = heritage->members_restored,
    };
}
