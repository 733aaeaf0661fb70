/*
 * The files of one ruleset: reads them through the caller's access, follows includes, keeps their texts.
 */
#ifndef PARSER_FILES_H
#define PARSER_FILES_H

#include "parser/parser.h"
#include "parser/syntax.h"

struct files {
    struct arena *arena;         /* owns texts and statements */
    const struct file_access *access;
    struct diagnostics *diagnostics;
    unsigned count;              /* read so far */
};

/*
 * Reads the file at PATH as a source. AT is where it is asked for, or NULL for the first file. Returns NULL with a
 * diagnostic when it cannot be read.
 */
const struct source *files_read(struct files *files, const char *path, const struct location *at);

/* Reads the rules file at PATH with all that it includes: its statements in order, includes replaced by what they hold. */
struct statement *files_statements(struct files *files, const char *path);

/* What file_access_system reads by: a descriptor or -errno; and what FILE, which is closed, holds, as file_access's read has it. */
int files_open(const char *path);
int files_read_open(int file, char **bytes, size_t *length);

/* RELATIVE as seen from the folder of the file at FROM; an absolute path stays. In the arena. */
const char *files_path(struct files *files, const char *from, const char *relative);

#endif
