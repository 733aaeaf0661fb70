#include "daemon/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/headroom.h"
#include "daemon/log.h"
#include "daemon/rules_access.h"
#include "io/interfaces.h"
#include "load/civil.h"
#include "load/load.h"

#define DIAGNOSTIC_BYTES 8192

static void log_diagnostics(const struct diagnostics *diagnostics)
{
    char buffer[DIAGNOSTIC_BYTES];
    struct text text;
    for (size_t i = 0; i < diagnostics->count; i++) {
        text_init(&text, buffer, sizeof buffer);
        diagnostic_to_text(&text, &diagnostics->records[i]);
        if (text.length > 0)
            buffer[text.length - 1] = '\0';
        log_line(diagnostics->records[i].severity == SEVERITY_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s", buffer);
    }
    if (diagnostics->left_out > 0)
        log_line(LOG_LEVEL_WARNING, "%zu more are left out", diagnostics->left_out);
}

static void first_error(const struct diagnostics *diagnostics, char *message, size_t size)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct diagnostic *record = &diagnostics->records[i];
        if (record->severity != SEVERITY_ERROR)
            continue;
        if (record->line > 0)
            snprintf(message, size, "%s:%u:%u: %s", record->file, record->line, record->column, record->message);
        else
            snprintf(message, size, "%s: %s", record->file, record->message);
        return;
    }
}

/* The gateway's own addresses now, for the tests of rules with `self`. */
static struct surroundings *own_addresses(void)
{
    static const struct ruleset no_zones;
    return interfaces_surroundings(&no_zones);
}

/* The machine as the rules of RULESET see it now; NULL: it could not be asked. */
static struct surroundings *surroundings_now(const struct ruleset *ruleset)
{
    struct surroundings *surroundings = interfaces_surroundings(ruleset);
    if (surroundings != NULL)
        surroundings->schedules = ruleset_schedules_at(ruleset, civil_at(time(NULL)));
    return surroundings;
}

void reload_read(struct reload_result *result, const char *path, uint32_t generation, unsigned workers,
                 uint32_t capacity)
{
    struct loaded loaded;
    struct headroom headroom = {.access = &rules_access};
    const struct file_access access = headroom_access(&headroom);
    static const struct rangeset nothing;
    *result = (struct reload_result){.policy = NULL};
    if (!headroom_for(0)) {
        snprintf(result->message, sizeof result->message, "no memory for the rules");
        return;
    }
    struct surroundings *own = own_addresses();
    load_rules_by(&loaded, path, own != NULL ? &own->self : &nothing, &access);
    surroundings_free(own);
    log_diagnostics(&loaded.diagnostics);
    result->errors = loaded.diagnostics.errors;
    result->warnings = loaded.diagnostics.warnings;
    result->tests = loaded.tests_passed;
    first_error(&loaded.diagnostics, result->message, sizeof result->message);
    if (loaded.ruleset != NULL && loaded.ruleset->connections_max > capacity) {
        snprintf(result->message, sizeof result->message,
                 "%s: 'limit connections %u' is more than this daemon's table can hold (%u); restart it", path,
                 loaded.ruleset->connections_max, capacity);
        log_line(LOG_LEVEL_ERROR, "%s", result->message);
    } else if (loaded.ruleset != NULL) {
        struct surroundings *surroundings = surroundings_now(loaded.ruleset);
        loaded.ruleset->generation = generation;
        if (surroundings != NULL)
            result->policy = policy_new(loaded.ruleset, surroundings, workers);
        if (result->policy != NULL)
            loaded.ruleset = NULL;
        else {
            surroundings_free(surroundings);
            snprintf(result->message, sizeof result->message, "no memory for the rules");
            log_line(LOG_LEVEL_ERROR, "%s", result->message);
        }
    }
    load_fini(&loaded);
}

struct policy *reload_again(struct policy *before, const struct policy *current)
{
    struct surroundings *surroundings = surroundings_now(before->ruleset);
    struct policy *again = surroundings != NULL ? policy_with(before, surroundings) : NULL;
    ruleset_revive(before->ruleset, current->ruleset);
    if (again == NULL) {
        surroundings_free(surroundings);
        log_line(LOG_LEVEL_ERROR, "the interfaces could not be read anew; the rules see them as they were");
        return before;
    }
    policy_free(before, again);
    return again;
}
