/*
 * The packet path: bytes, where they came from and what time it is, to a verdict and a reason.
 *
 * Look, decide, commit: the packet is judged against the state without changing it, then the rules are asked, and only
 * if it passes does the state advance. A packet that is denied has never happened.
 *
 * The engine reads no clock, opens nothing, logs nothing and allocates nothing. NFQUEUE, a capture file, a scenario, a
 * fuzzer and a benchmark call the same function, and the same bytes at the same times get the same verdicts.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/decode.h"
#include "packet/reason.h"
#include "packet/verdict.h"
#include "rules/classify.h"
#include "rules/ruleset.h"
#include "rules/surroundings.h"
#include "state/table.h"

/* Counted a rule, or for the default. Written by one worker, read by anybody (relaxed atomics). */
struct rule_counter {
    uint64_t packets, bytes, connections;
    uint64_t first_ms, last_ms; /* on the engine's clock, 0: never */
};

struct engine_counters {
    uint64_t action[ACTION_COUNT];
    uint64_t reason[REASON_COUNT];
    uint64_t bytes;
};

/* A batch of more packets than this leaves the processor's cache between two looks at the same one. */
#define ENGINE_BATCH_MAX 64

/* Connections of a batch whose packets another may pass from here on. Each may stand there more than once. */
struct engine_offers {
    unsigned count;
    struct engine_offer {
        uint32_t hash;
        struct tuple tuple;
    } list[ENGINE_BATCH_MAX];
};

/*
 * One worker's engine. The table is shared with other workers; ruleset and surroundings are shared and immutable; the
 * counters are its own. rule_counters has rule_count + 1 entries, the last for the default.
 */
struct engine {
    struct table *table;
    const struct ruleset *ruleset;
    const struct surroundings *surroundings;
    struct rule_counter *rule_counters;
    const struct trace *trace; /* told of every rule that is read; NULL: of none, and the reading is faster */
    struct engine_offers *offers; /* filled a batch, emptied by the caller; NULL: there is nobody else */
    uint64_t pickup_until_ms; /* before then connections are picked up midway: after a start that knows of none */
    bool inspect_error;       /* atomic; a rehearsal: every ALG is taken to be at its end */
    struct engine_counters counters;
};

/* What is known of a packet besides its bytes. */
struct arrival {
    uint64_t now_ms;                       /* monotonic */
    uint32_t in_interface, out_interface;  /* the kernel's indices, 0: none (from or to the gateway itself) */
    enum chain chain;                      /* where the kernel queued it */
    enum checksum_status checksum;
    uint32_t length;                       /* on the wire, >= the bytes captured */
};

struct verdict {
    uint8_t action;         /* ACTION_ALLOW, ACTION_DENY or ACTION_REJECT */
    uint8_t reason;
    uint8_t state;          /* enum packet_state */
    bool log;               /* the rule `logged_by`, or the default, wants it logged */
    bool opens;             /* the packet made its connection */
    uint8_t audit_count;
    uint32_t audits[AUDITS_MAX]; /* audit rules that matched when the rules were asked */
    uint32_t rule;          /* index, or RULE_DEFAULT */
    uint32_t logged_by;     /* index of the rule by whose `log` it is logged, or RULE_DEFAULT */
    uint32_t mark, mark_mask; /* allowed: to be set on the packet's kernel mark; mask 0: nothing */
    uint64_t connection;    /* id, 0: none */
    uint64_t parent;        /* id of the connection that announced it, 0: none */
    const char *detail;     /* reason `alg`: what was refused, a constant; else NULL */
};

/*
 * Judges one packet: CAPTURED bytes at BYTES, which begin with the IP header. PACKET is filled for the caller's log and
 * for the reply to a rejected packet. It is total: every input gives a verdict with a reason.
 */
void engine_packet(struct engine *engine, const struct arrival *arrival, const uint8_t *bytes, size_t captured,
                   struct packet *packet, struct verdict *verdict);

/* A packet of a batch. The caller fills in the first three; engine_batch the next two; the last are its own. */
struct engine_job {
    struct arrival arrival;
    const uint8_t *bytes;
    size_t captured;
    struct packet packet;
    struct verdict verdict;
    uint8_t reason;
    uint8_t side;
    uint32_t hash;
    struct tuple tuple;
};

/*
 * Judges COUNT packets as engine_packet does, one after the other. While one is judged the memory that the next ones need is
 * on its way: with many connections that is most of the time that a packet takes.
 */
void engine_batch(struct engine *engine, struct engine_job *jobs, unsigned count);

struct basis;

/* What the rules are asked about a packet of a connection that is matched as BASIS (state/family.h), in STATE. */
struct query engine_query(const struct surroundings *surroundings, const struct basis *basis, enum packet_state state,
                          uint64_t now_ms);

/* What RULESET says about the filling of the table, for table_limit. */
struct table_limits engine_limits(const struct ruleset *ruleset);

/*
 * Removes idle connections, in stripes FIRST, FIRST + STEP ... (so that several workers share the work), looking at no
 * more than BUDGET entries a stripe. Returns false when some stripe needs another call soon.
 */
bool engine_expire(struct engine *engine, unsigned first, unsigned step, uint64_t now_ms, unsigned budget);

#endif
