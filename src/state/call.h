/*
 * PPTP's calls (RFC 2637): which connection a GRE packet of version 1 belongs to.
 *
 * A packet names the call by the id of its receiver alone, so the two directions cannot be told to belong together. Where
 * an ALG has announced them each direction is a connection of its own, and several calls between the same hosts are told
 * apart. What nobody announced goes by its addresses, both directions and all calls together.
 */
#ifndef STATE_CALL_H
#define STATE_CALL_H

#include "packet/tuple.h"
#include "state/table.h"

/* As tuple_of, for any packet that it may be asked for. *HASH is the tuple's. Takes and gives up locks for calls alone. */
enum side call_tuple_of(struct table *table, const struct packet *packet, uint64_t now_ms, struct tuple *tuple,
                        uint32_t *hash);

#endif
