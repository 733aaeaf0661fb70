/*
 * DNS look-ups on a libev loop, by c-ares: never waiting. Servers and their options are those of /etc/resolv.conf; names are
 * whole, neither a search list nor /etc/hosts has a part in it.
 */
#ifndef IO_RESOLVER_H
#define IO_RESOLVER_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/address.h"

struct resolver;

/* Addresses of one answer that are taken; further ones are left out. */
#define RESOLVER_ADDRESSES_MAX 512u

/*
 * What became of a look-up. FAILURE is NULL where there was an answer: COUNT addresses (0: the name has none of this family,
 * and TTL_S says nothing) that hold for TTL_S, the least TTL on the way through CNAMEs; else words that are never freed.
 */
struct resolver_answer {
    const char *name;
    bool v6;
    const char *failure;
    size_t count;
    const struct address *addresses;
    uint32_t ttl_s;
};

typedef void (*resolver_take)(void *context, const struct resolver_answer *answer);

/* Answers are given to TAKE with CONTEXT. NULL: no memory, or c-ares refuses. */
struct resolver *resolver_new(struct ev_loop *loop, resolver_take take, void *context);

/* Gives up all look-ups without a word, and frees. NULL is allowed. */
void resolver_free(struct resolver *resolver);

/*
 * Looks NAME up in one family; it is copied. Fails at once, before it returns, where nobody can be asked. Where nothing is
 * under way /etc/resolv.conf is read anew. Not to be called from TAKE. False: no memory; nothing will be answered.
 */
bool resolver_ask(struct resolver *resolver, const char *name, bool v6);

/* How many look-ups are under way. */
unsigned resolver_pending(const struct resolver *resolver);

#endif
