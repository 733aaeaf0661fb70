/*
 * Golden rules files. ok/NAME.rules parse, pass their own tests, have the canonical form NAME.canonical, which prints as
 * itself and compiles to the same ruleset. bad/NAME.rules are refused with exactly the diagnostics in NAME.expected.
 *
 *   golden FOLDER           holds the folder against its expectations
 *   golden --write FOLDER   writes them; read what it wrote before you trust it
 */
#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "engine/selftest.h"
#include "parser/parser.h"
#include "rules/dns_set.h"
#include "rules/moving.h"
#include "rules/ruleset.h"
#include "rules/surroundings.h"

#define DUMP_BYTES (4u << 20)

static unsigned failures, files;
static bool writing;

static void __attribute__((format(printf, 2, 3))) complain(const char *path, const char *format, ...)
{
    va_list arguments;
    failures++;
    printf("%s: ", path);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

static void diagnostics_text(const struct diagnostics *diagnostics, struct text *text)
{
    for (size_t i = 0; i < diagnostics->count; i++)
        diagnostic_to_text(text, &diagnostics->records[i]);
    if (diagnostics->left_out > 0)
        text_add(text, "%zu more are left out\n", diagnostics->left_out);
}

static void dump_moving(const struct moving_set *moving, struct text *text)
{
    text_add(text, " moving %u %s timeout %llu zone %u ", moving->kind, moving->name, (unsigned long long)moving->timeout_ms,
             moving->zone);
    address_to_text(text, moving->suffix);
    for (size_t i = 0; moving->dns != NULL && i < moving->dns->count; i++)
        text_add(text, " %s", moving->dns->questions[i].name);
}

/* Everything that a compiled ruleset says, but where it stands. */
static void dump(const struct ruleset *ruleset, struct text *text)
{
    text_add(text, "fastpath %u max %u on %u %u %u ", ruleset->fastpath, ruleset->fastpath_max, ruleset->on[0], ruleset->on[1],
             ruleset->on[2]);
    text_add(text, "reserve %u half-open %u adaptive %u %u ", ruleset->reserve_percent, ruleset->half_open_max,
             ruleset->adaptive_start_percent, ruleset->adaptive_end_percent);
    text_add(text, "default %u log %u %u/%u max %u hooks %u queue %u %u-%u nd %u\n", ruleset->default_action,
             ruleset->default_log.wanted, ruleset->default_log.rate.count, ruleset->default_log.rate.interval_ms,
             ruleset->connections_max, ruleset->hooks, ruleset->queue_given, ruleset->queue_first, ruleset->queue_last,
             ruleset->implicit_nd);
    for (unsigned i = 0; i < TIMEOUT_COUNT; i++)
        text_add(text, "%u ", ruleset->timeouts.ms[i]);
    for (size_t z = 1; z < ruleset->zone_count; z++) {
        text_add(text, "\nzone %s", ruleset->zones[z].name);
        for (size_t i = 0; i < ruleset->zones[z].interface_count; i++)
            text_add(text, " %s", ruleset->zones[z].interfaces[i]);
        for (size_t i = 0; i < ruleset->zones[z].nets.count; i++) {
            text_add(text, " ");
            address_to_text(text, ruleset->zones[z].nets.ranges[i].first);
            text_add(text, "-");
            address_to_text(text, ruleset->zones[z].nets.ranges[i].last);
        }
    }
    for (size_t r = 0; r < ruleset->rule_count; r++) {
        const struct rule *rule = &ruleset->rules[r];
        text_add(text, "\nrule %s priority %u %u %u log %u %u/%u", rule->name ? rule->name : "-", rule->priority, rule->action, rule->states,
                 rule->log.wanted, rule->log.rate.count, rule->log.rate.interval_ms);
        const struct endpoint *ends[] = {&rule->src, &rule->dst};
        for (unsigned e = 0; e < 2; e++) {
            text_add(text, " end %u", ends[e]->negated);
            for (size_t t = 0; t < ends[e]->term_count; t++) {
                const struct endpoint_term *term = &ends[e]->terms[t];
                text_add(text, " term %u zone %u", term->kind, term->zone);
                for (size_t i = 0; term->set != NULL && i < term->set->members.count; i++) {
                    text_add(text, " ");
                    address_to_text(text, term->set->members.ranges[i].first);
                    text_add(text, "-");
                    address_to_text(text, term->set->members.ranges[i].last);
                }
                for (size_t i = 0; term->set != NULL && i < term->set->moving_count; i++)
                    dump_moving(&ruleset->moving[term->set->moving[i]], text);
            }
        }
        for (size_t i = 0; i < rule->src_port_count; i++)
            text_add(text, " from %u-%u", rule->src_ports[i].first, rule->src_ports[i].last);
        for (size_t i = 0; i < rule->service_count; i++)
            text_add(text, " service %u %u-%u", rule->services[i].protocol, rule->services[i].first,
                     rule->services[i].last);
    }
    text_add(text, "\n%zu tests\n", ruleset->test_count);
}

static char *dump_new(struct text *text)
{
    char *buffer = malloc(DUMP_BYTES);
    if (buffer == NULL)
        abort();
    text_init(text, buffer, DUMP_BYTES);
    return buffer;
}

/* Serves TEXT in place of the file at PATH; all others come from the system. */
struct instead {
    const char *path, *text;
};

static int read_instead(void *context, const char *path, char **bytes, size_t *length)
{
    const struct instead *instead = context;
    if (strcmp(path, instead->path) != 0)
        return file_access_system.read(NULL, path, bytes, length);
    *length = strlen(instead->text);
    *bytes = strdup(instead->text);
    return 0;
}

static int expand_instead(void *context, const char *pattern, void (*found)(void *, const char *), void *taker)
{
    (void)context;
    return file_access_system.expand(NULL, pattern, found, taker);
}

static char *beside(const char *path, const char *ending)
{
    static char buffer[500];
    snprintf(buffer, sizeof buffer, "%.*s%s", (int)(strlen(path) - strlen(".rules")), path, ending);
    return buffer;
}

/* Holds TEXT against the file beside PATH; or writes it there. */
static void hold(const char *path, const char *ending, const char *text)
{
    const char *expected = beside(path, ending);
    char *bytes;
    size_t length;
    if (writing) {
        FILE *file = fopen(expected, "w");
        if (file == NULL || fputs(text, file) < 0)
            complain(path, "cannot write %s", expected);
        if (file != NULL)
            fclose(file);
        return;
    }
    if (file_access_system.read(NULL, expected, &bytes, &length) != 0) {
        complain(path, "there is no %s", expected);
        return;
    }
    if (length != strlen(text) || memcmp(bytes, text, length) != 0)
        complain(path, "differs from %s:\n%s", expected, text);
    free(bytes);
}

/* The ruleset of PATH as a dump; NULL, reported, when it is refused. Its tests are run. */
static char *compiled(const char *path, const struct file_access *access)
{
    struct diagnostics diagnostics;
    struct text text, explanation;
    char *buffer = dump_new(&text), reason[500];
    diagnostics_init(&diagnostics);
    struct ruleset *ruleset = parser_read(path, access, &diagnostics);
    if (ruleset == NULL) {
        diagnostics_text(&diagnostics, &text);
        complain(path, "is refused:\n%s", buffer);
        free(buffer);
        buffer = NULL;
    } else {
        struct surroundings *nothing = surroundings_offline(NULL, 0);
        moving_assume(ruleset);
        for (size_t i = 0; i < ruleset->test_count; i++) {
            text_init(&explanation, reason, sizeof reason);
            if (!selftest_run(ruleset, nothing, &ruleset->tests[i], &explanation))
                complain(path, "test \"%s\": %s", ruleset->tests[i].name, reason);
        }
        surroundings_free(nothing);
        dump(ruleset, &text);
    }
    ruleset_free(ruleset);
    diagnostics_fini(&diagnostics);
    return buffer;
}

static void check_ok(const char *path)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    char *canonical = parser_canonical(path, &file_access_system, &diagnostics);
    char *dumped = compiled(path, &file_access_system);
    if (canonical != NULL && dumped != NULL) {
        struct instead instead = {path, canonical};
        const struct file_access access = {read_instead, expand_instead, &instead};
        char *again = parser_canonical(path, &access, &diagnostics), *dumped_again = compiled(path, &access);
        hold(path, ".canonical", canonical);
        if (again == NULL || strcmp(again, canonical) != 0)
            complain(path, "the canonical form is not its own:\n%s", again ? again : "refused");
        if (dumped_again != NULL && strcmp(dumped, dumped_again) != 0)
            complain(path, "the canonical form compiles to another ruleset:\n%s", dumped_again);
        free(again);
        free(dumped_again);
    }
    free(canonical);
    free(dumped);
    diagnostics_fini(&diagnostics);
}

static void check_bad(const char *path)
{
    struct diagnostics diagnostics;
    struct text text;
    char *buffer = dump_new(&text);
    diagnostics_init(&diagnostics);
    struct ruleset *ruleset = parser_read(path, &file_access_system, &diagnostics);
    if (ruleset != NULL)
        complain(path, "is accepted");
    diagnostics_text(&diagnostics, &text);
    hold(path, ".expected", buffer);
    ruleset_free(ruleset);
    diagnostics_fini(&diagnostics);
    free(buffer);
}

static void each(const char *pattern, void (*check)(const char *path))
{
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0) {
        complain(pattern, "fits no file");
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++, files++)
        check(found.gl_pathv[i]);
    globfree(&found);
}

int main(int argc, char **argv)
{
    writing = argc == 3 && strcmp(argv[1], "--write") == 0;
    if (argc < 2 || chdir(argv[argc - 1]) != 0) {
        fprintf(stderr, "usage: golden [--write] FOLDER\n");
        return 2;
    }
    each("ok/*.rules", check_ok);
    each("bad/*.rules", check_bad);
    printf("%u rules files, %u failures\n", files, failures);
    return failures == 0 ? 0 : 1;
}
