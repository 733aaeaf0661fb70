/* SCTP associations by verification tag and chunk kinds (RFC 9260). */
#ifndef STATE_SCTP_H
#define STATE_SCTP_H

#include "state/session.h"

enum reason sctp_open(const struct packet *packet, struct step *step);

/* As session_pick_up. */
enum reason sctp_pick_up(const struct packet *packet, struct step *step);
enum reason sctp_continue(const struct connection *connection, enum direction direction, const struct packet *packet,
                          struct step *step);

const char *sctp_state_name(enum sctp_state state);

#endif
