#include "ctl/figures.h"

#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/field.h"

static void show_figures(void *context, const json_t *answer)
{
    (void)context;
    fputs(text_of(answer, "text"), stdout);
}

int figures_run(const struct given *given)
{
    static const struct ask_shows shows = {.last = show_figures};
    int count = given->count;
    if (count > 1 || (count == 1 && strcmp(given->words[0], "openmetrics") != 0))
        return usage_error("'metrics' takes nothing, or the word 'openmetrics'");
    return ask(given, json_pack("{s:s, s:b}", "command", "metrics", "openmetrics", count), NULL, &shows);
}
