/*
 * Families and expectations of another table, and what becomes of them in one's own: for inherit.c, which calls these
 * in their order. A family is taken over for its parent, or for children that outlive him; an expectation for its
 * family, its children for their expectation.
 */
#ifndef STATE_FAMILY_INHERIT_H
#define STATE_FAMILY_INHERIT_H

#include "state/inherit.h"

struct kinfolk;

/* NULL: there is no memory, or nothing to take over. */
struct kinfolk *kinfolk_new(const struct inherit_config *config);

/* PAST, which is plausible, may stay although it has been silent for longer than its own time. NULL is allowed. */
bool kinfolk_keeps(const struct kinfolk *kinfolk, const struct connection *past);

/* First, for each connection that is somebody's kin. */
void kinfolk_meet(struct kinfolk *kinfolk, const struct connection *past);

/* Then, once. */
void kinfolk_expect(struct kinfolk *kinfolk);

/* Then, for each again: has PAST a place? And CONNECTION, which has just been made of it, takes the place. */
bool kinfolk_has_place(const struct kinfolk *kinfolk, const struct connection *past);
void kinfolk_join(struct kinfolk *kinfolk, const struct connection *past, struct connection *connection);

/* The end: what nobody came for is gone. NULL is allowed. */
void kinfolk_free(struct kinfolk *kinfolk);

#endif
