/*
 * Where spid and the kernel's tracker judge a packet differently, and why. A difference that no row of the table explains is
 * a fault of one of them, and the test fails.
 */
#ifndef TESTS_DIFFERENTIAL_EXPLAIN_H
#define TESTS_DIFFERENTIAL_EXPLAIN_H

#include "engine/engine.h"
#include "tests/differential/kernel.h"

/* One packet, judged by both. */
struct judged {
    enum kernel_state kernel;
    struct verdict verdict;
    const struct packet *packet;
    struct connection connection; /* spid's, before the packet; id 0: there was none */
    bool confused;    /* a SYN has come again, or somebody else has thrown one in */
    bool unread;      /* spid has refused to read an earlier packet of this capture: it may have been the SYN */
    bool undisturbed; /* both hosts keep to the RFCs, and nobody else has spoken: nothing of it may be denied lightly */
};

struct explanation {
    const char *text;
    bool diverges; /* the two know different things about this connection from then on */
    bool (*fits)(const struct judged *judged);
};

/* Do both say the same? */
bool judged_alike(const struct judged *judged);

/* Do both say the same, and make something else of it? The row that says why, else NULL. */
const struct explanation *explain_hidden(const struct judged *judged);

/* The row that explains the difference; NULL: none does. */
const struct explanation *explain(const struct judged *judged);

#endif
