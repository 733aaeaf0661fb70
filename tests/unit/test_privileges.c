/* What a process may still do after the drop: each case in a child of its own, on the real kernel. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "daemon/daemon.h"
#include "daemon/landlock.h"
#include "daemon/privileges.h"
#include "daemon/steward.h"
#include "daemon/system_calls.h"

#define SKIPPED 77

static char folder[] = "/tmp/spid-privileges-XXXXXX";
static char kept[100], other[100];

static void path_in(char path[100], const char *name)
{
    snprintf(path, 100, "%s/%s", folder, name);
}

static void make_file(const char *path, mode_t mode)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, "x\n", 2), 2);
    ck_assert_int_eq(fchmod(file, mode), 0);
    close(file);
}

static void make_folders(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    path_in(kept, "kept");
    path_in(other, "other");
    ck_assert_int_eq(mkdir(kept, 0755), 0);
    ck_assert_int_eq(mkdir(other, 0755), 0);
}

static void remove_folders(void)
{
    char command[200];
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
    strcpy(folder, "/tmp/spid-privileges-XXXXXX");
}

/* The wait status of a child that does ACT; what it writes to standard error comes to TEXT. */
static int status_of(int (*act)(void), char *text, size_t size)
{
    int out[2], status;
    ck_assert_int_eq(pipe(out), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(out[1], STDERR_FILENO);
        close(out[1]);
        _exit(act());
    }
    close(out[1]);
    ssize_t got, used = 0;
    while ((got = read(out[0], text + used, size - 1 - (size_t)used)) > 0)
        used += got;
    text[used] = '\0';
    close(out[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

/* ---- system calls ---- */

#ifdef HAVE_SECCOMP

static void confine(void)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || system_calls_confine() != 1)
        _exit(99);
}

static int execute(void)
{
    confine();
    execl("/bin/true", "true", NULL);
    return 0;
}

static int make_process(void)
{
    confine();
    return fork() < 0;
}

static int open_packet_socket(void)
{
    confine();
    return socket(AF_PACKET, SOCK_RAW, ETH_P_ALL) < 0;
}

static int map_to_run(void)
{
    confine();
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int become_root(void)
{
    confine();
    return setuid(0) != 0;
}

static int load_program(void)
{
    confine();
    return syscall(SYS_bpf, 5 /* BPF_PROG_LOAD */, NULL, 0) != 0;
}

static const struct {
    int (*act)(void);
    long number;
} forbidden[] = {
    {execute, SYS_execve},           {make_process, SYS_clone}, {open_packet_socket, SYS_socket},
    {map_to_run, SYS_mmap},          {become_root, SYS_setuid}, {load_program, SYS_bpf},
};

START_TEST(what_is_not_on_the_list_ends_the_process)
{
    char text[400], wanted[100];
    int status = status_of(forbidden[_i].act, text, sizeof text);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status %x", (unsigned)status);
    snprintf(wanted, sizeof wanted, "system call %ld is not on the list", forbidden[_i].number);
    ck_assert_msg(strstr(text, wanted) != NULL, "%s", text);
}
END_TEST

static void *count(void *argument)
{
    ++*(int *)argument;
    return NULL;
}

static int make_thread(void)
{
    pthread_t thread;
    int counted = 0;
    confine();
    if (pthread_create(&thread, NULL, count, &counted) != 0 || pthread_join(thread, NULL) != 0)
        return 1;
    return counted != 1;
}

static int forbidden_in_a_thread(void)
{
    pthread_t thread;
    confine();
    if (pthread_create(&thread, NULL, (void *(*)(void *))(void (*)(void))execute, NULL) == 0)
        pthread_join(thread, NULL);
    return 0;
}

START_TEST(threads_are_made_and_are_held_to_the_list)
{
    char text[400];
    int status = status_of(make_thread, text, sizeof text);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x: %s", (unsigned)status, text);
    status = status_of(forbidden_in_a_thread, text, sizeof text);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}
END_TEST

#endif

/* ---- files ---- */

/* Makes NAME in FOLDER and removes it: 0 or errno. */
static int change_in(const char *in)
{
    char path[200];
    snprintf(path, sizeof path, "%s/new", in);
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    if (file < 0)
        return errno;
    close(file);
    return unlink(path) != 0 ? errno : 0;
}

static int live_confined(void)
{
    char inside[200], outside[200];
    snprintf(inside, sizeof inside, "%s/socket", kept);
    snprintf(outside, sizeof outside, "%s/rules", other);
    landlock_keep_folder_of(inside);
    int confined = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? landlock_confine() : -1;
    if (confined == 0)
        return SKIPPED;
    if (confined != 1)
        return 1;
    if (change_in(kept) != 0)
        return 2;
    if (change_in(other) != EACCES)
        return 3;
    if (open(outside, O_WRONLY) >= 0 || errno != EACCES)
        return 4;
    if (open(outside, O_RDONLY) < 0)
        return 5;
    if (open("/dev/null", O_RDWR) < 0)
        return 6;
    execl("/bin/false", "false", NULL);
    return errno == EACCES ? 0 : 7;
}

START_TEST(files_change_only_where_the_daemon_has_to)
{
    char text[400], path[200];
    snprintf(path, sizeof path, "%s/rules", other);
    make_file(path, 0644);
    int status = status_of(live_confined, text, sizeof text);
    ck_assert(WIFEXITED(status));
    if (WEXITSTATUS(status) == SKIPPED)
        printf("this kernel has no Landlock: not tested\n");
    else
        ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* ---- the drop ---- */

static void *wait_for_ever(void *argument)
{
    for (;;)
        pause();
    return argument;
}

static int drop_beside_a_thread(void)
{
    static const struct privileges privileges = {.changes_user = false};
    char error[200] = "";
    pthread_t thread;
    if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
        return 1;
    bool dropped = privileges_drop(&privileges, error, sizeof error);
    fputs(error, stderr);
    return dropped ? 2 : 0;
}

START_TEST(no_thread_keeps_what_the_others_give_up)
{
    char text[400];
    int status = status_of(drop_beside_a_thread, text, sizeof text);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    ck_assert_msg(strstr(text, "a thread runs already") != NULL, "%s", text);
}
END_TEST

/* ---- the steward ---- */

static void start_steward(void)
{
    static const struct daemon_options options = {.socket = "/nonexistent/socket", .foreground = true};
    char error[200];
    ck_assert_msg(steward_start(&options, error, sizeof error), "%s", error);
}

START_TEST(the_steward_opens_rules_files_and_no_others)
{
    static const struct {
        const char *name;
        const char *target; /* of a link */
        int result;         /* 0: a descriptor */
    } files[] = {
        {"office.rules", NULL, 0},           {"linked.rules", "office.rules", 0},   {"secret", NULL, -EACCES},
        {"trick.rules", "secret", -EACCES},  {"to-shadow.rules", "/etc/shadow", -EACCES}, {"to-zero.rules", "/dev/zero", -EACCES},
        {"gone.rules", "nowhere", -ENOENT},
    };
    char path[100];
    start_steward();
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        path_in(path, files[i].name);
        if (files[i].target != NULL)
            ck_assert_int_eq(symlink(files[i].target, path), 0);
        else
            make_file(path, 0600);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char byte = 0;
        path_in(path, files[i].name);
        int file = steward_open_rules(path);
        if (files[i].result != 0) {
            ck_assert_msg(file == files[i].result, "%s: %d", path, file);
            continue;
        }
        ck_assert_msg(file >= 0, "%s: %d", path, file);
        ck_assert_int_eq(read(file, &byte, 1), 1);
        ck_assert_int_eq(byte, 'x');
        ck_assert_int_lt(write(file, "y", 1), 0);
        close(file);
    }
    path_in(path, "folder.rules");
    ck_assert_int_eq(mkdir(path, 0755), 0);
    ck_assert_int_eq(steward_open_rules(path), -EACCES);
    steward_stop();
    path_in(path, "office.rules");
    ck_assert_int_eq(steward_open_rules(path), -EACCES);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("privileges");
    TCase *cases = tcase_create("privileges");
    tcase_add_checked_fixture(cases, make_folders, remove_folders);
#ifdef HAVE_SECCOMP
    tcase_add_loop_test(cases, what_is_not_on_the_list_ends_the_process, 0, sizeof forbidden / sizeof forbidden[0]);
    tcase_add_test(cases, threads_are_made_and_are_held_to_the_list);
#endif
    tcase_add_test(cases, no_thread_keeps_what_the_others_give_up);
    tcase_add_test(cases, files_change_only_where_the_daemon_has_to);
    tcase_add_test(cases, the_steward_opens_rules_files_and_no_others);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
