#include "state/tally.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Entries stand in buckets of a few, searched in order; a key's bucket is given by its hash. Sized at twice the capacity, a
 * bucket of 16 overflows once in millions. Where it does, the rate that is nearest to its recovery is forgotten, so a flood
 * from many sources pushes out its own; where all count connections, the key goes without and is refused.
 */
#define BUCKET_ENTRIES 16u
#define LOCKS 64u

/*
 * The rate is kept as the time at which the bucket will be full again (the "virtual scheduling" of the generic cell rate
 * algorithm, ITU-T I.371): one number instead of tokens and a time.
 */
struct entry {
    struct tally_key key;
    uint32_t connections;
    bool used;
    uint64_t full_us; /* microseconds, on the caller's clock */
};

struct bucket {
    struct entry entries[BUCKET_ENTRIES];
};

struct tally {
    struct siphash_key key;
    uint32_t buckets; /* a power of two, at least LOCKS: a key's lock is the low bits of its hash, whatever the size */
    struct bucket *bucket; /* both change only while all locks are held */
    struct {
        _Alignas(64) pthread_mutex_t mutex;
        uint32_t keys;
    } locks[LOCKS];
};

static uint32_t buckets_for(uint32_t capacity)
{
    uint32_t buckets = LOCKS;
    while ((uint64_t)buckets * BUCKET_ENTRIES < 2 * (uint64_t)capacity)
        buckets *= 2;
    return buckets;
}

/* Zeroed pages that cost nothing until they are touched; NULL when they are refused. */
static struct bucket *buckets_map(uint32_t buckets)
{
    void *at = mmap(NULL, buckets * sizeof(struct bucket), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

struct tally *tally_new(uint32_t capacity, const struct siphash_key *key)
{
    struct tally *tally = aligned_alloc(64, (sizeof *tally + 63) / 64 * 64);
    if (tally == NULL)
        return NULL;
    memset(tally, 0, sizeof *tally);
    tally->key = *key;
    tally->buckets = buckets_for(capacity);
    tally->bucket = buckets_map(tally->buckets);
    if (tally->bucket == NULL) {
        free(tally);
        return NULL;
    }
    for (unsigned i = 0; i < LOCKS; i++)
        pthread_mutex_init(&tally->locks[i].mutex, NULL);
    return tally;
}

void tally_free(struct tally *tally)
{
    if (tally == NULL)
        return;
    munmap(tally->bucket, tally->buckets * sizeof *tally->bucket);
    free(tally);
}

static uint32_t hash_of(const struct tally *tally, const struct tally_key *key)
{
    uint64_t words[] = {key->source.high, key->source.low, (uint64_t)key->rule << 32 | key->kind};
    return (uint32_t)siphash_words(&tally->key, words, sizeof words / sizeof words[0]);
}

/* Locks where KEY is and returns its bucket's index. */
static uint32_t lock(struct tally *tally, const struct tally_key *key)
{
    uint32_t hash = hash_of(tally, key);
    pthread_mutex_lock(&tally->locks[hash % LOCKS].mutex);
    return hash & (tally->buckets - 1);
}

static void unlock(struct tally *tally, uint32_t index)
{
    pthread_mutex_unlock(&tally->locks[index % LOCKS].mutex);
}

/* Moves the entries of FROM to the buckets that TALLY has now. Each old bucket falls into two or more new ones, so all fit. */
static void move_entries(struct tally *tally, const struct bucket *from, uint32_t buckets)
{
    for (uint32_t b = 0; b < buckets; b++)
        for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
            const struct entry *entry = &from[b].entries[i];
            if (!entry->used)
                continue;
            struct entry *to = tally->bucket[hash_of(tally, &entry->key) & (tally->buckets - 1)].entries;
            while (to->used)
                to++;
            *to = *entry;
        }
}

void tally_grow(struct tally *tally, uint32_t capacity)
{
    uint32_t buckets = buckets_for(capacity), old_buckets = tally->buckets;
    struct bucket *old = tally->bucket, *bucket = buckets > old_buckets ? buckets_map(buckets) : NULL;
    if (bucket == NULL)
        return;
    for (unsigned i = 0; i < LOCKS; i++)
        pthread_mutex_lock(&tally->locks[i].mutex);
    tally->bucket = bucket;
    tally->buckets = buckets;
    move_entries(tally, old, old_buckets);
    for (unsigned i = 0; i < LOCKS; i++)
        pthread_mutex_unlock(&tally->locks[i].mutex);
    munmap(old, old_buckets * sizeof *old);
}

static bool key_equal(const struct tally_key *a, const struct tally_key *b)
{
    return address_equal(a->source, b->source) && a->rule == b->rule && a->kind == b->kind;
}

/* The entry of KEY in its bucket, which is locked; NULL when there is none. */
static struct entry *find(struct bucket *bucket, const struct tally_key *key)
{
    for (unsigned i = 0; i < BUCKET_ENTRIES; i++)
        if (bucket->entries[i].used && key_equal(&bucket->entries[i].key, key))
            return &bucket->entries[i];
    return NULL;
}

/* Which of two entries is worth less: a free one, then the one whose rate recovers first. One that counts connections stays. */
static bool worth_less(const struct entry *a, const struct entry *b)
{
    if (a->used && a->connections > 0)
        return false;
    if (b == NULL || !a->used)
        return b == NULL || b->used;
    return b->used && a->full_us < b->full_us;
}

/* The entry of KEY, made if there is none yet; NULL when every entry of its bucket counts connections. */
static struct entry *find_or_make(struct tally *tally, uint32_t index, const struct tally_key *key)
{
    struct bucket *bucket = &tally->bucket[index];
    struct entry *entry = find(bucket, key), *least = NULL;
    if (entry != NULL)
        return entry;
    for (unsigned i = 0; i < BUCKET_ENTRIES; i++)
        if (worth_less(&bucket->entries[i], least))
            least = &bucket->entries[i];
    if (least == NULL)
        return NULL;
    if (!least->used)
        tally->locks[index % LOCKS].keys++;
    *least = (struct entry){.key = *key, .used = true};
    return least;
}

static void release(struct tally *tally, uint32_t index, struct entry *entry)
{
    entry->used = false;
    tally->locks[index % LOCKS].keys--;
}

bool tally_take(struct tally *tally, const struct tally_key *key, uint32_t most)
{
    uint32_t index = lock(tally, key);
    struct entry *entry = find_or_make(tally, index, key);
    bool taken = entry != NULL && entry->connections < most;
    if (taken)
        entry->connections++;
    else if (entry != NULL && entry->connections == 0)
        release(tally, index, entry);
    unlock(tally, index);
    return taken;
}

void tally_give(struct tally *tally, const struct tally_key *key)
{
    uint32_t index = lock(tally, key);
    struct entry *entry = find(&tally->bucket[index], key);
    if (entry != NULL && entry->connections > 0 && --entry->connections == 0)
        release(tally, index, entry);
    unlock(tally, index);
}

/* What one event costs: the bucket needs so long to recover from it. */
static uint64_t cost_us(uint32_t count, uint32_t interval_ms)
{
    return (uint64_t)interval_ms * 1000 / count;
}

bool tally_event(struct tally *tally, const struct tally_key *key, uint32_t count, uint32_t interval_ms,
                 uint64_t now_ms)
{
    uint32_t index = lock(tally, key);
    uint64_t now_us = now_ms * 1000, cost = cost_us(count, interval_ms);
    struct entry *entry = find_or_make(tally, index, key);
    bool within = false;
    if (entry != NULL) {
        uint64_t from = entry->full_us > now_us ? entry->full_us : now_us;
        within = from + cost <= now_us + cost * count;
        if (within)
            entry->full_us = from + cost;
    }
    unlock(tally, index);
    return within;
}

void tally_event_undo(struct tally *tally, const struct tally_key *key, uint32_t count, uint32_t interval_ms)
{
    uint32_t index = lock(tally, key);
    struct entry *entry = find(&tally->bucket[index], key);
    if (entry != NULL)
        entry->full_us -= cost_us(count, interval_ms);
    unlock(tally, index);
}

uint32_t tally_count(struct tally *tally, const struct tally_key *key)
{
    uint32_t index = lock(tally, key);
    const struct entry *entry = find(&tally->bucket[index], key);
    uint32_t connections = entry ? entry->connections : 0;
    unlock(tally, index);
    return connections;
}

uint32_t tally_keys(struct tally *tally)
{
    uint32_t keys = 0;
    for (unsigned i = 0; i < LOCKS; i++) {
        pthread_mutex_lock(&tally->locks[i].mutex);
        keys += tally->locks[i].keys;
        pthread_mutex_unlock(&tally->locks[i].mutex);
    }
    return keys;
}
