/*
 * The state table's store: one mapping of entries, one of hash buckets, and a timer wheel a stripe.
 *
 * The wheel is lazy. A packet only writes when its connection was last seen; the entry stays in the slot where it is and
 * is looked at when that slot comes round, then removed or put where its time is now. Only a timeout that became shorter
 * moves the entry at once. So a refresh costs nothing, and an entry is looked at once in WHEEL_SLOTS ticks at most.
 */
#include "state/table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Slots of a stripe's wheel: 1024 * 256 ms = 262 s ahead. What is due later is put in the last slot and looked at again. */
#define WHEEL_SLOTS 1024u

struct stripe {
    _Alignas(64) pthread_mutex_t lock;
    uint64_t tick;              /* the last one that has been worked off */
    uint64_t opened, expired, removed;
    uint32_t slots[WHEEL_SLOTS]; /* heads of lists of entries */
};

/* The entries that are not in use. Its lock comes after a stripe's. */
struct pool {
    pthread_mutex_t lock;
    uint32_t free;  /* head of a list through connection.next */
    uint32_t fresh; /* the lowest index that was never used; its page has not been touched */
    uint32_t used, limit;
    uint64_t last_id;
};

struct table {
    struct table_config config;
    uint32_t bucket_mask;
    uint32_t *buckets;
    struct connection *entries; /* capacity + 1: index 0 is CONNECTION_NONE */
    struct pool pool;
    struct stripe stripes[TABLE_STRIPES];
};

/* Zeroed pages that cost nothing until they are touched. */
static void *map_lazily(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static size_t entries_bytes(const struct table *table)
{
    return ((size_t)table->config.capacity + 1) * sizeof(struct connection);
}

static size_t buckets_bytes(const struct table *table)
{
    return ((size_t)table->bucket_mask + 1) * sizeof(uint32_t);
}

struct table *table_new(const struct table_config *config)
{
    struct table *table = map_lazily(sizeof *table);
    if (table == NULL)
        return NULL;
    table->config = *config;
    uint32_t buckets = TABLE_STRIPES;
    while (buckets < config->capacity && buckets < 1u << 31)
        buckets *= 2;
    table->bucket_mask = buckets - 1;
    table->buckets = map_lazily(buckets_bytes(table));
    table->entries = map_lazily(entries_bytes(table));
    if (table->buckets == NULL || table->entries == NULL) {
        table_free(table);
        return NULL;
    }
    for (unsigned i = 0; i < TABLE_STRIPES; i++)
        pthread_mutex_init(&table->stripes[i].lock, NULL);
    pthread_mutex_init(&table->pool.lock, NULL);
    table->pool.fresh = 1;
    table->pool.limit = config->capacity;
    return table;
}

void table_free(struct table *table)
{
    if (table == NULL)
        return;
    if (table->buckets != NULL)
        munmap(table->buckets, buckets_bytes(table));
    if (table->entries != NULL)
        munmap(table->entries, entries_bytes(table));
    munmap(table, sizeof *table);
}

void table_limit(struct table *table, uint32_t most)
{
    pthread_mutex_lock(&table->pool.lock);
    table->pool.limit = most < table->config.capacity ? most : table->config.capacity;
    pthread_mutex_unlock(&table->pool.lock);
}

uint32_t table_hash(const struct table *table, const struct tuple *tuple)
{
    uint64_t words[sizeof *tuple / sizeof(uint64_t)];
    _Static_assert(sizeof words == sizeof *tuple, "a tuple is whole words without padding");
    memcpy(words, tuple, sizeof words);
    return (uint32_t)siphash_words(&table->config.key, words, sizeof words / sizeof words[0]);
}

/* A bucket belongs to one stripe: the stripe is the low bits of the bucket's index. */
static struct stripe *stripe_of(struct table *table, uint32_t hash)
{
    return &table->stripes[hash % TABLE_STRIPES];
}

void table_lock(struct table *table, uint32_t hash)
{
    pthread_mutex_lock(&stripe_of(table, hash)->lock);
}

void table_unlock(struct table *table, uint32_t hash)
{
    pthread_mutex_unlock(&stripe_of(table, hash)->lock);
}

struct connection *table_find(struct table *table, uint32_t hash, const struct tuple *tuple)
{
    uint32_t index = table->buckets[hash & table->bucket_mask];
    while (index != CONNECTION_NONE) {
        struct connection *connection = &table->entries[index];
        if (connection->hash == hash && tuple_equal(&connection->tuple, tuple))
            return connection;
        index = connection->next;
    }
    return NULL;
}

/* Takes a free entry and the next connection's id; CONNECTION_NONE when the table holds as many as it may. */
static uint32_t pool_take(struct table *table, uint64_t *id)
{
    struct pool *pool = &table->pool;
    uint32_t index = CONNECTION_NONE;
    pthread_mutex_lock(&pool->lock);
    if (pool->used < pool->limit) {
        pool->used++;
        *id = ++pool->last_id;
        index = pool->free;
        if (index != CONNECTION_NONE)
            pool->free = table->entries[index].next;
        else
            index = pool->fresh++;
    }
    pthread_mutex_unlock(&pool->lock);
    return index;
}

static void pool_give(struct table *table, uint32_t index)
{
    struct pool *pool = &table->pool;
    pthread_mutex_lock(&pool->lock);
    table->entries[index].next = pool->free;
    pool->free = index;
    pool->used--;
    pthread_mutex_unlock(&pool->lock);
}

/* The tick by whose end the connection has expired, if nothing is heard of it. */
static uint64_t due_tick(const struct connection *connection)
{
    return (connection->seen_ms + connection->timeout_ms + TABLE_TICK_MS - 1) / TABLE_TICK_MS;
}

static void wheel_put(struct table *table, struct stripe *stripe, uint32_t index)
{
    struct connection *connection = &table->entries[index];
    uint64_t tick = due_tick(connection);
    if (tick <= stripe->tick)
        tick = stripe->tick + 1;
    if (tick > stripe->tick + WHEEL_SLOTS - 1)
        tick = stripe->tick + WHEEL_SLOTS - 1;
    uint16_t slot = (uint16_t)(tick % WHEEL_SLOTS);
    connection->wheel_slot = slot;
    connection->wheel_previous = CONNECTION_NONE;
    connection->wheel_next = stripe->slots[slot];
    if (connection->wheel_next != CONNECTION_NONE)
        table->entries[connection->wheel_next].wheel_previous = index;
    stripe->slots[slot] = index;
}

static void wheel_take(struct table *table, struct stripe *stripe, struct connection *connection)
{
    if (connection->wheel_next != CONNECTION_NONE)
        table->entries[connection->wheel_next].wheel_previous = connection->wheel_previous;
    if (connection->wheel_previous != CONNECTION_NONE)
        table->entries[connection->wheel_previous].wheel_next = connection->wheel_next;
    else
        stripe->slots[connection->wheel_slot] = connection->wheel_next;
}

/* The tick at which the slot that holds the connection comes round. */
static uint64_t wheel_tick(const struct stripe *stripe, const struct connection *connection)
{
    uint64_t next = stripe->tick + 1;
    return next + (connection->wheel_slot + WHEEL_SLOTS - next % WHEEL_SLOTS) % WHEEL_SLOTS;
}

struct connection *table_insert(struct table *table, uint32_t hash, const struct tuple *tuple, uint64_t now_ms,
                                uint32_t timeout_ms)
{
    uint64_t id;
    uint32_t index = pool_take(table, &id);
    if (index == CONNECTION_NONE)
        return NULL;
    struct stripe *stripe = stripe_of(table, hash);
    uint32_t *bucket = &table->buckets[hash & table->bucket_mask];
    struct connection *connection = &table->entries[index];
    memset(connection, 0, sizeof *connection);
    connection->id = id;
    connection->hash = hash;
    connection->tuple = *tuple;
    connection->seen_ms = now_ms;
    connection->created_s = (uint32_t)(now_ms / 1000);
    connection->timeout_ms = timeout_ms;
    connection->next = *bucket;
    *bucket = index;
    wheel_put(table, stripe, index);
    stripe->opened++;
    return connection;
}

void table_refresh(struct table *table, struct connection *connection, uint64_t now_ms, uint32_t timeout_ms)
{
    struct stripe *stripe = stripe_of(table, connection->hash);
    connection->seen_ms = now_ms;
    connection->timeout_ms = timeout_ms;
    if (due_tick(connection) < wheel_tick(stripe, connection)) {
        wheel_take(table, stripe, connection);
        wheel_put(table, stripe, (uint32_t)(connection - table->entries));
    }
}

static void forget(struct table *table, struct stripe *stripe, struct connection *connection)
{
    uint32_t index = (uint32_t)(connection - table->entries);
    uint32_t *link = &table->buckets[connection->hash & table->bucket_mask];
    while (*link != index)
        link = &table->entries[*link].next;
    *link = connection->next;
    wheel_take(table, stripe, connection);
    pool_give(table, index);
}

void table_remove(struct table *table, struct connection *connection)
{
    struct stripe *stripe = stripe_of(table, connection->hash);
    stripe->removed++;
    forget(table, stripe, connection);
}

/* Works off the slot of the tick after stripe->tick. Returns what is left of the budget; 0: the slot may not be empty. */
static unsigned expire_slot(struct table *table, struct stripe *stripe, uint64_t now_ms, unsigned budget)
{
    uint32_t *slot = &stripe->slots[(stripe->tick + 1) % WHEEL_SLOTS];
    while (*slot != CONNECTION_NONE && budget > 0) {
        uint32_t index = *slot;
        struct connection *connection = &table->entries[index];
        budget--;
        if (connection_expired(connection, now_ms)) {
            stripe->expired++;
            forget(table, stripe, connection);
        } else {
            /* Its time is later than this tick, so it lands in another slot and the loop ends. */
            wheel_take(table, stripe, connection);
            wheel_put(table, stripe, index);
        }
    }
    return *slot == CONNECTION_NONE ? budget : 0;
}

bool table_expire(struct table *table, unsigned stripe_index, uint64_t now_ms, unsigned budget)
{
    struct stripe *stripe = &table->stripes[stripe_index];
    uint64_t now = now_ms / TABLE_TICK_MS;
    bool done = true;
    pthread_mutex_lock(&stripe->lock);
    /* After a long pause one turn of the wheel visits every slot; more turns would find nothing new. */
    if (now > stripe->tick + WHEEL_SLOTS)
        stripe->tick = now - WHEEL_SLOTS;
    while (stripe->tick < now) {
        budget = expire_slot(table, stripe, now_ms, budget);
        if (budget == 0) {
            done = false;
            break;
        }
        stripe->tick++;
    }
    pthread_mutex_unlock(&stripe->lock);
    return done;
}

struct table_use table_use(struct table *table)
{
    struct table_use use = {.capacity = table->config.capacity};
    pthread_mutex_lock(&table->pool.lock);
    use.now = table->pool.used;
    use.limit = table->pool.limit;
    pthread_mutex_unlock(&table->pool.lock);
    for (unsigned i = 0; i < TABLE_STRIPES; i++) {
        struct stripe *stripe = &table->stripes[i];
        pthread_mutex_lock(&stripe->lock);
        use.opened += stripe->opened;
        use.expired += stripe->expired;
        use.removed += stripe->removed;
        pthread_mutex_unlock(&stripe->lock);
    }
    return use;
}

void table_each(struct table *table, unsigned stripe_index, uint64_t now_ms,
                void (*see)(void *context, const struct connection *connection), void *context)
{
    struct stripe *stripe = &table->stripes[stripe_index];
    pthread_mutex_lock(&stripe->lock);
    for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++)
        for (uint32_t i = stripe->slots[slot]; i != CONNECTION_NONE; i = table->entries[i].wheel_next)
            if (!connection_expired(&table->entries[i], now_ms))
                see(context, &table->entries[i]);
    pthread_mutex_unlock(&stripe->lock);
}
