/*
 * Any bytes as a dialogue over RAS; the form of the input stands in dialogue.h.
 */
#include "tests/fuzz/dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dialogue_hear(&alg_ras, data, size);
    return 0;
}
