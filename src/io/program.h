/* Runs another program and waits for it. */
#ifndef IO_PROGRAM_H
#define IO_PROGRAM_H

#include <stddef.h>

/*
 * Runs ARGUMENTS, terminated by NULL and looked for in PATH, with INPUT (or nothing) as standard input. What it says, complaints
 * too, goes to the SIZE bytes at OUTPUT, terminated, and cut there. INPUT fits a pipe, so that writing never waits. Returns its
 * exit status, 128 when a signal ended it, -errno when it cannot be run.
 */
int program_run(const char *const arguments[], const char *input, char *output, size_t size);

#endif
