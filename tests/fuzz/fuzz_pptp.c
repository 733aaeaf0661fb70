/*
 * Any bytes as a dialogue over PPTP; the form of the input stands in dialogue.h.
 */
#include "tests/fuzz/dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dialogue_hear(&alg_pptp, data, size);
    return 0;
}
