/*
 * Connections whose packets somebody beside the engine may pass (state/table.h: table_offload), because nothing about them is
 * left to be decided: which these are, on what terms, and what becomes of that which passed. Who it is, and how he does it, is
 * not known here.
 */
#ifndef ENGINE_OFFLOAD_H
#define ENGINE_OFFLOAD_H

#include "engine/engine.h"

/*
 * May another pass packets of CONNECTION, whose stripe is locked? It is forwarded TCP or UDP that both sides have spoken in,
 * allowed by the engine's ruleset, neither listened to by an ALG nor announced by one, marked, loose, or logged packet by packet.
 */
bool offload_fits(const struct engine *engine, const struct connection *connection);

/* On what terms a connection that fits may be passed. */
struct offload_terms {
    uint32_t idle_ms;           /* it is over when it has idled for so long, 1 s more or less where timeouts shrink ... */
    uint32_t unacknowledged_ms; /* ... or so long while TCP data is not acknowledged */
    bool bound;                 /* each side's packets arrive where those of its first one came from or went to; others the engine must judge */
};

/* False: packets of one side would be spoofed where they came from first, and the engine must judge them all. */
bool offload_terms(const struct engine *engine, const struct connection *connection, struct offload_terms *terms);

/* What has passed of a connection beside the engine. */
struct offload_progress {
    uint64_t packets[DIRECTION_COUNT], bytes[DIRECTION_COUNT]; /* since it was last told */
    uint64_t seen_ms;                                          /* when the last packet passed */
    struct tcp_peer peer[DIRECTION_COUNT];                     /* TCP: end, end_max, ack and window */
};

/*
 * Brings CONNECTION, whose stripe is locked, up to PROGRESS: windows only move on. What passed is counted in ENGINE's counters,
 * and for the rule that allowed it.
 */
void offload_merge(struct engine *engine, struct connection *connection, const struct offload_progress *progress);

/* What is known of a connection whose packets went on passing while there was no engine. */
struct offload_past {
    struct tuple tuple;
    uint8_t flags;   /* enum connection_flag, as they were */
    uint32_t opener; /* identity of the rule that admitted it */
    uint32_t in_interface, out_interface, created_s, idle_ms;
    uint64_t seen_ms;
    uint64_t packets[DIRECTION_COUNT], bytes[DIRECTION_COUNT];
    struct tcp_peer peer[DIRECTION_COUNT];
};

/*
 * Makes the connection of PAST anew, whose stripe (of HASH) is locked, or, where it is there already (state/inherit.h), brings
 * it up to PAST: where the engine's rules allow it as established. What passed before is counted for it, and for no rule. Returns
 * NULL where they do not allow it, where another one has its tuple, and where there is no room.
 */
struct connection *offload_restore(struct engine *engine, uint32_t hash, const struct offload_past *past, uint64_t now_ms);

#endif
