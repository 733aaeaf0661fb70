/*
 * What workers have to tell: a bounded ring from one worker to the main thread. Telling costs the packet path a copy and
 * never waits; when the ring is full the event is counted and left out.
 */
#ifndef DAEMON_EVENTS_H
#define DAEMON_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ring.h"
#include "engine/engine.h"

#define EVENTS_MAX 4096 /* a power of two */

struct event {
    uint64_t now_ms;
    uint32_t generation; /* of the ruleset that the verdict's rule belongs to */
    uint32_t identity;   /* of that rule, for who looks at the event after a reload; 0: no rule decided */
    uint32_t in_interface, out_interface;
    struct verdict verdict;
    struct address src, dst;
    uint16_t src_port, dst_port;
    uint8_t family; /* 4 or 6; 0: no IP header could be read, and there are no addresses */
    uint8_t protocol, icmp_type, icmp_code;
    uint8_t icmp_asks; /* the type of the query, of an answer too; else icmp_type */
    uint8_t tcp_flags;
    bool told;           /* the verdict is to be told of, by a `log` ... */
    uint8_t told_audits; /* ... and of its audits those whose bit is set; where neither is, all is told (-v), or traced */
    uint32_t length;
};

struct events {
    struct ring ring;
    struct event list[EVENTS_MAX];
};

/* Worker: adds an event. False when the ring is full; it is counted then. */
bool events_put(struct events *events, const struct event *event);

/* Main thread: takes the oldest event. False when there is none. */
bool events_take(struct events *events, struct event *event);

/* Fills an event from a verdict by RULESET and its packet. */
void event_fill(struct event *event, const struct arrival *arrival, const struct ruleset *ruleset, const struct packet *packet,
                const struct verdict *verdict);

/*
 * What an event is to those who collect them (eve.h). A connection's start and end are told of, not its packets: of what passes
 * only that which makes no connection, an alert. A packet that breaks its protocol's format is an anomaly; all else that does not
 * pass is a drop.
 */
enum event_kind { EVENT_NONE, EVENT_FLOW, EVENT_ALERT, EVENT_ANOMALY, EVENT_DROP };
enum event_kind event_kind_of(const struct verdict *verdict);

struct text;

/*
 * Appends the event as a line: deny new rule office.rules:31 "no-smtp" tcp 192.0.2.1:1234 > 198.51.100.2:25
 * RULESET is the event's.
 */
void event_to_text(struct text *text, const struct event *event, const struct ruleset *ruleset);

#define TCP_FLAGS_BYTES 9

/* The flags that are set, a letter each, such as "SA", in BUFFER. */
const char *tcp_flags_text(uint8_t flags, char buffer[TCP_FLAGS_BYTES]);

/* `log RATE`, a rule: a token bucket (as in state/tally.c) that all workers draw from, or the main thread. */
struct log_meter {
    uint64_t full_us; /* atomic */
};

/* May one more line be written at NOW_MS? It is the caller's to count it if not. */
bool log_meter_pass(struct log_meter *meter, struct rate rate, uint64_t now_ms);

#endif
