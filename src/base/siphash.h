/*
 * SipHash-1-3, the keyed hash of the state table: without the key nobody outside can choose addresses and ports that
 * collide (Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012; the 1-3 variant is the one meant for hash
 * tables).
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t k0, k1; /* random, secret, drawn once by whoever makes the table */
};

/* Hashes COUNT 64-bit words. */
uint64_t siphash_words(const struct siphash_key *key, const uint64_t *words, size_t count);

#endif
