#include "command/report.h"

#include <stdio.h>

#include "base/text.h"

#define REPORT_BYTES 8192

void report_diagnostics(const struct diagnostics *diagnostics)
{
    char buffer[REPORT_BYTES];
    struct text text;
    for (size_t i = 0; i < diagnostics->count; i++) {
        text_init(&text, buffer, sizeof buffer);
        diagnostic_to_text(&text, &diagnostics->records[i]);
        fputs(buffer, stderr);
    }
    if (diagnostics->left_out > 0)
        fprintf(stderr, "%zu more are left out\n", diagnostics->left_out);
}
