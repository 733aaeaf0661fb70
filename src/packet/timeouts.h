/* The idle timeouts as data: an enum, a key of the rule language and a default for each. The list is timeouts.def. */
#ifndef PACKET_TIMEOUTS_H
#define PACKET_TIMEOUTS_H

#include <stdint.h>

enum timeout {
#define TIMEOUT(name, key, default_ms) TIMEOUT_##name,
#include "packet/timeouts.def"
#undef TIMEOUT
    TIMEOUT_COUNT
};

/* A timeout is a whole number of milliseconds from 1 to this (30 days), so that sums never overflow. */
#define TIMEOUT_LARGEST_MS 2592000000u

struct timeouts {
    uint32_t ms[TIMEOUT_COUNT];
};

/* The defaults. */
extern const struct timeouts timeouts_default;

/* The key of the rule language, such as "tcp.established". */
const char *timeout_key(enum timeout timeout);

#endif
