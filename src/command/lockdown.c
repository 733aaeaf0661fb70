#include "command/lockdown.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/hook.h"
#include "packet/verdict.h"
#include "parser/parser.h"
#include "rules/ruleset.h"

#define ERROR_BYTES 600

/*
 * The chains of the rules file. Where it is refused the daemon will not start, and who is to mend it may have to come over the
 * network: what is forwarded is closed, the machine itself stays in reach.
 */
static uint8_t chains_of(const char *config)
{
    struct diagnostics diagnostics;
    if (!diagnostics_init(&diagnostics))
        abort(); /* as an arena does */
    struct ruleset *ruleset = parser_read(config, &file_access_system, &diagnostics);
    uint8_t chains = ruleset != NULL ? ruleset->hooks : CHAIN_BIT(CHAIN_FORWARD);
    if (ruleset == NULL)
        fprintf(stderr, "spid: %s is refused (spid --check says why): only what is forwarded is closed\n", config);
    ruleset_free(ruleset);
    diagnostics_fini(&diagnostics);
    return chains;
}

int command_lockdown(const struct lockdown_options *options)
{
    char error[ERROR_BYTES];
    unsigned missing;
    const struct hook_wish *wish = &options->wish;
    const struct hook hook = {.chains = hook_whole(wish->chains_given ? wish->chains : chains_of(options->config)), .closed = true};
    if (hook.chains == 0) {
        puts("spid: nothing is hooked, so there is nothing to close");
        return 0;
    }
    if (hook_queues()) {
        puts("spid: the hook of a daemon is there already; nothing passes without it but what `on daemon-down` says");
        return 0;
    }
    if (hook_install(&hook, &missing, error, sizeof error) == 0)
        return 0;
    fprintf(stderr, "spid: cannot close the hook: %s\n", error);
    return 1;
}
