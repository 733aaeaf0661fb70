/*
 * A control connection over TCP, read in order: retransmissions are told once, segments that come early wait for those before
 * them, and what was told first counts, whatever comes later over the same numbers (an overlap never changes what was seen).
 * A gap that can no longer be filled ends the listening. What must be kept between packets is in state/stream.h.
 */
#ifndef ALG_STREAM_H
#define ALG_STREAM_H

#include "alg/alg.h"

/*
 * PACKET, a TCP segment that passes otherwise, is heard by FAMILY's ALG. SPEECH has all but bytes and length. HEARING is
 * filled: its memory must be a copy of the family's. Returns true when the packet may pass: then streams, memory, deafness and idle time of the family
 * are changed, and the orders are the caller's to carry out, before it lets the packet go. False: HEARING says why, and
 * nothing has happened.
 *
 * BEFORE is called when all has been heard and nothing has been changed yet; where it says no the packet is refused.
 */
bool stream_hear(struct family *family, struct blocks *blocks, const struct packet *packet, struct speech *speech,
                 struct hearing *hearing, bool (*before)(void *context), void *context);

#endif
