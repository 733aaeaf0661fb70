/* The lines of `spid --preflight`: what was looked at, what came of it, and the mend. Printed as they come, or as one object. */
#ifndef COMMAND_CHECKLIST_H
#define COMMAND_CHECKLIST_H

#include <jansson.h>
#include <stdbool.h>

enum check_result {
    CHECK_OK,
    CHECK_WARN, /* it would run, with less; or it cannot be told */
    CHECK_FAIL  /* it would not run */
};

struct checklist {
    bool json;
    json_t *lines; /* with json */
    unsigned counts[CHECK_FAIL + 1];
};

void checklist_begin(struct checklist *list, bool json);

/* One line about WHAT, a word. MEND is what to do about it; NULL: nothing. */
void checklist_add(struct checklist *list, enum check_result result, const char *what, const char *mend, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The sum. Returns whether spid would run: nothing has failed. */
bool checklist_end(struct checklist *list);

#endif
