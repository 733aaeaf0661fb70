/*
 * From statements to a ruleset: looks names up, holds numbers against their ranges, resolves sets. Private to the parser.
 * Every error is reported; the ruleset is thrown away when there was one.
 */
#ifndef PARSER_CHECK_H
#define PARSER_CHECK_H

#include "base/arena.h"
#include "parser/files.h"
#include "parser/names.h"

/* A zone or a set: they share one name space. */
struct definition {
    struct location at;
    enum { DEFINES_ZONE, DEFINES_SET } kind;
    uint16_t zone;                 /* its index */
    bool nets_wrong;               /* an error stands in its networks, which are not known for it */
    const struct set_node *node;   /* of a set ... */
    struct set *set;               /* ... and what it resolves to */
    enum { UNRESOLVED, RESOLVING, RESOLVED } progress;
    unsigned depth;                /* of sets in it, RESOLVED */
};

struct service_definition {
    struct location at;
    const struct service_node *services;
    const struct service_item *items; /* NULL: not resolved yet */
    size_t count;
    bool resolving;
    unsigned depth;                /* of services in it */
};

struct check {
    struct files *files;
    struct diagnostics *diagnostics;
    struct arena *arena;           /* the ruleset's */
    struct ruleset *ruleset;
    struct names names;            /* struct definition */
    struct names services;         /* struct service_definition */
    struct names rules;            /* struct location: rules by their `as` */
    const struct surroundings *surroundings; /* of the gateway, for `self` in packets; NULL: it is not known */
    size_t zones, sets, rule_count, tests;
    struct zone *zone_list;
    const struct set **set_list;
    struct rule *rule_list;
    struct ruleset_test *test_list;
    size_t moving;
    struct moving_set *moving_list; /* room for RULESET_MOVING_MAX */
    struct names schedule_names;   /* struct schedule_definition */
    size_t schedules, protects;
    struct schedule *schedule_list;
    struct rule *protect_list;
    unsigned depth;                /* how deep what is being resolved is, as far as it was looked at */
    unsigned nesting;              /* how many stand around it */
    bool limit_given, default_given, hook_given, fastpath_given;
    const struct word *on[FAILURE_SETTINGS]; /* what stands behind `on daemon-down` ... in the file; NULL: it does not */
    struct log_place *log_places;  /* room for LOG_PLACES_MAX; NULL: none is given yet */
};

/* Sets that move, in one set at most. */
#define SET_MOVING_MAX 16

/* A growing list of address ranges on the heap, and the sets that move beside them. */
struct ranges {
    struct address_range *items;
    size_t count, size;
    uint16_t moving[SET_MOVING_MAX];
    size_t moving_count;
    /* Where they are written. Sets within are named, and what they hold is not repeated here. */
    struct written *written;
    size_t written_count, written_size;
    const struct set **inner;
    size_t inner_count, inner_size;
    const char *file;              /* kept: of the members that are being added */
    uint32_t line;
    bool silent;                   /* they are another set's */
};
void ranges_add(struct ranges *ranges, struct address_range range);
/* Moves the ranges, normalised, to the arena, and frees the list. */
struct rangeset ranges_finish(struct ranges *ranges, struct arena *arena);
/* As ranges_finish, to all that SET holds. */
void ranges_finish_set(struct ranges *ranges, struct arena *arena, struct set *set);

/* A set that moves with room for MOST members, called so; NULL, reported, when there are too many (check_sets.c). */
struct moving_set *check_moving_new(struct check *check, struct location at, int kind, const char *name, uint32_t most);
/* What SET is: the names of a `dns`. */
void check_dns(struct check *check, const struct set_node *node, struct set *set);

/* The checks on sets (check_sets.c). */
void check_set_resolve(struct check *check, struct definition *definition);
/* Adds the addresses of MEMBER, which must be no zone and have none, to RANGES. DEPTH counts braces. */
void check_member_ranges(struct check *check, const struct member_node *member, struct ranges *ranges);
/* The definition of the zone called so, reported when there is none; its index, or 0. */
uint16_t check_zone(struct check *check, const struct word *name);
/* What MEMBER's name stands for; NULL, reported, when nothing does. */
struct definition *check_name(struct check *check, const struct member_node *member);
/* Reports a name that nothing stands for, with the nearest one of NAMES. */
void check_undefined(struct check *check, struct location at, const char *what, const char *name,
                     const struct names *names);

/* The checks on services (check_services.c): what a definition stands for; the items of a list, in the arena. */
void check_service_resolve(struct check *check, struct service_definition *definition);
const struct service_item *check_services(struct check *check, const struct service_node *services, size_t *count);
const struct port_range *check_ports(struct check *check, const struct port_node *ports, const char *protocol,
                                     size_t *count);

/* The checks on rules and tests (check_rules.c, check_tests.c). */
void check_rule(struct check *check, const struct statement *statement);
void check_test(struct check *check, const struct statement *statement);
/* Reports rules and protections that can only speak of packets which no hook queues; the first with the line that mends them all. */
void check_all_hooked(struct check *check, const struct statement *statements);
/* Reports that the chains MISSING (CHAIN_BITs) are not hooked, and the line that mends it, unless it is NULL: from check_hook_line. */
void check_hooked(struct check *check, const struct statement *statement, uint8_t missing, const char *mend);
#define HOOK_LINE_BYTES 40
void check_hook_line(const struct check *check, uint8_t missing, char line[HOOK_LINE_BYTES]);
struct log check_log(const struct log_node *node);
/* A `log to` or `log packets to` statement (check_log.c). */
void check_log_place(struct check *check, const struct statement *statement);

/* The checks on when (check_times.c): a `schedule` statement; a rule's `when` and `expires`; a test's `at`. */
void check_schedule(struct check *check, const struct statement *statement);
void check_when(struct check *check, const struct rule_node *node, struct rule *rule);
bool check_at(struct check *check, const struct word *text, struct civil *at);

/* The terms of an endpoint (check_rules.c). */
void check_protect(struct check *check, const struct statement *statement);

/* What rules say about their connections (check_options.c). */
/* `alg` (check_alg.c): its words, and the rule that has its services already. */
void check_alg(struct check *check, const struct word_node *words, struct rule *rule);

void check_options(struct check *check, const struct rule_node *node, struct rule *rule);
void check_timeout(struct check *check, const struct timeout_node *node, struct timeouts *timeouts);
/* A rule's identity, before check_identities has made it the only one and put all in their places. */
uint32_t check_identity(const struct rule_node *node);
void check_identities(struct check *check);

/* TEXT, or NULL, copied to where the ruleset lives. */
const char *check_keep(struct check *check, const char *text);

/* What stands at AT, as messages show it, where the ruleset lives. */
const struct quote *check_quote(struct check *check, struct location at);

#define CHECK_ERROR(check, at, code, ...) location_report((check)->diagnostics, at, SEVERITY_ERROR, code, __VA_ARGS__)

/* The rate of a `log` that names none. */
#define LOG_RATE_DEFAULT ((struct rate){10, 1000})

#endif
