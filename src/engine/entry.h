/*
 * A packet that makes an entry in the state table: because the rules let it open a connection, or because somebody has
 * announced it. Private to the room.
 */
#ifndef ENGINE_ENTRY_H
#define ENGINE_ENTRY_H

#include "engine/passage.h"
#include "state/session.h"

/*
 * The rules allow the packet, which comes from SIDE of TUPLE, to open a connection by STEP: limits, the entry (in place of OLD,
 * if there is one), the ALG. Where one of them says no the verdict is a deny. The stripe of HASH is locked.
 */
void entry_open(const struct passage *passage, const struct tuple *tuple, enum side side, uint32_t hash,
                     struct connection *old, const struct step *step);

/*
 * Is the packet, which could open a connection, what somebody has announced? Then it is judged as related to the announcing
 * connection. False: nothing has happened.
 */
bool entry_expected(const struct passage *passage, const struct tuple *tuple, enum side side, uint32_t hash,
                    struct connection *old, const struct step *step);

#endif
