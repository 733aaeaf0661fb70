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
