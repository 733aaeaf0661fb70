#include "control/accept.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define OPENMETRICS "application/openmetrics-text"

static const char blanks[] = " \t";

/* Do the LENGTH bytes at TEXT say WORD? */
static bool says(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && strncasecmp(text, word, length) == 0;
}

/* The thousandths of a weight: "0.35" is 350. What is none counts as 1, as if it were not there. */
static unsigned thousandths(const char *text, size_t length)
{
    unsigned value = 0, scale = 1000;
    if (length == 0 || (text[0] != '0' && text[0] != '1') || (length > 1 && text[1] != '.') || length > 5)
        return 1000;
    for (size_t i = 0; i < length; i++) {
        if (i == 1)
            continue;
        if (text[i] < '0' || text[i] > '9')
            return 1000;
        value += (unsigned)(text[i] - '0') * scale;
        scale /= 10;
    }
    return value > 1000 ? 1000 : value;
}

struct range {
    const char *type; /* borrowed */
    size_t type_length;
    unsigned weight;
    bool other_version; /* of OpenMetrics: one that we do not write */
};

static void read_parameter(struct range *range, const char *text, size_t length)
{
    const char *equals = memchr(text, '=', length);
    if (equals == NULL)
        return;
    size_t key = (size_t)(equals - text), value = length - key - 1;
    const char *word = equals + 1;
    if (value >= 2 && word[0] == '"' && word[value - 1] == '"')
        word++, value -= 2;
    if (says(text, key, "q"))
        range->weight = thousandths(word, value);
    else if (says(text, key, "version"))
        range->other_version = !says(word, value, "1.0.0");
}

/* One range of the list, up to END: a type and its parameters. */
static struct range read_range(const char *text, const char *end)
{
    struct range range = {NULL, 0, 1000, false};
    for (bool first = true; text <= end; first = false) {
        const char *semicolon = memchr(text, ';', (size_t)(end - text)), *stop = semicolon != NULL ? semicolon : end;
        const char *next = stop + 1;
        text += strspn(text, blanks);
        text = text < stop ? text : stop;
        while (stop > text && strchr(blanks, stop[-1]) != NULL)
            stop--;
        if (first)
            range.type = text, range.type_length = (size_t)(stop - text);
        else
            read_parameter(&range, text, (size_t)(stop - text));
        text = next;
    }
    return range;
}

enum metrics_format accept_format(const char *accept)
{
    unsigned open = 0, plain = 0;
    for (const char *at = accept; at != NULL && *at != '\0';) {
        const char *end = at + strcspn(at, ",");
        struct range range = read_range(at, end);
        bool is_open = says(range.type, range.type_length, OPENMETRICS);
        if (is_open && !range.other_version && range.weight > open)
            open = range.weight;
        if (says(range.type, range.type_length, "text/plain") && range.weight > plain)
            plain = range.weight;
        at = *end == ',' ? end + 1 : end;
    }
    return open > 0 && open >= plain ? METRICS_OPENMETRICS : METRICS_PROMETHEUS;
}

const char *accept_type(enum metrics_format format)
{
    return format == METRICS_OPENMETRICS ? OPENMETRICS "; version=1.0.0; charset=utf-8"
                                         : "text/plain; version=0.0.4; charset=utf-8";
}
