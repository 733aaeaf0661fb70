/*
 * Any bytes as a dialogue that an ALG hears: for one driver an ALG.
 *
 * The input is a byte of which bit 0 means strict, bit 1 that media may come from anywhere, and bit 2 IPv6. Then what the
 * two say: a byte 0xfe gives the word to the client, 0xfd to the server; a new one may begin in the midst of a message.
 */
#ifndef TESTS_DIALOGUE_H
#define TESTS_DIALOGUE_H

#include "alg/alg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lets ALG hear the input; aborts where it breaks what alg/alg.h says. */
void dialogue_hear(const struct alg *alg, const uint8_t *data, size_t size);

#endif
