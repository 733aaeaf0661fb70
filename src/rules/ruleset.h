/*
 * A compiled ruleset: what the rules files say, resolved, immutable, without a pointer into the text it came from. The
 * parser makes it, everybody else reads it, from several threads at once without a lock. It lives in one arena.
 */
#ifndef RULES_RULESET_H
#define RULES_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/alg_name.h"
#include "packet/timeouts.h"
#include "packet/verdict.h"
#include "rules/rangeset.h"

struct arena;
struct classifier;
struct dns_set;
struct dynamic_set;
struct text;

/* Bounds of the language. The checker refuses what is above them. */
#define RULESET_ZONES_MAX 255        /* besides zone 0, which is "no zone" */
#define RULESET_RULES_MAX 1000000
#define RULESET_QUEUES_MAX 64        /* one worker thread each */
#define RULESET_MOVING_MAX 1024      /* sets that move */
#define RULESET_SCHEDULES_MAX 64     /* a bit each; days behind `expires` count too */

struct rate {
    uint32_t count;       /* so many ... */
    uint32_t interval_ms; /* ... in so long */
};

struct log {
    bool wanted;
    struct rate rate;
};

/* Where `log to` wants events, and `log packets to` denied packets. */
enum log_place_kind { LOG_TO_FILE, LOG_TO_SYSLOG, LOG_TO_JOURNAL, LOG_PACKETS_TO_FILE };

struct log_place {
    enum log_place_kind kind;
    const char *path; /* of a file, absolute; else NULL */
};

#define LOG_PLACES_MAX 8 /* a thread and a buffer each */

/* The words of the rules files that something stands for, as messages show them: the line that they begin in, and where. */
struct quote {
    const char *file;
    uint32_t line, column, width; /* from 1; characters in that line */
    uint32_t end_line, end_column; /* the last character's line, and the column behind it */
    const char *text;             /* the line; a long one is cut */
    const char *included_from;    /* the include chain, or NULL */
};

/* A network: its first address, and how many bits of that name it. */
struct prefix {
    struct address base;
    unsigned bits;
};

/* A zone: a name for some interfaces. Zone 0 of a ruleset is "no zone": the packets of interfaces that no zone names, and the missing interface of packets from and to the gateway itself. */
struct zone {
    const char *name;
    size_t interface_count;
    const char **interfaces; /* a name that ends in '+' stands for all that begin so; the longest that fits wins */
    const struct quote *quotes; /* where each of them stands; NULL: they were not read from a file */
    struct rangeset nets;    /* the zone's own networks; may be empty */
    size_t prefix_count;
    const struct prefix *prefixes; /* those of them that are IPv6 prefixes, as they are written */
    bool antispoof;          /* they may not arrive on another zone */
    bool dhcp;               /* the gateway is a DHCP server or client there */
};

/* Addresses that change while spid runs: `set X = dynamic ...`, `set X = dns ...`, and each `prefix(zone)::suffix`. */
struct moving_set {
    enum { MOVING_DYNAMIC, MOVING_DNS, MOVING_PREFIX } kind;
    const char *name;            /* a prefix's: as it is written */
    struct dynamic_set *members; /* a dynamic set's are shared with the rulesets before and after this one */
    uint64_t timeout_ms;         /* DYNAMIC: members leave after so long; 0: they stay */
    struct dns_set *dns;         /* DNS: its names and what was answered; the main thread's */
    uint16_t zone;               /* PREFIX: whose prefixes ... */
    struct address suffix;       /* ... with these last bits */
};

/* Where some members of a set are written. */
struct written {
    struct address_range range;
    const char *file;
    uint32_t line;
};

/* Addresses: those that are written down, and those of sets that move. */
struct set {
    const char *name; /* NULL: written in place, in braces */
    struct rangeset members;
    size_t written_count, inner_count;
    const struct written *written;        /* the members again, as they are written; for people */
    const struct set *const *inner;       /* sets that are members */
    size_t moving_count;
    const uint16_t *moving; /* indices of the ruleset's moving sets */
};

/*
 * When something holds: spans of the week, and a last day. By the clock on the wall, so that 7:00 is 7:00 on both sides of a
 * change of daylight saving time.
 */
struct week_span {
    uint32_t first, last; /* seconds since Monday 0:00; the last one is outside */
};

struct schedule {
    const char *name;    /* NULL: made by `expires` */
    size_t span_count;
    const struct week_span *spans; /* none: the whole week */
    int32_t last_day;    /* days since 1970-01-01; INT32_MAX: none */
};

/* A moment by the clock on the wall. */
struct civil {
    int32_t day;             /* since 1970-01-01 */
    uint32_t second_of_week; /* since Monday 0:00 */
};

/* Addresses, seen through a zone. Matches when both parts do. */
struct endpoint_term {
    enum { TERM_ANY, TERM_SELF, TERM_SET } kind; /* which addresses: all, the gateway's own, or those of SET */
    const struct set *set;
    uint16_t zone; /* index of the zone, 0: any interface */
};

/* One side of a rule: matches when one of its terms does, or, negated, when none does. */
struct endpoint {
    bool negated;
    size_t term_count;
    const struct endpoint_term *terms;
};

/* One item of a service list. Matches packets of PROTOCOL whose destination port (TCP, UDP, SCTP) or type (ICMP) lies in FIRST..LAST; others have 0..65535 there. */
struct service_item {
    uint8_t protocol;
    uint16_t first, last;
};

struct port_range {
    uint16_t first, last;
};

#define LIMIT_NONE UINT32_MAX

/* `limit new`, `limit connections` and `overload` of a rule. */
struct rule_limit {
    struct rate new_rate;     /* count LIMIT_NONE: no limit */
    bool new_per_source;
    uint32_t connections;     /* LIMIT_NONE: no limit */
    bool connections_per_source;
    bool overloads;           /* whoever exceeds a limit enters the moving set `overload` ... */
    bool flush;               /* ... and his connections are matched anew */
    uint16_t overload;
    uint64_t overload_ms;     /* for so long; 0: he stays */
};

/* `alg` of a rule: who listens to the connections that it opens. */
struct rule_alg {
    enum alg_name name;
    bool strict;              /* what breaks the protocol's grammar is denied */
    const struct set *media;  /* media peers beyond the two that signal; NULL: none */
};

struct rule {
    const char *file; /* as the user wrote it: shown as FILE:LINE */
    uint32_t line;
    const struct quote *quote; /* NULL: it was not read from a file */
    const char *opening; /* where it names states: its line without them, for messages; else NULL */
    const char *outward; /* where it allows to `!something`: that with `self` added, for messages; else NULL */
    const char *name; /* its `as`, or NULL */
    uint32_t identity; /* the same in every ruleset that holds this rule, by its name or its words; never 0, and of one rule only */
    enum action action;
    uint8_t states;   /* STATE_BITs */
    struct endpoint src, dst;
    size_t src_port_count;
    const struct port_range *src_ports; /* none: any */
    size_t service_count;
    const struct service_item *services; /* none: every protocol */
    struct log log;
    bool priority;    /* its connections may use the table's reserve */
    bool loose;       /* its connections need no handshake and keep to no window */
    const struct rule_limit *limit; /* NULL: none */
    const struct rule_alg *alg; /* NULL: nobody listens */
    uint8_t when, until;  /* index of a schedule plus one: it holds while both do; 0: always */
    bool flagged;         /* `flags`: of TCP packets in state new or invalid only those ... */
    uint8_t flags_looked_at, flags_set; /* ... whose flags, as far as looked at, are these */
    uint32_t mark, mark_mask; /* set on the packets of its connections; mask 0: none */
    const struct timeouts *timeouts; /* of its connections, all of them; NULL: those of the ruleset */
};

/* The schedules that must hold for the rule to match, bit by bit. */
static inline uint64_t rule_schedules(const struct rule *rule)
{
    return (rule->when != 0 ? UINT64_C(1) << (rule->when - 1) : 0) |
           (rule->until != 0 ? UINT64_C(1) << (rule->until - 1) : 0);
}

/* What a rule is asked about: a packet's state, and the endpoints and service of its connection (or its own). */
struct query {
    enum packet_state state;
    struct address src, dst;
    uint16_t src_zone, dst_zone; /* of the interface it came in and goes out through, 0: none */
    uint16_t src_port;
    uint16_t service;            /* destination port, ICMP type, else 0 */
    uint8_t protocol;
    uint8_t tcp_flags;           /* of a new or invalid TCP packet, else 0 */
    uint64_t now_ms;             /* for the sets whose members come and go */
};

/* The packet that answers QUERY's, as one that stands alone: from where that went, in the same state. */
struct query query_turned(const struct query *query);

/* A `test` statement. */
struct ruleset_test {
    const char *file;
    uint32_t line;
    const struct quote *quote;
    const char *name;
    struct query query;
    bool state_given, port_given; /* the state, the source port stand in the words; else they are the usual ones */
    bool at_given;
    struct civil at;           /* by this clock; not given: the answer must not depend on it */
    enum action expected;
    const char *by;            /* name of the rule that must decide; NULL: not asked */
    bool by_default;           /* the default must decide */
    bool reply;                /* `then reply` follows */
    enum action reply_expected;
    const char *reply_by;
    bool reply_by_default;
};

/* `fastpath`: may the kernel pass packets of connections about which nothing is left to be decided? */
enum fastpath_mode {
    FASTPATH_AUTO, /* where it can */
    FASTPATH_ON,   /* it must, or the daemon does not start */
    FASTPATH_OFF,
};

#define FASTPATH_MAX_DEFAULT 262144u

/* What can fail and has a setting, `on daemon-down` ...; rules/failure.h has the rest. */
enum failure_setting {
    FAILURE_DAEMON_DOWN,   /* no daemon serves the queues */
    FAILURE_OVERLOAD,      /* a queue is full */
    FAILURE_INSPECT_ERROR, /* an ALG cannot go on with a connection */
    FAILURE_SETTINGS
};

/* What passes then. */
enum on {
    ON_DEFAULT,  /* the file does not say: nothing; without a daemon what exists, where there is a fast path */
    ON_DROP,     /* nothing */
    ON_ACCEPT,   /* everything */
    ON_EXISTING, /* packets of connections that the fast path passes; not of an ALG */
};

#define RULE_DEFAULT UINT32_MAX /* instead of a rule's index: the default decided, or no rule was asked */

struct rule_place {
    uint32_t identity, rule;
};

struct ruleset {
    struct arena *arena;      /* owns everything below but the classifier and the members of sets */
    uint32_t generation;      /* set by who installs it; never 0 */
    size_t rule_count;
    const struct rule *rules;
    struct classifier *classifier; /* of the rules; NULL: they are read one by one */
    const struct rule_place *places; /* the rules by identity, sorted */
    enum action default_action; /* deny, allow or reject */
    struct log default_log;
    size_t log_place_count;
    const struct log_place *log_places;
    bool log_events, log_packets; /* some place is there for them */
    size_t zone_count;        /* zone 0 included */
    const struct zone *zones;
    size_t set_count;         /* the named ones */
    const struct set *const *sets;
    size_t moving_count;
    struct moving_set *moving;
    size_t schedule_count;
    const struct schedule *schedules;
    size_t protect_count;
    const struct rule *protects; /* what each `protect` says: all of it must be allowed, new and established */
    bool antispoof;           /* some zone wants it */
    bool loose;               /* some rule is */
    size_t test_count;
    const struct ruleset_test *tests;
    struct timeouts timeouts;
    uint32_t connections_max; /* limit connections ... */
    uint32_t per_source_max;  /* ... of one source; 0: no limit */
    uint32_t reserve_percent; /* ... of which so many only for rules with priority */
    uint32_t half_open_max;   /* limit half-open */
    uint32_t adaptive_start_percent, adaptive_end_percent; /* of connections_max; end 0: never */
    uint8_t hooks;            /* CHAIN_BITs */
    bool queue_given;         /* a `queue` statement stands in the file */
    uint16_t queue_first, queue_last;
    enum fastpath_mode fastpath;
    uint32_t fastpath_max;    /* entries of the fast path */
    enum on on[FAILURE_SETTINGS];
    bool implicit_dhcp;       /* DHCP of the gateway itself passes in zones that say so */
    bool implicit_nd;         /* neighbour discovery of the gateway itself passes without a rule */
};

#define CONNECTIONS_MAX_DEFAULT 262144u
#define CONNECTIONS_MAX 16777216u

/* Does the rule with this index log, or, of RULE_DEFAULT, the default? */
static inline bool ruleset_logs(const struct ruleset *ruleset, uint32_t rule)
{
    return rule == RULE_DEFAULT ? ruleset->default_log.wanted : ruleset->rules[rule].log.wanted;
}

/* Where arrays with an item a rule, and the default's behind them, have that of RULE. */
static inline size_t ruleset_slot(const struct ruleset *ruleset, uint32_t rule)
{
    return rule == RULE_DEFAULT ? ruleset->rule_count : rule;
}

/* How fast the rule with this index, or the default, may log. */
static inline struct rate ruleset_log_rate(const struct ruleset *ruleset, uint32_t rule)
{
    return rule == RULE_DEFAULT ? ruleset->default_log.rate : ruleset->rules[rule].log.rate;
}

void ruleset_free(struct ruleset *ruleset);

/* The zone of the interface called NAME: the one that names it, else the one with the longest fitting "prefix+"; 0: none. */
uint16_t ruleset_zone_of(const struct ruleset *ruleset, const char *name);

/* The zone whose `net` holds ADDRESS (longest prefix), else the only zone without a `net`, else 0: how a replay tells zones. */
uint16_t ruleset_zone_by_address(const struct ruleset *ruleset, struct address address);

/*
 * May a packet from ADDRESS arrive on an interface of ZONE? Not when a zone with `antispoof` owns the address (the longest
 * prefix does) and is another one.
 */
bool ruleset_spoofed(const struct ruleset *ruleset, struct address address, uint16_t zone);

/* Is there an address of MEMBERS that may not arrive on an interface of ZONE? The first such. */
bool ruleset_spoofed_member(const struct ruleset *ruleset, const struct rangeset *members, uint16_t zone, struct address *spoofed);

/* The schedules that hold at MOMENT, bit by bit. */
uint64_t ruleset_schedules_at(const struct ruleset *ruleset, struct civil moment);

/* DAY, in days since 1970-01-01, as a date: 2026-12-24. */
void civil_day_to_text(struct text *text, int32_t day);

/* Is PORT of PROTOCOL of the gateway itself named by a `protect`? */
bool ruleset_protects(const struct ruleset *ruleset, uint8_t protocol, uint16_t port);

/* Is ADDRESS in SET, a set of RULESET, at NOW_MS? */
bool ruleset_set_holds(const struct ruleset *ruleset, const struct set *set, struct address address, uint64_t now_ms);

/* Is it known who belongs in SET? Not before the first answers to a dns set's names, nor while a zone has no prefix. */
bool ruleset_set_filled(const struct ruleset *ruleset, const struct set *set);

/*
 * The sets of RULESET that move go on with the members that OLD's sets of the same names have at NOW_MS. Called once before
 * RULESET is used and once after OLD is not any more, so that what was entered in between is not lost.
 */
void ruleset_adopt(struct ruleset *ruleset, const struct ruleset *old, uint64_t now_ms);

/*
 * RULESET was in use and is to be again, in place of CURRENT; nobody uses it. Of its sets that move goes what has grown old
 * meanwhile, and ruleset_adopt, which comes next, brings in what is known now. A dynamic set that CURRENT does not have keeps its
 * members.
 */
void ruleset_revive(struct ruleset *ruleset, const struct ruleset *current);

/* Index of the rule with this identity, or RULE_DEFAULT. */
uint32_t ruleset_rule_of(const struct ruleset *ruleset, uint32_t identity);

/* Index of the rule called NAME (its `as`), or RULE_DEFAULT. */
uint32_t ruleset_find(const struct ruleset *ruleset, const char *name);

#endif
