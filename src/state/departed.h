/*
 * Connections that are over and are to be told of: a bounded ring from whoever ends them to one reader.
 *
 * Who puts holds a lock, the stripe's (state/table.h), so there is one writer at a time; the reader takes without it. Putting
 * costs a copy and never waits; where the ring is full it is counted, and the connection is not told of.
 */
#ifndef STATE_DEPARTED_H
#define STATE_DEPARTED_H

#include "base/ring.h"
#include "state/connection.h"

#define DEPARTURES_MAX 128 /* a ring; a power of two */

/* How a connection ended. */
enum ending {
    ENDING_TIMEOUT, /* it has idled for too long */
    ENDING_CLOSED,  /* both sides have said so */
    ENDING_RESET,   /* one side has reset it */
    ENDING_EVICTED, /* a full table gave it up for another */
    ENDING_KILLED,  /* somebody has cut it by hand */
    ENDING_RELOAD,  /* the rules allow it no longer */
    ENDING_NONE,    /* it never stood, and is not told of */
    ENDING_COUNT = ENDING_NONE
};

/* "timeout", "closed" ... */
const char *ending_name(enum ending ending);

/* How CONNECTION ended, which is being forgotten: what its state says, and where that says nothing OTHERWISE. */
enum ending ending_of(const struct connection *connection, enum ending otherwise);

struct departure {
    struct connection connection; /* as it was; its places in the table mean nothing any more */
    uint64_t parent;              /* id of the connection that announced it, 0: none */
    uint8_t ending;
};

struct departures {
    struct ring ring;
    struct departure list[DEPARTURES_MAX];
};

/* Adds CONNECTION, and counts it where there is no room. The writers' lock is held. */
void departures_put(struct departures *departures, const struct connection *connection, uint64_t parent, enum ending ending);

/* The reader: takes the oldest. False when there is none. */
bool departures_take(struct departures *departures, struct departure *departure);

#endif
