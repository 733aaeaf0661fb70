#include "ctl/top_view.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ctl/columns.h"
#include "ctl/field.h"
#include "ctl/states.h"

/* The last column has what the others leave; those that would leave less than this are not shown. */
#define CONNECTION_PLACES_MIN 32u

static const struct {
    const char *title;
    unsigned places;
} columns[SORT_COUNT] = {{"rate", 7}, {"bytes", 7}, {"packets", 7}, {"age", 6}, {"rule", 14}};

const char *top_sort_name(enum top_sort sort)
{
    return columns[sort].title;
}

/* ---- words ---- */

void top_view_cut(char *text, unsigned places)
{
    unsigned at = 0;
    char *last = text;
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
        if (((unsigned char)*c & 0xc0) == 0x80)
            continue;
        if (at++ == places) {
            snprintf(last, 2, "%s", places > 0 ? "~" : "");
            return;
        }
        last = c;
    }
}

/* 999, 1.2k, 34k, 5.6M: five places. */
static const char *amount(char text[16], double number)
{
    static const char units[] = " kMGTPE";
    unsigned unit = 0;
    for (; number >= 999.5 && unit < sizeof units - 2; unit++)
        number /= 1000;
    if (unit == 0)
        snprintf(text, 16, "%.0f", number);
    else
        snprintf(text, 16, number < 9.95 ? "%.1f%c" : "%.0f%c", number, units[unit]);
    return text;
}

#define DURATION_BYTES 48

/* 45s, 12m03, 3h05, 2d04: of a year, too, six places. */
static const char *duration(char text[DURATION_BYTES], long long seconds)
{
    if (seconds < 60)
        snprintf(text, DURATION_BYTES, "%llds", seconds);
    else if (seconds < 3600)
        snprintf(text, DURATION_BYTES, "%lldm%02lld", seconds / 60, seconds % 60);
    else if (seconds < 86400)
        snprintf(text, DURATION_BYTES, "%lldh%02lld", seconds / 3600, seconds / 60 % 60);
    else
        snprintf(text, DURATION_BYTES, "%lldd%02lld", seconds / 86400, seconds / 3600 % 24);
    return text;
}

/* ---- the head ---- */

struct head {
    char (*lines)[TOP_LINE_BYTES];
    unsigned width, most, count;
};

/* Words that stay together, on the line where they fit. */
static void __attribute__((format(printf, 2, 3))) add_item(struct head *head, const char *format, ...)
{
    char item[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(item, sizeof item, format, arguments);
    va_end(arguments);
    top_view_cut(item, head->width);
    char *line = head->count > 0 ? head->lines[head->count - 1] : NULL;
    if (line == NULL || columns_places(line) + 3 + columns_places(item) > head->width) {
        if (head->count == head->most)
            return;
        snprintf(head->lines[head->count++], TOP_LINE_BYTES, "%s", item);
        return;
    }
    size_t used = strlen(line);
    snprintf(line + used, TOP_LINE_BYTES - used, "   %s", item);
}

static double sum_of(const json_t *status, const char *key)
{
    double sum = 0;
    size_t index;
    const json_t *queue;
    json_array_foreach(json_object_get(status, "queues"), index, queue)
        sum += json_number_value(json_object_get(queue, key));
    return sum;
}

static double lost(const json_t *status)
{
    return sum_of(status, "kernel_queue_dropped") + sum_of(status, "kernel_user_dropped") + sum_of(status, "lost");
}

static double in(const json_t *status, const char *object, const char *key)
{
    return json_number_value(json_object_get(json_object_get(status, object), key));
}

/* How much more of it there is NOW, a second; "-": nobody knows yet. */
static const char *a_second(char text[16], const json_t *before, const json_t *now, double then, double present)
{
    double seconds = json_number_value(json_object_get(now, "uptime")) - json_number_value(json_object_get(before, "uptime"));
    if (before == NULL || seconds <= 0)
        return "-";
    return amount(text, present > then ? (present - then) / seconds : 0);
}

static void add_fastpath(struct head *head, const json_t *before, const json_t *now)
{
    double share = 0, all = 0;
    static const char *const actions[] = {"allow", "deny", "reject"};
    if (!json_is_true(json_object_get(json_object_get(now, "fastpath"), "on"))) {
        add_item(head, "fast path off");
        return;
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        all += in(now, "verdicts", actions[i]) - in(before, "verdicts", actions[i]);
    if (before != NULL && all > 0)
        share = 100 * (in(now, "fastpath", "packets") - in(before, "fastpath", "packets")) / all;
    add_item(head, "fast path %.0f %%", share < 0 ? 0 : share > 100 ? 100 : share);
}

unsigned top_view_head(const json_t *before, const json_t *now, unsigned width, char lines[][TOP_LINE_BYTES], unsigned most)
{
    struct head head = {lines, width, most, 0};
    const json_t *then = json_object_get(before, "status"), *status = json_object_get(now, "status");
    static const char *const actions[] = {"allow", "deny", "reject"};
    char text[DURATION_BYTES], more[16];
    double used = in(status, "table", "connections"), limit = in(status, "table", "limit");
    add_item(&head, "up %s", duration(text, number_of(status, "uptime")));
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        add_item(&head, "%s %s/s", actions[i],
                 a_second(text, then, status, in(then, "verdicts", actions[i]), in(status, "verdicts", actions[i])));
    add_fastpath(&head, then, status);
    add_item(&head, "table %.0f of %.0f (%.0f %%)", used, limit, limit > 0 ? 100 * used / limit : 0);
    add_item(&head, "waiting %.0f", sum_of(status, "waiting"));
    add_item(&head, "lost %s (+%s/s)", amount(text, lost(status)), a_second(more, then, status, lost(then), lost(status)));
    if (json_is_object(json_object_get(status, "trial")))
        add_item(&head, "on trial %.0f s", in(status, "trial", "left"));
    if (json_is_true(json_object_get(status, "rolled_back")))
        add_item(&head, "rolled back");
    return head.count;
}

/* ---- connections ---- */

/* Which columns there are beside the connection: the one that is sorted by, and what fits. Returns the places of the last one. */
static unsigned choose(unsigned width, enum top_sort sort, unsigned places[SORT_COUNT])
{
    static const enum top_sort order[] = {SORT_RATE, SORT_BYTES, SORT_AGE, SORT_RULE, SORT_PACKETS};
    unsigned left = width > columns[sort].places + 1 ? width - columns[sort].places - 1 : 0;
    memset(places, 0, SORT_COUNT * sizeof places[0]);
    places[sort] = columns[sort].places;
    for (size_t i = 0; i < SORT_COUNT; i++)
        if (order[i] != sort && left >= columns[order[i]].places + 1 + CONNECTION_PLACES_MIN) {
            places[order[i]] = columns[order[i]].places;
            left -= columns[order[i]].places + 1;
        }
    /* A wide terminal has room for rules of long names. */
    for (; places[SORT_RULE] > 0 && places[SORT_RULE] < 30 && left > 64; left--)
        places[SORT_RULE]++;
    return left;
}

static void add_cell(char *line, const char *text, unsigned places, bool right)
{
    char cell[TOP_LINE_BYTES];
    size_t used = strlen(line);
    snprintf(cell, sizeof cell, "%s", text);
    top_view_cut(cell, places);
    int room = (int)(places - columns_places(cell));
    snprintf(line + used, TOP_LINE_BYTES - used, "%*s%s%*s ", right ? room : 0, "", cell, right ? 0 : room, "");
}

static void add_last(char *line, const char *text, unsigned places)
{
    size_t used = strlen(line);
    snprintf(line + used, TOP_LINE_BYTES - used, "%s", text);
    top_view_cut(line + used, places);
}

void top_view_titles(char line[TOP_LINE_BYTES], unsigned width, enum top_sort sort)
{
    unsigned places[SORT_COUNT], left = choose(width, sort, places);
    line[0] = '\0';
    for (unsigned i = 0; i < SORT_COUNT; i++) {
        char title[16];
        snprintf(title, sizeof title, "%s", columns[i].title);
        for (char *c = title; i == sort && *c != '\0'; c++)
            *c = (char)toupper((unsigned char)*c);
        if (places[i] > 0)
            add_cell(line, title, places[i], i != SORT_RULE);
    }
    add_last(line, "connection", left);
}

static double both(const json_t *connection, const char *key)
{
    const json_t *ways = json_object_get(connection, key);
    return json_number_value(json_array_get(ways, 0)) + json_number_value(json_array_get(ways, 1));
}

/* The file's name without its folders: the line is what is looked for. */
static const char *short_rule(const json_t *connection)
{
    const char *rule = json_string_value(json_object_get(connection, "rule"));
    const char *slash = rule != NULL ? strrchr(rule, '/') : NULL;
    return rule == NULL ? "default" : slash != NULL ? slash + 1 : rule;
}

static void ends(char *text, size_t size, const json_t *connection)
{
    const char *src = text_of(connection, "src"), *dst = text_of(connection, "dst");
    const char *open = strchr(src, ':') != NULL ? "[" : "", *close = *open != '\0' ? "]" : "";
    if (states_has_ports(connection))
        snprintf(text, size, "%s %s%s%s:%lld > %s%s%s:%lld", states_protocol(connection), open, src, close,
                 number_of(connection, "sport"), open, dst, close, number_of(connection, "dport"));
    else
        snprintf(text, size, "%s %s > %s", states_protocol(connection), src, dst);
}

void top_view_row(char line[TOP_LINE_BYTES], unsigned width, enum top_sort sort, const json_t *connection)
{
    unsigned places[SORT_COUNT], left = choose(width, sort, places);
    char text[DURATION_BYTES], between[200];
    line[0] = '\0';
    if (places[SORT_RATE] > 0)
        add_cell(line, amount(text, json_number_value(json_object_get(connection, "rate"))), places[SORT_RATE], true);
    if (places[SORT_BYTES] > 0)
        add_cell(line, amount(text, both(connection, "bytes")), places[SORT_BYTES], true);
    if (places[SORT_PACKETS] > 0)
        add_cell(line, amount(text, both(connection, "packets")), places[SORT_PACKETS], true);
    if (places[SORT_AGE] > 0)
        add_cell(line, duration(text, number_of(connection, "age")), places[SORT_AGE], true);
    if (places[SORT_RULE] > 0)
        add_cell(line, short_rule(connection), places[SORT_RULE], false);
    ends(between, sizeof between, connection);
    add_last(line, between, left);
}
