#include "parser/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer words are no misspelt ones: nothing is suggested for them. */
#define SUGGESTION_BYTES_MAX 40

/* Reads digits at *AT into *NUMBER and steps behind them; false without a digit, or above a 32-bit number. */
static bool take_number(const char **at, uint32_t *number)
{
    uint64_t value = 0;
    const char *c = *at;
    if (*c < '0' || *c > '9')
        return false;
    for (; *c >= '0' && *c <= '9'; c++) {
        value = value * 10 + (uint64_t)(*c - '0');
        if (value > UINT32_MAX)
            return false;
    }
    *number = (uint32_t)value;
    *at = c;
    return true;
}

bool word_is_number(const char *text, uint32_t *number)
{
    return take_number(&text, number) && *text == '\0';
}

bool word_is_number_range(const char *text, uint32_t *first, uint32_t *last)
{
    return take_number(&text, first) && *text++ == '-' && take_number(&text, last) && *text == '\0';
}

bool word_is_percent(const char *text, uint32_t *percent)
{
    return take_number(&text, percent) && *text++ == '%' && *text == '\0';
}

/* The milliseconds of a unit of time; 0 when it is none. */
static uint64_t unit_ms(const char *unit)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0)
            return units[i].ms;
    return 0;
}

bool word_is_duration(const char *text, uint64_t *ms)
{
    uint32_t number;
    if (!take_number(&text, &number))
        return false;
    *ms = number * unit_ms(text);
    return unit_ms(text) != 0;
}

bool word_is_rate(const char *text, struct rate *rate)
{
    uint32_t times = 1;
    if (!take_number(&text, &rate->count) || *text++ != '/')
        return false;
    if (*text >= '0' && *text <= '9' && !take_number(&text, &times))
        return false;
    uint64_t ms = times * unit_ms(text);
    rate->interval_ms = (uint32_t)ms;
    return rate->count > 0 && ms > 0 && ms <= TIMEOUT_LARGEST_MS;
}

bool word_is_address_range(const char *text, struct address_range *range)
{
    char first[64];
    const char *dash = strchr(text, '-');
    if (dash == NULL) {
        if (!address_from_text(text, &range->first))
            return false;
        range->last = range->first;
        return true;
    }
    size_t length = (size_t)(dash - text);
    if (length >= sizeof first)
        return false;
    memcpy(first, text, length);
    first[length] = '\0';
    return address_from_text(first, &range->first) && address_from_text(dash + 1, &range->last);
}

/* Two digits below LIMIT at *AT. */
static bool take_two_digits(const char **at, uint32_t limit, uint32_t *number)
{
    const char *begin = *at;
    return take_number(at, number) && *at - begin == 2 && *number < limit;
}

/* HH:MM, or HH:MM:SS; 24:00 is the end of a day. */
static bool take_time(const char **at, uint32_t *second)
{
    uint32_t hour, minute, rest = 0;
    if (!take_two_digits(at, 25, &hour) || *(*at)++ != ':' || !take_two_digits(at, 60, &minute))
        return false;
    if (**at == ':' && ((*at)++, !take_two_digits(at, 60, &rest)))
        return false;
    *second = hour * 3600 + minute * 60 + rest;
    return *second <= 86400;
}

bool word_is_time(const char *text, uint32_t *second)
{
    return take_time(&text, second) && *text == '\0' && *second < 86400;
}

bool word_is_times(const char *text, uint32_t *first, uint32_t *last)
{
    return take_time(&text, first) && *text++ == '-' && take_time(&text, last) && *text == '\0';
}

/* Days since 1970-01-01 of a date in the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms"). */
static int32_t day_of(uint32_t year, uint32_t month, uint32_t day)
{
    uint32_t y = year - (month <= 2), era = y / 400, of_era = y % 400;
    uint32_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return (int32_t)(era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

/* YYYY-MM-DD, of the calendar or not. */
static bool take_date(const char *at, uint32_t *year, uint32_t *month, uint32_t *day)
{
    const char *begin = at;
    return take_number(&at, year) && at - begin == 4 && *at++ == '-' && take_two_digits(&at, 100, month) && *at++ == '-' &&
           take_two_digits(&at, 100, day) && *at == '\0';
}

bool word_looks_like_date(const char *text)
{
    uint32_t year, month, day;
    return take_date(text, &year, &month, &day);
}

bool word_is_date(const char *text, int32_t *number)
{
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t year, month, day;
    if (!take_date(text, &year, &month, &day) || month == 0 || month > 12 || day == 0 || day > days[month - 1] || year < 1970)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    *number = day_of(year, month, day);
    return leap || month != 2 || day != 29;
}

/* A number as C writes it: 16, 0x10. */
static bool take_c_number(const char **at, uint32_t *number)
{
    if ((*at)[0] != '0' || (*at)[1] != 'x')
        return take_number(at, number);
    char *end;
    const char *digits = *at + 2;
    unsigned long value = strtoul(digits, &end, 16);
    if (end == digits || end - digits > 8)
        return false;
    *number = (uint32_t)value;
    *at = end;
    return true;
}

bool word_is_mark(const char *text, uint32_t *value, uint32_t *mask)
{
    *mask = UINT32_MAX;
    if (!take_c_number(&text, value))
        return false;
    if (*text == '/')
        return text++, take_c_number(&text, mask) && *text == '\0';
    return *text == '\0';
}

bool word_is_days(const char *text, unsigned *first, unsigned *last)
{
    static const char names[7][4] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    *first = *last = 7;
    for (unsigned i = 0; i < 7; i++) {
        if (strncmp(text, names[i], 3) == 0)
            *first = i;
        if (strlen(text) == 7 && text[3] == '-' && strcmp(text + 4, names[i]) == 0)
            *last = i;
    }
    if (strlen(text) == 3)
        *last = *first;
    return *first < 7 && *last < 7;
}

bool word_is_flags(const char *text)
{
    const char *slash = strchr(text, '/');
    if (slash == NULL || slash == text || slash[1] == '\0')
        return false;
    for (; *text != '\0'; text++)
        if ((*text < 'a' || *text > 'z') && text != slash)
            return false;
    return true;
}

bool word_is_prefix(const char *text, struct address *base, unsigned *bits)
{
    char first[64];
    const char *slash = strchr(text, '/');
    uint32_t number;
    if (slash == NULL || (size_t)(slash - text) >= sizeof first)
        return false;
    memcpy(first, text, (size_t)(slash - text));
    first[slash - text] = '\0';
    if (!address_from_text(first, base) || !word_is_number(slash + 1, &number))
        return false;
    *bits = number;
    return true;
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool word_is_name(const char *text)
{
    if ((*text >= '0' && *text <= '9') || *text == '-')
        return false;
    const char *c = text;
    while (is_name_character(*c))
        c++;
    return c != text && *c == '\0';
}

bool word_is_interface(const char *text)
{
    if ((*text >= '0' && *text <= '9') || *text == '-')
        return false;
    const char *c = text;
    while (is_name_character(*c) || (*c == '.' && c != text))
        c++;
    if (*c == '+')
        c++;
    return c != text && *c == '\0';
}

/* Edit distance with neighbours swapped counting once (Damerau's restricted form). */
static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][SUGGESTION_BYTES_MAX + 1];
    size_t length_a = strlen(a), length_b = strlen(b);
    for (unsigned j = 0; j <= length_b; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= length_a; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (unsigned j = 1; j <= length_b; j++) {
            unsigned best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && above2[j - 2] + 1 < best)
                best = above2[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[length_a % 3][length_b];
}

struct suggestion suggestion_for(const char *wanted)
{
    return (struct suggestion){.wanted = wanted, .best = NULL, .distance = 0};
}

void suggestion_offer(struct suggestion *suggestion, const char *candidate)
{
    size_t wanted = strlen(suggestion->wanted), length = strlen(candidate);
    if (wanted > SUGGESTION_BYTES_MAX || length > SUGGESTION_BYTES_MAX)
        return;
    unsigned far = distance(suggestion->wanted, candidate);
    /* One letter in three may be wrong; more is another word. */
    if (far > (wanted < 3 ? 1 : (wanted + 2) / 3) || far >= wanted)
        return;
    if (suggestion->best == NULL || far < suggestion->distance) {
        suggestion->best = candidate;
        suggestion->distance = far;
    }
}
