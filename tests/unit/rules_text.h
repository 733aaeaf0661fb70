/* Rules that are a text of the test's own: one file, under any name, and no other to include. */
#ifndef TESTS_RULES_TEXT_H
#define TESTS_RULES_TEXT_H

#include <stdint.h>
#include <string.h>

#include "parser/parser.h"

static int rules_text_read(void *context, const char *path, char **bytes, size_t *length)
{
    (void)path;
    *length = strlen(context);
    *bytes = strdup(context);
    return 0;
}

static int rules_text_expand(void *context, const char *pattern, void (*found)(void *taker, const char *path), void *taker)
{
    (void)context;
    (void)pattern;
    (void)found;
    (void)taker;
    return 0;
}

/* TEXT is borrowed. */
static inline struct file_access rules_text(const char *text)
{
    return (struct file_access){rules_text_read, rules_text_expand, (void *)(uintptr_t)text};
}

#endif
