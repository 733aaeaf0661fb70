#include "parser/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A message is cut at this length: names in it come from the file and can be as long as the file. */
#define MESSAGE_BYTES 1024

/* Of a longer line only the beginning is shown. */
#define SHOWN_LINE_BYTES 400

unsigned characters_in(const char *text, size_t length)
{
    unsigned count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

struct location location_span(struct location first, struct location last)
{
    if (first.source == last.source && first.line == last.line && last.column >= first.column)
        first.width = last.column + last.width - first.column;
    return first;
}

void location_report(struct diagnostics *diagnostics, struct location location, enum severity severity,
                     enum diagnostic_code code, const char *format, ...)
{
    char message[MESSAGE_BYTES], line[SHOWN_LINE_BYTES + 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    line[0] = '\0';
    if (location.line_text != NULL) {
        size_t length = strcspn(location.line_text, "\r\n");
        if (length > SHOWN_LINE_BYTES)
            length = SHOWN_LINE_BYTES;
        memcpy(line, location.line_text, length);
        line[length] = '\0';
    }
    struct diagnostic record = {
        .severity = severity,
        .code = code,
        .file = location.source->path,
        .line = location.line,
        .column = location.column,
        .width = location.width > 0 ? location.width : 1,
        .source = location.line_text != NULL ? line : NULL,
        .included_from = location.source->included_from,
    };
    diagnostics_add(diagnostics, &record, "%s", message);
}
