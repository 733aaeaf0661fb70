/*
 * The numbers of a bounded ring with one writer and one reader, which are different threads; the places are the owner's array.
 * Neither ever waits. What the writer finds no place for is counted and left out.
 *
 *     if (ring_free(&r->ring, PLACES, &place)) { r->list[place] = it; ring_put(&r->ring); }
 *     if (ring_filled(&r->ring, PLACES, &place)) { it = r->list[place]; ring_took(&r->ring); }
 *
 * PLACES is a power of two.
 */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stdbool.h>
#include <stdint.h>

struct ring {
    _Alignas(64) uint32_t written; /* by the writer ... */
    uint64_t left_out;             /* ... as this is, and read by anybody (ring_left_out) */
    _Alignas(64) uint32_t read;    /* by the reader */
};

/* Writer: is a place free? PLACE is its number; ring_put gives it to the reader. */
static inline bool ring_free(struct ring *ring, uint32_t places, uint32_t *place)
{
    *place = ring->written % places;
    if (ring->written - __atomic_load_n(&ring->read, __ATOMIC_ACQUIRE) < places)
        return true;
    __atomic_store_n(&ring->left_out, ring->left_out + 1, __ATOMIC_RELAXED);
    return false;
}

static inline void ring_put(struct ring *ring)
{
    __atomic_store_n(&ring->written, ring->written + 1, __ATOMIC_RELEASE);
}

/* Reader: is there anything? PLACE is the number of the oldest; ring_took gives its place back. */
static inline bool ring_filled(struct ring *ring, uint32_t places, uint32_t *place)
{
    *place = ring->read % places;
    return ring->read != __atomic_load_n(&ring->written, __ATOMIC_ACQUIRE);
}

static inline void ring_took(struct ring *ring)
{
    __atomic_store_n(&ring->read, ring->read + 1, __ATOMIC_RELEASE);
}

/* Writer: something was left out before it came here. */
static inline void ring_leave_out(struct ring *ring)
{
    __atomic_store_n(&ring->left_out, ring->left_out + 1, __ATOMIC_RELAXED);
}

static inline uint64_t ring_left_out(const struct ring *ring)
{
    return __atomic_load_n(&ring->left_out, __ATOMIC_RELAXED);
}

#endif
