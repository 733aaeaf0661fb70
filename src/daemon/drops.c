#include "daemon/drops.h"

#include <stdbool.h>
#include <stddef.h>

/* An event seen as words. */
typedef uint64_t __attribute__((may_alias)) word;

void drops_put(struct drops *drops, const struct event *event)
{
    uint64_t written = drops->written;
    uint64_t *number = &drops->ring[written % DROPS_MAX].number, *into = drops->ring[written % DROPS_MAX].words;
    const word *words = (const word *)event;
    __atomic_store_n(number, 2 * written + 1, __ATOMIC_RELAXED);
    /* Whoever reads one of the words below reads the odd number, or a later one, after them. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
#pragma GCC unroll 32
    for (size_t i = 0; i < EVENT_WORDS; i++)
        __atomic_store_n(&into[i], words[i], __ATOMIC_RELAXED);
    __atomic_store_n(number, 2 * written + 2, __ATOMIC_RELEASE);
    __atomic_store_n(&drops->written, written + 1, __ATOMIC_RELEASE);
}

/* Copies the event with this number. False: EVENT is not of use, because its place has been, or is being, written over. */
static bool copy(const struct drops *drops, uint64_t n, struct event *event)
{
    const uint64_t *number = &drops->ring[n % DROPS_MAX].number, *from = drops->ring[n % DROPS_MAX].words;
    word *words = (word *)event;
    if (__atomic_load_n(number, __ATOMIC_ACQUIRE) != 2 * n + 2)
        return false;
    for (size_t i = 0; i < EVENT_WORDS; i++)
        words[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(number, __ATOMIC_RELAXED) == 2 * n + 2;
}

/* A reader who is interrupted in a flood finds all places written over: so often he begins again. */
#define TRIES 8

unsigned drops_last(const struct drops *drops, struct event *events, unsigned count)
{
    unsigned copied = 0;
    for (unsigned try = 0; try < TRIES && copied == 0; try++) {
        uint64_t written = __atomic_load_n(&drops->written, __ATOMIC_ACQUIRE);
        for (uint64_t n = written; n > 0 && written - n < count && copy(drops, n - 1, &events[copied]); n--)
            copied++;
    }
    return copied;
}
