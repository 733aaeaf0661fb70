/*
 * When: schedules, days behind `expires`, and the moment of a test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parser/check.h"
#include "parser/words.h"

#define DAY_SECONDS 86400u
#define WEEK_SECONDS (7 * DAY_SECONDS)

struct schedule_definition {
    struct location at;
    uint8_t number; /* index plus one */
};

static int by_first(const void *a, const void *b)
{
    const struct week_span *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* Sorts the spans and joins those that touch. */
static size_t join_spans(struct week_span *spans, size_t count)
{
    size_t last = 0;
    if (count == 0)
        return 0;
    qsort(spans, count, sizeof *spans, by_first);
    for (size_t i = 1; i < count; i++) {
        if (spans[i].first > spans[last].last)
            spans[++last] = spans[i];
        else if (spans[i].last > spans[last].last)
            spans[last].last = spans[i].last;
    }
    return last + 1;
}

/* A new schedule's index plus one; 0, reported, when there are too many. */
static uint8_t add_schedule(struct check *check, struct location at, const struct schedule *schedule)
{
    if (check->schedules == RULESET_SCHEDULES_MAX) {
        CHECK_ERROR(check, at, CODE_RANGE, "there are at most %d schedules, days behind 'expires' included",
                    RULESET_SCHEDULES_MAX);
        return 0;
    }
    check->schedule_list[check->schedules++] = *schedule;
    return (uint8_t)check->schedules;
}

/* Adds one day's span; what runs past midnight goes on the next day. */
static void add_day(struct week_span *spans, size_t *count, unsigned day, uint32_t first, uint32_t last)
{
    uint32_t begin = day * DAY_SECONDS + first, end = day * DAY_SECONDS + last + (last <= first ? DAY_SECONDS : 0);
    spans[(*count)++] = (struct week_span){begin, end < WEEK_SECONDS ? end : WEEK_SECONDS};
    if (end > WEEK_SECONDS)
        spans[(*count)++] = (struct week_span){0, end - WEEK_SECONDS};
}

static void add_item(struct check *check, const struct schedule_node *item, struct week_span *spans, size_t *count)
{
    unsigned first, last;
    if (!word_is_days(item->days.text, &first, &last)) {
        CHECK_ERROR(check, item->days.at, CODE_SYNTAX, "'%s' is no day; days are mon tue wed thu fri sat sun, or a range such as mon-fri",
                    item->days.text);
        return;
    }
    if (item->timed && item->first == item->last) {
        CHECK_ERROR(check, item->at, CODE_RANGE, "the times end when they begin; leave them out for the whole day");
        return;
    }
    for (unsigned day = first;; day = (day + 1) % 7) {
        add_day(spans, count, day, item->timed ? item->first : 0, item->timed ? item->last : DAY_SECONDS);
        if (day == last)
            break;
    }
}

void check_schedule(struct check *check, const struct statement *statement)
{
    const struct word *name = &statement->schedule.name;
    const struct schedule_definition *defined = names_find(&check->schedule_names, name->text);
    size_t items = 0, count = 0;
    if (defined != NULL) {
        CHECK_ERROR(check, name->at, CODE_REDEFINED, "'%s' is defined already, at %s:%u", name->text,
                    defined->at.source->path, defined->at.line);
        return;
    }
    for (const struct schedule_node *item = statement->schedule.items; item != NULL; item = item->next)
        items++;
    struct week_span *spans = arena_take(check->arena, items * 14, sizeof *spans);
    for (const struct schedule_node *item = statement->schedule.items; item != NULL; item = item->next)
        add_item(check, item, spans, &count);
    struct schedule schedule = {check_keep(check, name->text), join_spans(spans, count), spans, INT32_MAX};
    struct schedule_definition *definition = arena_take(check->files->arena, 1, sizeof *definition);
    *definition = (struct schedule_definition){name->at, add_schedule(check, name->at, &schedule)};
    names_add(&check->schedule_names, name->text, definition);
}

/* The schedule of a last day; rules with the same one share it. */
static uint8_t until(struct check *check, struct location at, int32_t day)
{
    struct schedule schedule = {NULL, 0, NULL, day};
    for (size_t i = 0; i < check->schedules; i++)
        if (check->schedule_list[i].name == NULL && check->schedule_list[i].last_day == day)
            return (uint8_t)(i + 1);
    return add_schedule(check, at, &schedule);
}

void check_when(struct check *check, const struct rule_node *node, struct rule *rule)
{
    if (node->when.text != NULL) {
        const struct schedule_definition *definition = names_find(&check->schedule_names, node->when.text);
        if (definition == NULL)
            check_undefined(check, node->when.at, "schedule", node->when.text, &check->schedule_names);
        else
            rule->when = definition->number;
    }
    if (node->expires.word.text != NULL)
        rule->until = until(check, node->expires.word.at, node->expires.day);
}

bool check_at(struct check *check, const struct word *text, struct civil *at)
{
    char day[16], time[16], rest;
    unsigned first, last;
    uint32_t second;
    if (sscanf(text->text, "%15s %15s %c", day, time, &rest) != 2 || !word_is_time(time, &second)) {
        CHECK_ERROR(check, text->at, CODE_SYNTAX, "'%s' is no moment; write a day or a date and a time, such as \"mon 12:30\" or \"2026-12-24 12:30\"",
                    text->text);
        return false;
    }
    at->day = 0;
    if (word_is_days(day, &first, &last) && first == last) {
        at->second_of_week = first * DAY_SECONDS + second;
        return true;
    }
    if (word_is_date(day, &at->day)) {
        /* 1970-01-01 was a Thursday. */
        at->second_of_week = (uint32_t)(at->day + 3) % 7 * DAY_SECONDS + second;
        return true;
    }
    CHECK_ERROR(check, text->at, CODE_SYNTAX, "'%s' is neither a day (mon ... sun) nor a date", day);
    return false;
}
