#include "alg/lines.h"

#include <string.h>

size_t lines_first(const uint8_t *bytes, size_t length, struct span *line)
{
    const uint8_t *end = memchr(bytes, '\n', length);
    if (end == NULL)
        return 0;
    line->at = bytes;
    line->length = (size_t)(end - bytes);
    if (line->length > 0 && end[-1] == '\r')
        line->length--;
    return (size_t)(end - bytes) + 1;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* How many bytes of WORD stand at the front of SPAN; all of them, or 0. */
static size_t matched(struct span span, const char *word)
{
    size_t length = strlen(word);
    if (span.length < length)
        return 0;
    for (size_t i = 0; i < length; i++)
        if (lower(span.at[i]) != lower((uint8_t)word[i]))
            return 0;
    return length;
}

bool span_begins(struct span line, const char *word)
{
    size_t length = matched(line, word);
    if (length == 0)
        return false;
    uint8_t next = line.length > length ? line.at[length] : ' ';
    return is_blank(next) || next == ':' || next == '/';
}

bool span_is(struct span span, const char *word)
{
    return span.length == strlen(word) && matched(span, word) == span.length;
}

bool span_equal(struct span a, struct span b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

static void advance(struct span *span, size_t bytes)
{
    span->at += bytes;
    span->length -= bytes;
}

struct span span_trim(struct span span)
{
    while (span.length > 0 && is_blank(span.at[0]))
        advance(&span, 1);
    while (span.length > 0 && is_blank(span.at[span.length - 1]))
        span.length--;
    return span;
}

struct span span_word(struct span *rest)
{
    *rest = span_trim(*rest);
    struct span word = {rest->at, 0};
    while (word.length < rest->length && !is_blank(rest->at[word.length]))
        word.length++;
    advance(rest, word.length);
    *rest = span_trim(*rest);
    return word;
}

struct span span_until(struct span *rest, char separator)
{
    const uint8_t *found = rest->length > 0 ? memchr(rest->at, separator, rest->length) : NULL;
    struct span part = {rest->at, found != NULL ? (size_t)(found - rest->at) : rest->length};
    advance(rest, part.length + (found != NULL));
    return part;
}

bool span_number(struct span *rest, uint32_t most, uint32_t *number)
{
    uint64_t value = 0;
    size_t digits = 0;
    for (; digits < rest->length && rest->at[digits] >= '0' && rest->at[digits] <= '9'; digits++) {
        value = value * 10 + (uint64_t)(rest->at[digits] - '0');
        if (value > most)
            return false;
    }
    advance(rest, digits);
    *number = (uint32_t)value;
    return digits > 0;
}

bool span_take(struct span *rest, char character)
{
    if (rest->length == 0 || rest->at[0] != (uint8_t)character)
        return false;
    advance(rest, 1);
    return true;
}

bool span_address(struct span span, struct address *address)
{
    char text[64];
    if (span.length >= 2 && span.at[0] == '[' && span.at[span.length - 1] == ']')
        span = (struct span){span.at + 1, span.length - 2};
    if (span.length >= sizeof text || span_has_nul(span))
        return false;
    memcpy(text, span.at, span.length);
    text[span.length] = '\0';
    return address_from_text(text, address);
}

bool span_has_nul(struct span span)
{
    return span.length > 0 && memchr(span.at, 0, span.length) != NULL;
}

bool span_has_8bit(struct span span)
{
    for (size_t i = 0; i < span.length; i++)
        if (span.at[i] >= 128)
            return true;
    return false;
}
