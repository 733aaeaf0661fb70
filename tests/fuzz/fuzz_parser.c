/*
 * Any bytes as a rules file: they end in a ruleset or in diagnostics, and print back.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parser/parser.h"
#include "rules/ruleset.h"

struct input {
    const uint8_t *bytes;
    size_t length;
};

static int read_input(void *context, const char *path, char **bytes, size_t *length)
{
    const struct input *input = context;
    /* Whatever it includes is not there: only one file is tried. */
    if (strcmp(path, "input") != 0)
        return -ENOENT;
    *bytes = malloc(input->length + 1);
    if (*bytes == NULL)
        return -ENOMEM;
    if (input->length > 0)
        memcpy(*bytes, input->bytes, input->length);
    *length = input->length;
    return 0;
}

static int expand_nothing(void *context, const char *pattern, void (*found)(void *, const char *), void *taker)
{
    (void)context;
    (void)pattern;
    (void)found;
    (void)taker;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct input input = {bytes, length};
    const struct file_access access = {read_input, expand_nothing, &input};
    struct diagnostics diagnostics;
    if (!diagnostics_init(&diagnostics))
        return 0;
    struct ruleset *ruleset = parser_read("input", &access, &diagnostics);
    /* Refused without a word, or accepted with an error: neither may be. */
    if ((ruleset == NULL) != (diagnostics.errors > 0))
        abort();
    ruleset_free(ruleset);
    free(parser_canonical("input", &access, &diagnostics));
    diagnostics_fini(&diagnostics);
    return 0;
}
