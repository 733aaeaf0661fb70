/*
 * Any bytes as a dialogue over SIP; the form of the input stands in dialogue.h. Bit 3 of its first byte means TCP.
 */
#include "tests/fuzz/dialogue.h"

#define OVER_TCP 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dialogue_hear(size > 0 && data[0] & OVER_TCP ? &alg_sip_tcp : &alg_sip, data, size);
    return 0;
}
