/*
 * Taking over what another daemon has left (state/estate.h): each connection, family and expectation is held against
 * what the packet path could have written, and made anew through the doors of the table. Nothing that says where
 * something stands (chains, wheels, lists, counts) is believed, and no decision: every connection is matched anew, by
 * its next packet.
 *
 * Where packets passed while there was no daemon (estate_is_open), windows are learnt anew, and handshakes that were
 * under way are as good as expired: nobody knows how they went on.
 *
 * What is not taken over: bytes of control streams that waited for the rest of their message, and what an ALG
 * remembered of what was said before; it listens as to a connection that it meets midway. Rates of new connections
 * begin anew.
 */
#ifndef STATE_INHERIT_H
#define STATE_INHERIT_H

#include <stdint.h>

#include "state/estate.h"
#include "state/table.h"

/* Why a connection is not taken over. */
enum inherit_flaw {
    INHERIT_UNFINISHED, /* it was just being made */
    INHERIT_TUPLE,      /* no packet has such addresses and ports */
    INHERIT_STATE,      /* there is no such state */
    INHERIT_TIME,       /* it was seen in the future, or before it began */
    INHERIT_TWICE,      /* there is one with its addresses and ports */
    INHERIT_KIN,        /* it was announced on a connection, and its announcement is not there */
    INHERIT_ROOM,       /* the table is full */
    INHERIT_FLAW_COUNT
};

/* "unfinished", "impossible addresses" ... */
const char *inherit_flaw_text(enum inherit_flaw flaw);

/* What became of the connections that were there. */
struct inheritance {
    uint32_t adopted, expired, refused[INHERIT_FLAW_COUNT];
    uint32_t blind; /* of the adopted: packets of it passed that nobody here saw, so its windows are learnt anew */
};

struct inherit_config {
    const struct estate *estate; /* the other's */
    struct table *table;         /* one's own; nobody uses it yet */
    uint64_t now_ms;
    uint8_t dialects; /* numbers of dialects that there are (enum dialect of room alg), none included */
    /* Told of each connection that is adopted, when it and its kin are complete. */
    void (*adopted)(void *context, struct connection *connection);
    void *context;
};

void inherit(const struct inherit_config *config, struct inheritance *inheritance);

/* Could TUPLE be a packet's? */
bool inherit_tuple_plausible(const struct tuple *tuple);

#endif
