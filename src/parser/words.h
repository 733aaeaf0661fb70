/*
 * The words of the rule language: what a run of characters that begins with a digit means, which words are nearest to a
 * misspelt one.
 */
#ifndef PARSER_WORDS_H
#define PARSER_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/address.h"
#include "rules/ruleset.h"

/* Reads a whole TEXT as what its name says; false when it is none, or when a number in it is out of bounds. */
bool word_is_number(const char *text, uint32_t *number);
bool word_is_number_range(const char *text, uint32_t *first, uint32_t *last);
bool word_is_percent(const char *text, uint32_t *percent); /* 60% */
bool word_is_duration(const char *text, uint64_t *ms);   /* 500ms 30s 5m 2h 1d */
bool word_is_rate(const char *text, struct rate *rate);  /* 15/5s 10/s 3/m 1/h */
bool word_is_address_range(const char *text, struct address_range *range); /* one address or two with '-' between */
bool word_is_times(const char *text, uint32_t *first, uint32_t *last); /* 07:00-19:00, in seconds of the day; 24:00 is one */
bool word_is_time(const char *text, uint32_t *second);                 /* 12:30 or 12:30:15 */
bool word_is_date(const char *text, int32_t *day);                     /* 2026-12-31, in days since 1970-01-01 */
bool word_looks_like_date(const char *text);                           /* 2026-02-31: its form alone */
bool word_is_mark(const char *text, uint32_t *value, uint32_t *mask);  /* 0x10, 0x10/0xff; a plain number is a number */
bool word_is_flags(const char *text);                                  /* words with one '/' between: syn/syn */
bool word_is_days(const char *text, unsigned *first, unsigned *last);  /* mon, mon-fri; Monday is 0 */
bool word_is_prefix(const char *text, struct address *base, unsigned *bits);

/* A name: [A-Za-z_][A-Za-z0-9_-]*; an interface's may also hold '.' and end in '+'. */
bool word_is_name(const char *text);
bool word_is_interface(const char *text);

/* Nearest-word search: offer candidates one by one; BEST is the nearest that is near enough, or NULL. */
struct suggestion {
    const char *wanted;
    const char *best;
    unsigned distance;
};
struct suggestion suggestion_for(const char *wanted);
void suggestion_offer(struct suggestion *suggestion, const char *candidate);

#endif
