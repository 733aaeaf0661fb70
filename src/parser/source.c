#include "parser/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "rules/ruleset.h"

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

/* The text of LINE, which ends with its line; cut, and without the end. */
static size_t shown_length(const char *line)
{
    size_t length = strcspn(line, "\r\n");
    while (length > SHOWN_LINE_BYTES || (length == SHOWN_LINE_BYTES && ((unsigned char)line[length] & 0xc0) == 0x80))
        length = length > SHOWN_LINE_BYTES ? SHOWN_LINE_BYTES : length - 1;
    return length;
}

struct location location_span(struct location first, struct location last)
{
    if (first.source != last.source || last.line < first.line || (last.line == first.line && last.column < first.column))
        return first;
    if (first.line == last.line) {
        first.width = last.column + last.width - first.column;
    } else if (first.line_text != NULL) {
        size_t length = shown_length(first.line_text);
        unsigned characters = characters_in(first.line_text, length);
        first.width = characters >= first.column ? characters - first.column + 1 : 1;
    }
    first.end_line = last.end_line != 0 ? last.end_line : last.line;
    first.end_column = last.end_line != 0 ? last.end_column : last.column + last.width;
    return first;
}

struct quote location_quote(struct arena *arena, struct location location)
{
    const char *path = location.source->path, *chain = location.source->included_from;
    return (struct quote){
        .file = arena_text(arena, path, strlen(path)),
        .line = location.line,
        .column = location.column,
        .width = location.width > 0 ? location.width : 1,
        .end_line = location.end_line != 0 ? location.end_line : location.line,
        .end_column = location.end_line != 0 ? location.end_column : location.column + location.width,
        .text = location.line_text != NULL ? arena_text(arena, location.line_text, shown_length(location.line_text)) : NULL,
        .included_from = chain != NULL ? arena_text(arena, chain, strlen(chain)) : NULL,
    };
}

struct diagnostic quote_record(const struct quote *quote, enum severity severity, enum diagnostic_code code)
{
    return (struct diagnostic){
        .severity = severity,
        .code = code,
        .file = quote->file,
        .line = quote->line,
        .column = quote->column,
        .width = quote->width,
        .end_line = quote->end_line,
        .end_column = quote->end_column,
        .source = quote->text,
        .included_from = quote->included_from,
    };
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
        size_t length = shown_length(location.line_text);
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
        .end_line = location.end_line != 0 ? location.end_line : location.line,
        .end_column = location.end_line != 0 ? location.end_column : location.column + location.width,
        .source = location.line_text != NULL ? line : NULL,
        .included_from = location.source->included_from,
    };
    diagnostics_add(diagnostics, &record, "%s", message);
}
