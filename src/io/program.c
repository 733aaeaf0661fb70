#include "io/program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int program_run(const char *const arguments[], const char *input, char *output, size_t size)
{
    int in[2], out[2], status = -1;
    pid_t child;
    posix_spawn_file_actions_t actions;
    output[0] = '\0';
    if (pipe2(in, O_CLOEXEC) != 0)
        return -errno;
    if (pipe2(out, O_CLOEXEC) != 0) {
        int error = -errno;
        close(in[0]);
        close(in[1]);
        return error;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDERR_FILENO);
    int error = posix_spawnp(&child, arguments[0], &actions, NULL, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    if (error == 0 && input != NULL && write(in[1], input, strlen(input)) < 0)
        error = errno;
    close(in[1]);
    size_t used = 0;
    char rest[256];
    for (ssize_t got = 1; status == -1 && got > 0;) {
        bool room = used < size - 1;
        got = read(out[0], room ? output + used : rest, room ? size - 1 - used : sizeof rest);
        if (got > 0 && room)
            used += (size_t)got;
    }
    output[used] = '\0';
    close(out[0]);
    if (error != 0)
        return -error;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
