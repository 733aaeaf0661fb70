/*
 * The names of a dns set and what was answered to them: which addresses are members and until when, when to ask again, what
 * failed. Each name is two questions, one a family, so that an answer about IPv4 says nothing about IPv6.
 *
 * An address is a member while it is in its question's last answer, and for a grace after it has left: whoever asked before us
 * may go on with what he was told. A failure changes no member. The main thread's alone; workers see the members only.
 */
#ifndef RULES_DNS_SET_H
#define RULES_DNS_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/address.h"

struct dynamic_set;

#define DNS_NAMES_MAX 64               /* of one set */
#define DNS_ADDRESSES_MAX 256u         /* of one question, those in their grace included */
#define DNS_TTL_LEAST_S 5u             /* a shorter TTL is taken as this, ... */
#define DNS_TTL_MOST_S 86400u          /* ... a longer one as this */
#define DNS_TTL_EMPTY_S 60u            /* an answer without addresses has no TTL: it is taken as this */
#define DNS_RETRY_MS 10000u            /* after a failure */
#define DNS_GRACE_MS 600000u           /* an address stays for so long, or for its last TTL where that is longer */

struct dns_record {
    struct address address;
    uint64_t answered_ms; /* when it was last in an answer */
    uint64_t until_ms;    /* UINT64_MAX: it is in the last one; else when its grace ends */
};

struct dns_question {
    const char *name;     /* the ruleset's */
    bool v6;
    bool asked;           /* a look-up is under way */
    bool answered;        /* there has been an answer, maybe an empty one */
    uint64_t next_ms;     /* of the next look-up */
    uint64_t ttl_ms;      /* of the last answer, within the bounds */
    const char *failure;  /* of the last look-up, in words that are never freed; NULL: it was answered */
    bool left_out;        /* the last answer had more addresses than there is room for */
    size_t count;
    struct dns_record records[DNS_ADDRESSES_MAX];
};

struct dns_set {
    size_t count;                    /* two for each name */
    struct dns_question questions[];
};

/* The questions of COUNT (1..DNS_NAMES_MAX) NAMES, which the caller keeps; all are due at once. NULL: no memory. */
struct dns_set *dns_set_new(const char *const *names, size_t count);
void dns_set_free(struct dns_set *set);

/* The question about NAME; NULL: the set has none. */
struct dns_question *dns_set_question(struct dns_set *set, const char *name, bool v6);

/*
 * QUESTION, of SET, was answered at NOW_MS: COUNT addresses (0: it has none) that hold for TTL_S. MEMBERS are brought up to
 * date. True: it had failed before.
 */
bool dns_set_answer(struct dns_set *set, struct dynamic_set *members, struct dns_question *question,
                    const struct address *addresses, size_t count, uint32_t ttl_s, uint64_t now_ms);

/* It failed, for WHY (static). The members stay as they are. True: it had not failed before. */
bool dns_question_fail(struct dns_question *question, const char *why, uint64_t now_ms);

/* SET goes on with what OLD knows about the names that both have. */
void dns_set_adopt(struct dns_set *set, struct dynamic_set *members, const struct dns_set *old, uint64_t now_ms);

/* SET was out of use: MEMBERS leave, until dns_set_adopt shows them again, and look-ups whose answers it has missed are forgotten. */
void dns_set_revive(struct dns_set *set, struct dynamic_set *members);

/* The name that a member came from. */
const char *dns_set_name_by(const struct dns_set *set, uint32_t by);

#endif
