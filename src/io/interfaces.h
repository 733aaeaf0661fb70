/* What the machine says of itself: its interfaces and its own addresses, as surroundings for a ruleset. */
#ifndef IO_INTERFACES_H
#define IO_INTERFACES_H

#include "rules/moving.h"
#include "rules/surroundings.h"

struct ruleset;

/* The surroundings of RULESET now; NULL when memory or the kernel's answer is refused. Freed by surroundings_free. */
struct surroundings *interfaces_surroundings(const struct ruleset *ruleset);

/*
 * The IPv6 prefixes of RULESET's zones now: those of the addresses on their interfaces, global and unique local ones (RFC 4193),
 * deprecated ones for as long as the kernel has them; neither link-local nor loopback. *PREFIXES is the caller's to free.
 * 0, or -errno.
 */
int interfaces_prefixes(const struct ruleset *ruleset, struct zone_prefix **prefixes, size_t *count);

/*
 * A socket that becomes readable whenever interfaces or addresses change (rtnetlink; io/netlink.h); -errno where it cannot be had.
 */
int interfaces_watch(void);

#endif
