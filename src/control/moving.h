/* What the control socket says of content that moves: dns sets with their names, moving prefixes. */
#ifndef CONTROL_MOVING_H
#define CONTROL_MOVING_H

#include <jansson.h>
#include <stdint.h>

struct ruleset;

/* One object a dns set: its names, how many addresses, the next look-up, the last failure; times on the engine's clock. */
json_t *moving_dns_answer(const struct ruleset *ruleset, uint64_t now_ms);

/* One object a moving prefix: its addresses. */
json_t *moving_prefixes_answer(const struct ruleset *ruleset, uint64_t now_ms);

#endif
