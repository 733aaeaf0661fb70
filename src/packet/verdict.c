#include "packet/verdict.h"

const char *state_name(enum packet_state state)
{
    static const char *const names[STATE_COUNT] = {"none", "new", "established", "related", "invalid"};
    return names[state];
}

const char *action_name(enum action action)
{
    static const char *const names[ACTION_COUNT] = {"deny", "allow", "reject", "audit"};
    return names[action];
}

const char *chain_name(enum chain chain)
{
    static const char *const names[CHAIN_COUNT] = {"forward", "input", "output"};
    return names[chain];
}
