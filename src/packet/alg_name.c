#include "packet/alg_name.h"

#include <string.h>

#include "packet/packet.h"

static const struct {
    const char *text;
    uint8_t over, details;
    uint16_t port;
} names[ALG_NAME_COUNT] = {
    [ALG_NONE] = {.text = "none"},
#define ALG(name, text, protocols, port, details) [ALG_##name] = {text, protocols, details, port},
#include "packet/algs.def"
#undef ALG
};

const char *alg_name_text(enum alg_name name)
{
    return names[name].text;
}

enum alg_name alg_name_of(const char *text)
{
    for (enum alg_name name = ALG_NONE + 1; name < ALG_NAME_COUNT; name++)
        if (strcmp(names[name].text, text) == 0)
            return name;
    return ALG_NONE;
}

bool alg_name_over(enum alg_name name, uint8_t protocol)
{
    return (protocol == PROTOCOL_TCP && names[name].over & ALG_OVER_TCP) ||
           (protocol == PROTOCOL_UDP && names[name].over & ALG_OVER_UDP);
}

uint16_t alg_name_port(enum alg_name name)
{
    return names[name].port;
}

bool alg_name_takes(enum alg_name name, enum alg_detail detail)
{
    return names[name].details & detail;
}
