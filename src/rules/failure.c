#include "rules/failure.h"

#include <string.h>

#include "base/text.h"

static const struct {
    const char *name, *when;
} failures[FAILURE_COUNT] = {
    [FAILURE_DAEMON_DOWN] = {"daemon-down", "no daemon runs"},
    [FAILURE_OVERLOAD] = {"overload", "a queue is full"},
    [FAILURE_INSPECT_ERROR] = {"inspect-error", "an alg cannot go on"},
    [FAILURE_TABLE_FULL] = {"table-full", "the table is full"},
    [FAILURE_LOG] = {"log-full", "a log cannot be written"},
    [FAILURE_REFUSED_RELOAD] = {"refused-reload", "a reload is refused"},
    [FAILURE_REFUSED_START] = {"refused-start", "a start is refused"},
    [FAILURE_REMOVED] = {"removed", "SIGINT, stop --open"},
};

const char *failure_name(unsigned failure)
{
    return failures[failure].name;
}

const char *failure_when(unsigned failure)
{
    return failures[failure].when;
}

enum failure_setting failure_named(const char *name)
{
    unsigned setting = 0;
    while (setting < FAILURE_SETTINGS && strcmp(failures[setting].name, name) != 0)
        setting++;
    return setting;
}

/* Whether the kernel has one is another matter. */
static bool may_have_fastpath(const struct ruleset *ruleset)
{
    return ruleset->fastpath != FASTPATH_OFF && ruleset->hooks & CHAIN_BIT(CHAIN_FORWARD);
}

enum on failure_choice(const struct ruleset *ruleset, enum failure_setting setting)
{
    if (ruleset->on[setting] != ON_DEFAULT)
        return ruleset->on[setting];
    return setting == FAILURE_DAEMON_DOWN && may_have_fastpath(ruleset) ? ON_EXISTING : ON_DROP;
}

const char *failure_choice_name(enum on on)
{
    static const char *const names[] = {"", [ON_DROP] = "drop", [ON_ACCEPT] = "accept", [ON_EXISTING] = "existing"};
    return names[on];
}

static void add_daemon_down(struct text *text, const struct ruleset *ruleset, enum failure_fastpath fastpath)
{
    enum on on = failure_choice(ruleset, FAILURE_DAEMON_DOWN);
    if (on == ON_ACCEPT)
        text_add(text, "everything passes unjudged");
    else if (on == ON_DROP || fastpath == FASTPATH_IS_NOT)
        text_add(text, "nothing passes");
    else
        text_add(text, "connections of the fast path go on, nothing else passes%s",
                 fastpath == FASTPATH_UNKNOWN ? "; where the kernel has none, nothing" : "");
}

/* What the fast path passes meets no queue. */
static void add_overload(struct text *text, const struct ruleset *ruleset, enum failure_fastpath fastpath)
{
    bool accept = failure_choice(ruleset, FAILURE_OVERLOAD) == ON_ACCEPT;
    text_add(text, "what finds it full %s%s", accept ? "passes unjudged" : "is dropped",
             fastpath == FASTPATH_IS_NOT ? "" : "; connections of the fast path need no queue");
}

static void add_table_full(struct text *text, const struct ruleset *ruleset)
{
    text_add(text, "half-open and unanswered connections give way, then new ones are denied");
    if (ruleset->reserve_percent > 0)
        text_add(text, "; %u%% is for rules with priority", ruleset->reserve_percent);
}

void failure_to_text(struct text *text, unsigned failure, const struct ruleset *ruleset, enum failure_fastpath fastpath)
{
    if (!may_have_fastpath(ruleset))
        fastpath = FASTPATH_IS_NOT;
    switch (failure) {
    case FAILURE_DAEMON_DOWN:
        add_daemon_down(text, ruleset, fastpath);
        break;
    case FAILURE_OVERLOAD:
        add_overload(text, ruleset, fastpath);
        break;
    case FAILURE_INSPECT_ERROR:
        text_add(text, failure_choice(ruleset, FAILURE_INSPECT_ERROR) == ON_ACCEPT
                           ? "its connection goes on unheard, and opens nothing more"
                           : "its connection's packets are denied");
        break;
    case FAILURE_TABLE_FULL:
        add_table_full(text, ruleset);
        break;
    case FAILURE_LOG:
        text_add(text, "packets are judged as before, lines are lost");
        break;
    case FAILURE_REFUSED_RELOAD:
        text_add(text, "the rules before stay in force");
        break;
    case FAILURE_REFUSED_START:
        text_add(text, "what the daemon before has installed stays: as when no daemon runs");
        break;
    case FAILURE_REMOVED:
        text_add(text, "the hook is removed, everything passes unjudged");
        break;
    default:
        break;
    }
}
