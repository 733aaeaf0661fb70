#include "command/checklist.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXT_BYTES 1500

static const char *const result_names[] = {"ok", "warn", "fail"};

void checklist_begin(struct checklist *list, bool json)
{
    *list = (struct checklist){.json = json, .lines = json ? json_array() : NULL};
}

void checklist_add(struct checklist *list, enum check_result result, const char *what, const char *mend, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    list->counts[result]++;
    if (list->json)
        json_array_append_new(list->lines, json_pack("{s:s, s:s, s:s, s:s?}", "check", what, "result", result_names[result], "text",
                                                     text, "mend", mend));
    else
        printf("%-5s %-12s %s%s%s\n", result_names[result], what, text, mend != NULL ? "; " : "", mend != NULL ? mend : "");
}

bool checklist_end(struct checklist *list)
{
    bool ok = list->counts[CHECK_FAIL] == 0;
    if (list->json) {
        json_t *root = json_pack("{s:b, s:o}", "ok", ok, "checks", list->lines);
        json_dumpf(root, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(root);
    } else {
        printf("spid would %s: %u ok, %u warn, %u fail\n", ok ? "run" : "not run", list->counts[CHECK_OK], list->counts[CHECK_WARN],
               list->counts[CHECK_FAIL]);
    }
    return ok;
}
