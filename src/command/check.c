#include "command/check.h"

#include <jansson.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "command/report.h"
#include "load/advise.h"
#include "load/civil.h"
#include "load/load.h"
#include "parser/parser.h"
#include "parser/source.h"
#include "rules/failure.h"

#define PLACE_BYTES 4200 /* a path and a line */
#define FAILURE_BYTES 300

/* An interface that is not there now may come later: a warning. Patterns say nothing about any one interface. */
static void check_interfaces(struct loaded *loaded)
{
    const struct ruleset *ruleset = loaded->ruleset;
    for (size_t z = 1; z < ruleset->zone_count; z++)
        for (size_t i = 0; i < ruleset->zones[z].interface_count; i++) {
            const char *name = ruleset->zones[z].interfaces[i];
            if (name[0] == '\0' || name[strlen(name) - 1] == '+' || if_nametoindex(name) != 0)
                continue;
            struct diagnostic record = quote_record(&ruleset->zones[z].quotes[i], SEVERITY_WARNING, CODE_INTERFACE);
            diagnostics_add(&loaded->diagnostics, &record, "the interface '%s' of the zone '%s' does not exist on this machine now",
                            name, ruleset->zones[z].name);
        }
}

/* "a:1, b:2", as a list */
static json_t *by_list(const char *by)
{
    json_t *list = json_array();
    while (by != NULL && *by != '\0') {
        const char *end = strstr(by, ", ");
        size_t length = end != NULL ? (size_t)(end - by) : strlen(by);
        json_array_append_new(list, json_stringn(by, length));
        by += length + (end != NULL ? 2 : 0);
    }
    return list;
}

static json_t *finding(const struct diagnostic *diagnostic)
{
    return json_pack("{s:s, s:i, s:i, s:i, s:i, s:s, s:s, s:s, s:s?, s:s?, s:o, s:o}", "file", diagnostic->file, "line",
                     (int)diagnostic->line, "column", (int)diagnostic->column, "end_line", (int)diagnostic->end_line,
                     "end_column", (int)diagnostic->end_column, "severity", severity_name(diagnostic->severity), "code",
                     diagnostic_code_name(diagnostic->code), "message", diagnostic->message, "witness", diagnostic->witness,
                     "mend", diagnostic->mend, "by", by_list(diagnostic->by), "included_from",
                     by_list(diagnostic->included_from));
}

/* "office.rules:40": where what is left out begins */
static json_t *left_out(const struct loaded *loaded, struct findings_left left)
{
    char place[PLACE_BYTES] = "";
    if (left.rules > 0)
        snprintf(place, sizeof place, "%s:%u", loaded->ruleset->rules[left.first].file, loaded->ruleset->rules[left.first].line);
    return json_pack("{s:I, s:s?, s:I}", "rules", (json_int_t)left.rules, "first", left.rules > 0 ? place : NULL, "findings",
                     (json_int_t)loaded->diagnostics.left_out);
}

/* "drop", where the rules choose; NULL: nothing is to be chosen there. */
static const char *choice_of(const struct ruleset *ruleset, unsigned failure)
{
    return failure < FAILURE_SETTINGS ? failure_choice_name(failure_choice(ruleset, failure)) : NULL;
}

/* What happens when something fails; null: the rules are none. */
static json_t *failures_answer(const struct ruleset *ruleset)
{
    char words[FAILURE_BYTES];
    struct text text;
    json_t *failures = ruleset != NULL ? json_array() : json_null();
    for (unsigned i = 0; i < FAILURE_COUNT && ruleset != NULL; i++) {
        text_init(&text, words, sizeof words);
        failure_to_text(&text, i, ruleset, FASTPATH_UNKNOWN);
        json_array_append_new(failures, json_pack("{s:s, s:s, s:s?, s:s}", "failure", failure_name(i), "when", failure_when(i),
                                                  "choice", choice_of(ruleset, i), "then", words));
    }
    return failures;
}

static void print_failures(const struct ruleset *ruleset)
{
    char words[FAILURE_BYTES];
    struct text text;
    for (unsigned i = 0; i < FAILURE_COUNT; i++) {
        const char *choice = choice_of(ruleset, i);
        text_init(&text, words, sizeof words);
        failure_to_text(&text, i, ruleset, FASTPATH_UNKNOWN);
        printf("%-24s %-9s %s\n", failure_when(i), choice != NULL ? choice : "-", words);
    }
}

static void print_json(const struct check_options *options, const struct loaded *loaded, struct findings_left left,
                       size_t rules, bool ok)
{
    json_t *findings = json_array();
    for (size_t i = 0; i < loaded->diagnostics.count; i++)
        json_array_append_new(findings, finding(&loaded->diagnostics.records[i]));
    json_t *root = json_pack("{s:s, s:b, s:I, s:{s:I, s:I}, s:o, s:o, s:o}", "file", options->file, "ok", ok, "rules",
                             (json_int_t)rules, "tests", "passed", (json_int_t)loaded->tests_passed, "failed",
                             (json_int_t)loaded->tests_failed, "findings", findings, "left_out", left_out(loaded, left),
                             "failures", failures_answer(loaded->ruleset));
    json_dumpf(root, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(root);
}

static void print_verbose(const struct check_options *options, const struct ruleset *ruleset)
{
    struct diagnostics diagnostics;
    if (!diagnostics_init(&diagnostics))
        return;
    char *text = parser_canonical(options->file, &file_access_system, &diagnostics);
    if (text != NULL)
        fputs(text, stdout);
    free(text);
    diagnostics_fini(&diagnostics);
    puts("# implicit: loopback is never judged");
    if (ruleset->implicit_nd)
        puts("# implicit nd: allow any to self icmp6 133-136 with hop limit 255 (no implicit nd switches it off)");
}

static void print_summary(const struct check_options *options, const struct loaded *loaded, size_t rules, bool ok)
{
    size_t errors = loaded->diagnostics.errors, warnings = loaded->diagnostics.warnings;
    printf("%s: %s: %zu rules, %zu of %zu tests passed, %zu errors, %zu warnings\n", options->file,
           ok ? "fine" : "refused", rules, loaded->tests_passed, loaded->tests_passed + loaded->tests_failed, errors,
           warnings);
}

int command_check(const struct check_options *options)
{
    struct loaded loaded;
    struct rangeset self = {0, NULL};
    struct findings_left left = {0, 0};
    bool ok = load_rules(&loaded, options->file, &self);
    if (ok) {
        check_interfaces(&loaded);
        left = advise(&loaded.diagnostics, loaded.ruleset, civil_at(time(NULL)).day);
    }
    if (options->strict && loaded.diagnostics.warnings > 0)
        ok = false;
    size_t rules = loaded.ruleset != NULL ? loaded.ruleset->rule_count : 0;
    if (options->json) {
        print_json(options, &loaded, left, rules, ok);
    } else {
        report_diagnostics(&loaded.diagnostics);
        if (left.rules > 0)
            fprintf(stderr, "%s: left out: %zu rules, the first at %s:%u, overlap too many others: not all that could be found about "
                    "them was looked for\n", options->file, left.rules, loaded.ruleset->rules[left.first].file,
                    loaded.ruleset->rules[left.first].line);
        if (options->verbose && loaded.ruleset != NULL)
            print_verbose(options, loaded.ruleset);
        if (ok)
            print_failures(loaded.ruleset);
        print_summary(options, &loaded, rules, ok);
    }
    load_fini(&loaded);
    return ok ? 0 : 1;
}
