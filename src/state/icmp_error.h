/*
 * ICMP errors belong to the connection that they quote (RFC 792, RFC 4443, RFC 5508, RFC 5927). This file finds it.
 */
#ifndef STATE_ICMP_ERROR_H
#define STATE_ICMP_ERROR_H

#include "state/table.h"
#include "packet/reason.h"
#include "state/family.h"

/*
 * Finds the connection that ERROR (role error) is about, and copies it to *QUOTED, what it is matched
 * as to *BASIS. The quoted packet must be one that the connection has carried
 * (for TCP: a plausible sequence number) and the error must travel against it: to the quoted packet's source. Locks and
 * unlocks the stripe of the quoted connection: the caller holds none. Returns REASON_NONE or REASON_ICMP_UNRELATED.
 */
enum reason icmp_error_find(struct table *table, const struct packet *error, uint64_t now_ms, struct connection *quoted,
                            struct basis *basis);

#endif
