/* The reasons of verdicts as an enum, with their names and texts. The list itself is reasons.def. */
#ifndef PACKET_REASON_H
#define PACKET_REASON_H

enum reason {
#define REASON(name, word, text) REASON_##name,
#include "packet/reasons.def"
#undef REASON
    REASON_COUNT
};

/* The reason's word as logs, JSON and counters show it, such as "tcp-window". */
const char *reason_name(enum reason reason);

/* The reason in a sentence for people. */
const char *reason_text(enum reason reason);

#endif
