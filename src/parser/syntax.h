/*
 * The syntax tree of the rule language: what stands in the files, with where it stands, before anything is looked up.
 * The grammar makes it in an arena; check*.c resolve it, print.c gives it back in canonical form.
 */
#ifndef PARSER_SYNTAX_H
#define PARSER_SYNTAX_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/address.h"
#include "packet/verdict.h"
#include "parser/source.h"
#include "rules/ruleset.h"

/* A word with its place. */
struct word {
    const char *text;
    struct location at;
    bool quoted;
};

/* A number, or a range of numbers; a name of a port or service where NAME is set. */
struct port_node {
    struct port_node *next;
    struct word word;         /* as it was written */
    bool named;
    uint32_t first, last;     /* not named */
};

/* A part of a service list: `tcp`, `tcp 80`, `tcp { 80, 443 }`, or a lone port that continues what stands before it. */
struct service_node {
    struct service_node *next;
    struct location at;
    const char *protocol;     /* "tcp" ... "ah", "proto"; NULL: a continuation, or the name of a service */
    bool braced;
    struct port_node *ports;
};

/* Addresses, as an endpoint or a member of a set names them. */
struct member_node {
    struct member_node *next;
    struct location at;
    enum { MEMBER_ANY, MEMBER_SELF, MEMBER_RANGE, MEMBER_PREFIX, MEMBER_MOVING, MEMBER_NAME, MEMBER_BRACES } kind;
    const char *text;                /* as it was written: RANGE, PREFIX, MOVING, NAME */
    bool quoted;
    struct address_range range;      /* RANGE, PREFIX */
    struct address base;             /* PREFIX: before masking */
    unsigned bits;                   /* PREFIX */
    struct word of;                  /* MOVING: the zone whose prefix it is, ... */
    struct address suffix;           /* ... and the last bits */
    struct member_node *members;     /* BRACES */
    struct word zone;                /* X@zone; text NULL: none */
};

struct endpoint_node {
    bool negated;
    struct member_node *member;
    struct port_node *ports;         /* `port ...`, source only */
    bool ports_braced;
};

struct word_node {
    struct word_node *next;
    struct word word;
};

struct log_node {
    bool wanted;
    bool rated;
    struct rate rate;
    struct location at;
};

/* `limit new`, `limit connections`, `overload`: each where its GIVEN or WORD is set. */
struct limit_node {
    bool new_given, new_per_source;
    struct rate new_rate;
    bool connections_given, connections_per_source;
    uint64_t connections;
    struct location at;              /* of the first of them */
    struct word overload;            /* text NULL: none */
    uint64_t overload_ms;            /* 0: not given */
    bool flush;
};

struct timeout_node;

struct rule_node {
    enum action action;
    struct endpoint_node src, dst;
    struct service_node *services;
    uint8_t states;                  /* 0: none given */
    struct word name;                /* text NULL: none */
    struct log_node log;
    bool loose;
    struct limit_node limit;
    struct timeout_node *timeouts;   /* NULL: none */
    struct word_node *alg;           /* its name and what is added to it; NULL: none */
    struct word_node *flags;         /* as written: one word holds the '/'; NULL: none */
    struct word when;                /* text NULL: none */
    struct { bool given; uint32_t value, mask; } mark;
    bool priority;
    struct { struct word word; int32_t day; } expires; /* word.text NULL: none */
};

/* `mon-fri 07:00-19:00` */
struct schedule_node {
    struct schedule_node *next;
    struct word days;
    bool timed;
    uint32_t first, last;            /* seconds of the day */
    struct location at;
};

struct zone_node {
    struct word name;
    struct word_node *interfaces;
    struct member_node *nets;
    bool dhcp;
};

struct set_node {
    struct word name;
    struct member_node *members;
    struct word file;                /* text NULL: members */
    struct word_node *names;         /* dns; NULL: members */
    bool dynamic;                    /* it is filled while spid runs ... */
    bool most_given;                 /* ... up to so many, */
    uint64_t most;
    uint64_t timeout_ms;             /* for so long each; 0: not given */
    struct location at;              /* of the number, or of the word */
};

struct timeout_node {
    struct timeout_node *next;
    struct word key;
    uint64_t ms;
    struct location at;              /* of the duration */
};

struct expect_node {
    enum action action;
    struct word by;                  /* text NULL: not asked */
    bool by_default;
};

struct test_node {
    struct word name;
    struct member_node *src, *dst;   /* RANGE of one address or MOVING, maybe with a zone; SELF */
    struct port_node *src_port;
    struct service_node *service;
    uint8_t states;                  /* 0 or one */
    struct word at;                  /* text NULL: not given */
    struct expect_node expect, reply;
    bool then_reply;
};

struct limit_statement {
    uint64_t connections, per_source; /* per_source 0: not given */
    uint32_t reserve;
    struct location at, per_source_at;
};

struct statement {
    struct statement *next;
    struct location at;              /* the keyword; of a rule, a protection and a test all of it */
    enum {
        STATEMENT_INCLUDE, STATEMENT_ZONE, STATEMENT_SET, STATEMENT_SERVICE, STATEMENT_TIMEOUT, STATEMENT_LIMIT,
        STATEMENT_DEFAULT, STATEMENT_HOOK, STATEMENT_QUEUE, STATEMENT_TEST, STATEMENT_RULE, STATEMENT_NO_IMPLICIT, STATEMENT_HALF_OPEN,
        STATEMENT_ADAPTIVE, STATEMENT_ANTISPOOF, STATEMENT_SCHEDULE, STATEMENT_PROTECT, STATEMENT_FASTPATH,
        STATEMENT_ON, STATEMENT_LOG
    } kind;
    union {
        struct word include;
        struct zone_node zone;
        struct set_node set;
        struct { struct word name; struct service_node *services; } service;
        struct timeout_node *timeouts;
        struct limit_statement limit; /* HALF_OPEN too */
        struct { uint32_t start, end; struct location at; } adaptive; /* percent */
        struct { enum action action; struct log_node log; } default_;
        struct word_node *hooks;
        struct word_node *antispoof;
        struct { uint32_t first, last; struct location at; } queue;
        struct test_node test;
        struct rule_node rule; /* PROTECT too: its endpoints and services */
        struct { struct word name; struct schedule_node *items; } schedule;
        struct word no_implicit;
        struct { struct word mode; bool max_given; uint32_t max; struct location max_at; } fastpath;
        struct { struct word event, choice; } on;
        struct { bool packets; struct word place; } log_to; /* a file's path, quoted; or a word */
    };
};

/* The rule in canonical form, on the heap: the caller frees it. */
char *syntax_rule_text(const struct rule_node *rule);

/* Likewise an endpoint without its ports. */
char *syntax_endpoint_text(const struct endpoint_node *endpoint);

/* Lists are made in reverse while parsing; this turns one round. The node's first member must be `next`. */
void *list_reversed(void *list);

#endif
