#include "packet/timeouts.h"

const struct timeouts timeouts_default = {{
#define TIMEOUT(name, key, default_ms) [TIMEOUT_##name] = default_ms,
#include "packet/timeouts.def"
#undef TIMEOUT
}};

const char *timeout_key(enum timeout timeout)
{
    static const char *const keys[TIMEOUT_COUNT] = {
#define TIMEOUT(name, key, default_ms) [TIMEOUT_##name] = key,
#include "packet/timeouts.def"
#undef TIMEOUT
    };
    return keys[timeout];
}
