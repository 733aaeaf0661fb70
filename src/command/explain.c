#include "command/explain.h"

#include <stdio.h>
#include <stdlib.h>

#include "command/report.h"
#include "control/explain.h"
#include "control/explain_text.h"
#include "load/civil.h"
#include "load/load.h"
#include "parser/parser.h"
#include "rules/moving.h"
#include "rules/surroundings.h"

int command_explain(const struct explain_options *options)
{
    struct loaded loaded;
    struct rangeset self = {0, NULL};
    struct ruleset_test packet;
    bool ok = load_rules(&loaded, options->config, &self) &&
              parser_query(options->packet, loaded.ruleset, NULL, &packet, &loaded.diagnostics);
    if (!ok) {
        report_diagnostics(&loaded.diagnostics);
    } else {
        struct civil now = civil_at(time(NULL));
        struct surroundings *surroundings = surroundings_offline(NULL, 0);
        if (surroundings == NULL)
            abort();
        if (packet.at_given)
            now = (struct civil){packet.at.day != 0 ? packet.at.day : now.day, packet.at.second_of_week};
        moving_assume(loaded.ruleset);
        surroundings->schedules = ruleset_schedules_at(loaded.ruleset, now);
        json_t *answer = explain_answer(loaded.ruleset, surroundings, &packet.query, NULL);
        if (options->json) {
            json_dumpf(answer, stdout, JSON_COMPACT);
            putchar('\n');
        } else {
            explain_print(answer);
        }
        json_decref(answer);
        surroundings_free(surroundings);
    }
    load_fini(&loaded);
    return ok ? 0 : 1;
}
