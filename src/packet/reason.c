#include "packet/reason.h"

const char *reason_name(enum reason reason)
{
    static const char *const names[REASON_COUNT] = {
#define REASON(name, word, text) [REASON_##name] = word,
#include "packet/reasons.def"
#undef REASON
    };
    return names[reason];
}

const char *reason_text(enum reason reason)
{
    static const char *const texts[REASON_COUNT] = {
#define REASON(name, word, text) [REASON_##name] = text,
#include "packet/reasons.def"
#undef REASON
    };
    return texts[reason];
}
