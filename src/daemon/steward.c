#include "daemon/steward.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/heritage.h"
#include "fastpath/fastpath.h"
#include "io/hook.h"

enum request_kind {
    OPEN_RULES = 1,
    KEEP_HOOK,
    LOOK_AT_HOOK,
    MEND_HOOK,
    REMOVE_HOOK,
    REMOVE_SOCKET,
    REMOVE_PIDFILE,
    REMOVE_STATE,
};

struct request {
    uint8_t kind;
    char path[PATH_MAX]; /* of OPEN_RULES, and of the program of KEEP_HOOK, "" where there is none; terminated */
    struct hook hook;    /* of KEEP_HOOK; its pointer means nothing here */
};

/* A descriptor comes along where one was opened. */
struct reply {
    int error;             /* 0 or -errno */
    enum hook_state state; /* of LOOK_AT_HOOK and MEND_HOOK */
    char text[1500];
};

/* The daemon's end of what they talk through; -1: there is no steward. */
static int channel = -1;
static pid_t process;

/* ---- the steward ---- */

bool steward_is_rules_name(const char *path)
{
    size_t length = strlen(path), suffix = strlen(STEWARD_RULES_SUFFIX);
    return length >= suffix && strcmp(path + length - suffix, STEWARD_RULES_SUFFIX) == 0;
}

static bool is_rules_file(int file)
{
    char link[64], name[PATH_MAX];
    struct stat status;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < 0 || fstat(file, &status) != 0)
        return false;
    name[length] = '\0';
    return S_ISREG(status.st_mode) && steward_is_rules_name(name);
}

/* The name is looked at once the file is open: no link and no other file in its place can change it any more. */
static int open_rules(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        return -errno;
    if (is_rules_file(file))
        return file;
    close(file);
    return -EACCES;
}

static void remove_hook(struct reply *reply)
{
    char folder[FASTPATH_FOLDER_BYTES];
    reply->error = hook_remove(reply->text, sizeof reply->text);
    fastpath_folder(folder);
    fastpath_unpin(folder);
}

/* The hook that is looked after. */
static struct {
    bool known;
    struct hook hook;
    char fastpath[PATH_MAX];
    struct hook_memory memory;
} kept;

/* What was kept before privileges went is not taken from anybody afterwards. */
static void keep_hook(const struct request *request, struct reply *reply)
{
    if (kept.known) {
        reply->error = -EPERM;
        return;
    }
    kept.known = true;
    kept.hook = request->hook;
    memcpy(kept.fastpath, request->path, sizeof kept.fastpath);
    kept.hook.fastpath = kept.fastpath[0] != '\0' ? kept.fastpath : NULL;
    reply->error = hook_remember(&kept.memory, reply->text, sizeof reply->text);
}

static void look_at_hook(bool mend, struct reply *reply)
{
    if (!kept.known)
        reply->error = -EINVAL;
    else if (mend)
        reply->state = hook_mend(&kept.hook, &kept.memory, reply->text, sizeof reply->text);
    else
        reply->state = hook_look(&kept.hook, &kept.memory, reply->text, sizeof reply->text);
}

/* Does what REQUEST asks; the descriptor that goes with REPLY, or -1. */
static int obey(const struct daemon_options *options, const struct request *request, struct reply *reply)
{
    int file = -1;
    char state[PATH_MAX];
    switch (request->kind) {
    case OPEN_RULES:
        file = open_rules(request->path);
        reply->error = file < 0 ? file : 0;
        break;
    case KEEP_HOOK:
        keep_hook(request, reply);
        break;
    case LOOK_AT_HOOK:
    case MEND_HOOK:
        look_at_hook(request->kind == MEND_HOOK, reply);
        break;
    case REMOVE_HOOK:
        remove_hook(reply);
        break;
    case REMOVE_SOCKET:
        unlink(options->socket);
        break;
    case REMOVE_PIDFILE:
        unlink(options->pidfile);
        break;
    case REMOVE_STATE:
        heritage_path(options, state);
        unlink(state);
        break;
    default:
        reply->error = -EINVAL;
    }
    return file;
}

/* Room for one descriptor beside a message. */
union passed {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static void answer(int fd, const struct reply *reply, int file)
{
    union passed passed;
    struct iovec vector = {(void *)(uintptr_t)reply, sizeof *reply};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    memset(&passed, 0, sizeof passed);
    if (file >= 0) {
        message.msg_control = passed.bytes;
        message.msg_controllen = sizeof passed.bytes;
        passed.header.cmsg_level = SOL_SOCKET;
        passed.header.cmsg_type = SCM_RIGHTS;
        passed.header.cmsg_len = CMSG_LEN(sizeof file);
        memcpy(CMSG_DATA(&passed.header), &file, sizeof file);
    }
    if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
        _exit(1);
}

/* Until the daemon's end is closed: by itself, or by its death. */
static void serve(const struct daemon_options *options, int fd)
{
    struct request request;
    for (;;) {
        ssize_t got = recv(fd, &request, sizeof request, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            _exit(got < 0);
        struct reply reply = {.error = -EINVAL};
        int file = -1;
        if (got == sizeof request && memchr(request.path, '\0', sizeof request.path) != NULL) {
            reply.error = 0;
            file = obey(options, &request, &reply);
        }
        answer(fd, &reply, file);
        if (file >= 0)
            close(file);
    }
}

/* What ends the daemon is the daemon's to answer; who waits for the starter's output does not wait for the steward. */
static void settle(const struct daemon_options *options)
{
    const int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_IGN);
    prctl(PR_SET_NAME, "spid-steward");
    int null = options->foreground ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    if (null > STDERR_FILENO)
        close(null);
}

bool steward_start(const struct daemon_options *options, char *error, size_t error_size)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0 || (process = fork()) < 0) {
        snprintf(error, error_size, "no process for what takes privileges later: %s", strerror(errno));
        return false;
    }
    if (process == 0) {
        close(ends[0]);
        settle(options);
        serve(options, ends[1]);
    }
    close(ends[1]);
    channel = ends[0];
    return true;
}

/* ---- the daemon ---- */

/* Sends REQUEST, with PATH, and waits for the answer. Returns the descriptor that came along, or -1. */
static int ask_whole(struct request *request, const char *path, struct reply *reply)
{
    union passed passed;
    struct iovec vector = {reply, sizeof *reply};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = passed.bytes, .msg_controllen = sizeof passed.bytes};
    int file = -1;
    *reply = (struct reply){.error = -EACCES, .state = HOOK_BROKEN, .text = "the steward, a process of root's that spid starts, is gone"};
    if (channel < 0)
        return -1;
    snprintf(request->path, sizeof request->path, "%s", path);
    ssize_t got = send(channel, request, sizeof *request, MSG_NOSIGNAL);
    while (got > 0 && (got = recvmsg(channel, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        got = 1;
    if (got <= 0)
        return -1;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_type == SCM_RIGHTS)
        memcpy(&file, CMSG_DATA(header), sizeof file);
    return file;
}

static int ask(uint8_t kind, const char *path, struct reply *reply)
{
    struct request request = {.kind = kind};
    return ask_whole(&request, path, reply);
}

bool steward_keep_hook(const struct hook *hook, char *error, size_t error_size)
{
    struct reply reply;
    struct request request = {.kind = KEEP_HOOK, .hook = *hook};
    request.hook.fastpath = NULL;
    ask_whole(&request, hook->fastpath != NULL ? hook->fastpath : "", &reply);
    snprintf(error, error_size, "%s", reply.text);
    return reply.error == 0;
}

static enum hook_state ask_for_hook(uint8_t kind, char *text, size_t size)
{
    struct reply reply;
    ask(kind, "", &reply);
    snprintf(text, size, "%s", reply.text);
    return reply.error == 0 ? reply.state : HOOK_BROKEN;
}

enum hook_state steward_look_at_hook(char *text, size_t size)
{
    return ask_for_hook(LOOK_AT_HOOK, text, size);
}

enum hook_state steward_mend_hook(char *text, size_t size)
{
    return ask_for_hook(MEND_HOOK, text, size);
}

int steward_open_rules(const char *path)
{
    struct reply reply;
    int file = ask(OPEN_RULES, path, &reply);
    if (file >= 0)
        return file;
    return reply.error < 0 ? reply.error : -EACCES;
}

bool steward_remove_hook(char *error, size_t error_size)
{
    struct reply reply;
    ask(REMOVE_HOOK, "", &reply);
    snprintf(error, error_size, "%s", reply.text);
    return reply.error == 0;
}

/* What cannot be removed stays: there is nothing else to be done about it. */
static void order(uint8_t kind)
{
    struct reply reply;
    ask(kind, "", &reply);
}

void steward_remove_socket(void)
{
    order(REMOVE_SOCKET);
}

void steward_remove_pidfile(void)
{
    order(REMOVE_PIDFILE);
}

void steward_remove_state(void)
{
    order(REMOVE_STATE);
}

void steward_stop(void)
{
    if (channel < 0)
        return;
    close(channel);
    channel = -1;
    while (waitpid(process, NULL, 0) < 0 && errno == EINTR)
        ;
}
