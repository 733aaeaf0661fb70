/*
 * TPKT (RFC 1006, 6): messages over TCP, each behind its length. H.323 speaks so on its TCP connections.
 */
#ifndef ALG_TPKT_H
#define ALG_TPKT_H

#include "alg/alg.h"
#include "alg/lines.h"

/*
 * Hears SPEECH, as struct alg's `hear` does, and tells MESSAGE each whole one. What begins no TPKT ends the listening,
 * or is refused when strict. An empty one, with which some see whether the other is there, is not told.
 */
size_t tpkt_hear(struct hearing *hearing, const struct speech *speech,
                 void (*message)(struct hearing *hearing, const struct speech *speech, struct span content));

#endif
