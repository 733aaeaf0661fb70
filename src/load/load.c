#include "load/load.h"

#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "engine/selftest.h"
#include "load/advise.h"
#include "load/civil.h"
#include "parser/parser.h"
#include "parser/source.h"
#include "rules/moving.h"
#include "rules/surroundings.h"

#define EXPLANATION_BYTES 512

static void run_test(struct loaded *loaded, const struct surroundings *surroundings, const struct ruleset_test *test)
{
    char buffer[EXPLANATION_BYTES];
    struct text explanation;
    text_init(&explanation, buffer, sizeof buffer);
    if (selftest_run(loaded->ruleset, surroundings, test, &explanation)) {
        loaded->tests_passed++;
        return;
    }
    struct diagnostic record = quote_record(test->quote, SEVERITY_ERROR, CODE_TEST);
    loaded->tests_failed++;
    diagnostics_add(&loaded->diagnostics, &record, "test \"%s\" fails: %s", test->name, buffer);
}

bool load_rules(struct loaded *loaded, const char *path, const struct rangeset *self)
{
    return load_rules_by(loaded, path, self, &file_access_system);
}

bool load_rules_by(struct loaded *loaded, const char *path, const struct rangeset *self, const struct file_access *access)
{
    *loaded = (struct loaded){.ruleset = NULL};
    if (!diagnostics_init(&loaded->diagnostics))
        abort(); /* as an arena does */
    loaded->ruleset = parser_read(path, access, &loaded->diagnostics);
    if (loaded->ruleset == NULL)
        return false;
    struct surroundings *surroundings = surroundings_offline(self->ranges, self->count);
    if (surroundings == NULL)
        abort();
    /* The tests answer the same everywhere: a zone's prefixes are those of its `net`. */
    moving_assume(loaded->ruleset);
    for (size_t i = 0; i < loaded->ruleset->test_count; i++)
        run_test(loaded, surroundings, &loaded->ruleset->tests[i]);
    moving_follow(loaded->ruleset, NULL, 0, 0);
    surroundings_free(surroundings);
    advise_protection(&loaded->diagnostics, loaded->ruleset, civil_at(time(NULL)).day);
    diagnostics_sort(&loaded->diagnostics);
    if (loaded->diagnostics.errors == 0)
        return true;
    ruleset_free(loaded->ruleset);
    loaded->ruleset = NULL;
    return false;
}

void load_fini(struct loaded *loaded)
{
    ruleset_free(loaded->ruleset);
    diagnostics_fini(&loaded->diagnostics);
    *loaded = (struct loaded){.ruleset = NULL};
}
