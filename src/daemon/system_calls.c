#include "daemon/system_calls.h"

#include "config.h"

#ifdef HAVE_SECCOMP
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* By name: the library knows the numbers, and passes over what an architecture has not. */
static const char *const allowed[] = {
    /* memory: what may be run is fixed, see conditions */
    "brk", "munmap", "mremap", "madvise",
    /* threads and what they wait for */
    "futex", "rseq", "set_robust_list", "sched_yield", "sched_getaffinity", "sched_setaffinity", "exit", "exit_group", "restart_syscall",
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "poll", "ppoll", "select", "pselect6", "eventfd2", "pipe2",
    "timerfd_create", "timerfd_settime", "nanosleep", "clock_nanosleep",
    /* signals; and the steward's end */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "tgkill", "wait4", "waitid",
    /* the time, and what the daemon is */
    "clock_gettime", "clock_getres", "gettimeofday", "time", "getpid", "gettid", "getuid", "geteuid", "getgid", "getegid",
    "getrandom", "uname", "sysinfo", "getrusage", "umask",
    /* files: read at a reload; written in the folders of landlock.c */
    "open", "openat", "close", "read", "readv", "pread64", "write", "writev", "pwrite64", "lseek", "stat", "lstat", "fstat",
    "newfstatat", "fstatat64", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "getcwd",
    "fcntl", "dup", "dup2", "dup3", "flock", "fsync", "fdatasync", "ftruncate", "fallocate", "fchmod", "rename", "renameat",
    "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "statfs", "fstatfs", "msync",
    /* sockets: the queues, the control socket, names, the log; their families are among the conditions */
    "bind", "connect", "listen", "accept", "accept4", "getsockname", "getpeername", "getsockopt", "setsockopt", "send", "sendto",
    "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg", "shutdown",
};

#define WHOLE UINT64_MAX

/* What is allowed only where an argument, of which MASK is looked at, has the VALUE. */
static const struct {
    const char *name;
    unsigned argument;
    uint64_t mask, value;
} conditions[] = {
    /* nothing that was written is ever run */
    {"mmap", 2, PROT_EXEC, 0},
    {"mmap2", 2, PROT_EXEC, 0},
    {"mprotect", 2, PROT_EXEC, 0},
    /* threads, no processes */
    {"clone", 0, CLONE_THREAD, CLONE_THREAD},
    {"socket", 0, WHOLE, AF_UNIX},
    {"socket", 0, WHOLE, AF_INET},
    {"socket", 0, WHOLE, AF_INET6},
    {"socket", 0, WHOLE, AF_NETLINK},
    /* is it a terminal; the names of interfaces */
    {"ioctl", 1, WHOLE, TCGETS},
    {"ioctl", 1, WHOLE, SIOCGIFNAME},
    {"ioctl", 1, WHOLE, SIOCGIFINDEX},
    /* limits are read */
    {"prlimit64", 2, WHOLE, 0},
    /* maps and programs of the fast path, on descriptors that are open already */
    {"bpf", 0, WHOLE, BPF_MAP_LOOKUP_ELEM},
    {"bpf", 0, WHOLE, BPF_MAP_DELETE_ELEM},
    {"bpf", 0, WHOLE, BPF_MAP_LOOKUP_AND_DELETE_ELEM},
    {"bpf", 0, WHOLE, BPF_MAP_LOOKUP_BATCH},
    {"bpf", 0, WHOLE, BPF_MAP_UPDATE_BATCH},
    {"bpf", 0, WHOLE, BPF_PROG_TEST_RUN},
};

/* Puts the digits of NUMBER before END; returns where they begin. */
static char *digits(char *end, unsigned number)
{
    do
        *--end = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return end;
}

/* In a signal's handler: nothing of stdio. */
static void on_forbidden(int number, siginfo_t *information, void *context)
{
    static const char words[] = "spid: error: ended by its own filter: system call ";
    char text[32] = "0123456789 is not on the list\n";
    char *begin = digits(text + 10, (unsigned)information->si_syscall);
    (void)context;
    bool told = write(STDERR_FILENO, words, sizeof words - 1) > 0 && write(STDERR_FILENO, begin, strlen(begin)) > 0;
    (void)told;
    signal(number, SIG_DFL);
    raise(number);
}

/* 0 or -errno of the library, for which a call that this architecture lacks is no error. */
static int allow(scmp_filter_ctx filter, const char *name, const struct scmp_arg_cmp *when)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return 0;
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, when != NULL, when);
}

static int fill(scmp_filter_ctx filter)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0] && failed == 0; i++)
        failed = allow(filter, allowed[i], NULL);
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0] && failed == 0; i++) {
        const struct scmp_arg_cmp when = {conditions[i].argument, SCMP_CMP_MASKED_EQ, conditions[i].mask, conditions[i].value};
        failed = allow(filter, conditions[i].name, &when);
    }
    /* Its flags lie in memory, where no filter reads: libc falls back on clone. */
    if (failed == 0)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return failed;
}

int system_calls_confine(void)
{
    struct sigaction action = {.sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO | SA_NODEFER};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    if (filter == NULL)
        return -ENOMEM;
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (failed == 0)
        failed = fill(filter);
    if (failed == 0 && sigaction(SIGSYS, &action, NULL) != 0)
        failed = -errno;
    if (failed == 0)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    return failed != 0 ? failed : 1;
}

#else

int system_calls_confine(void)
{
    return 0;
}

#endif
