/*
 * The state table's store: one mapping of entries, one of hash buckets, and timer wheels a stripe.
 *
 * The wheels are lazy. A packet only writes when its connection was last seen; the entry stays in the slot where it is
 * and is looked at when that slot comes round, then removed or put where its time is now. Only a timeout that became
 * shorter moves the entry at once. So a refresh costs nothing, and an entry is looked at once in WHEEL_SLOTS ticks at
 * most.
 *
 * Each class of eviction has a wheel of its own: the first entries of a class's wheel are the ones that have been idle for
 * longest, so whom a full table gives up is found without any further list. A hint a class and stripe says where to begin.
 *
 * Longer than other files: hash, wheels and free entries change together, under one lock.
 */
#include "state/table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mapping.h"
#include "state/estate.h"
#include "state/family.h"
#include "state/limit.h"

/* Slots of a stripe's wheel: 1024 * 256 ms = 262 s ahead. What is due later is put in the last slot and looked at again. */
#define WHEEL_SLOTS 1024u

/* A connection's place in the wheels has 14 bits. */
#define WHEEL_PLACE_MASK 0x3fffu
_Static_assert(EVICTION_COUNT * WHEEL_SLOTS <= WHEEL_PLACE_MASK + 1, "every place can be told");

/* Expectations looked at in one turn: all that can be within a minute. */
#define EXPECTATIONS_BUDGET 1024u

/*
 * An offloaded connection whose time is over, as far as is known here, is looked at again after so many ticks (about 1 s): who
 * passes its packets tells in his own time. Where he has not told for so long, he is asked.
 */
#define OFFLOADED_TICKS 4u
#define OFFLOADED_SILENT_MS 30000u

/* Entries looked at in search of one to evict, in one stripe: refreshed ones stand in slots that are too early. */
#define EVICT_LOOKS_MAX 64u

/* Large pages that are provided in one turn of table_tend: some milliseconds of work. */
#define TEND_BUDGET 32u

struct stripe {
    _Alignas(64) pthread_mutex_t lock;
    uint64_t tick; /* the last one that has been worked off */
    uint64_t opened, expired, removed, evicted;
    uint32_t in_class[EVICTION_COUNT];
    uint32_t slots[EVICTION_COUNT][WHEEL_SLOTS]; /* heads of lists of entries */
};

/* The entries that are not in use. Its lock comes after a stripe's. */
struct pool {
    pthread_mutex_t lock;
    uint32_t free;  /* head of a list through connection.next */
    uint32_t fresh; /* the lowest index that was never used; its page has not been touched */
    uint64_t last_id;
};

struct table {
    struct table_config config;
    struct table_limits limits; /* each member is read and written whole, without a lock */
    uint32_t bucket_mask;
    uint32_t *buckets;
    struct connection *entries; /* capacity + 1: index 0 is CONNECTION_NONE */
    struct pool pool;
    struct tally *tally;
    struct families *families;
    const struct table_offload *offload; /* NULL: nobody */
    struct departures *departures; /* a stripe each */
    uint32_t used;      /* written with the pool's lock held, read without */
    uint32_t half_open; /* connections of this class, atomic */
    uint32_t hints[EVICTION_COUNT][TABLE_STRIPES]; /* no entry of the class stands in an earlier tick of the stripe */
    struct stripe stripes[TABLE_STRIPES];
};

#define HINT_NONE UINT32_MAX /* the class has no entry in the stripe */

static inline uint32_t load(const uint32_t *at)
{
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static inline void store(uint32_t *at, uint32_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELAXED);
}

static size_t buckets_bytes(const struct table *table)
{
    return ((size_t)table->bucket_mask + 1) * sizeof(uint32_t);
}

struct table *table_new(const struct table_config *config)
{
    struct table *table = mapping_new(sizeof *table);
    if (table == NULL)
        return NULL;
    table->config = *config;
    uint32_t buckets = TABLE_STRIPES;
    /* A full table has two entries a bucket; most are never full, and their buckets take memory too. */
    while (buckets < config->capacity / 2 && buckets < 1u << 31)
        buckets *= 2;
    table->bucket_mask = buckets - 1;
    table->buckets = mapping_new(buckets_bytes(table));
    table->entries = estate_claim(config->estate, ESTATE_CONNECTIONS, sizeof(struct connection), config->capacity + 1);
    table->tally = tally_new(0, &config->key);
    table->families = table->tally != NULL ? families_new(&config->key, table->tally, config->estate) : NULL;
    table->departures = mapping_new(TABLE_STRIPES * sizeof *table->departures);
    if (table->buckets == NULL || table->entries == NULL || table->families == NULL || table->departures == NULL) {
        table_free(table);
        return NULL;
    }
    for (unsigned i = 0; i < TABLE_STRIPES; i++)
        pthread_mutex_init(&table->stripes[i].lock, NULL);
    memset(table->hints, 0xff, sizeof table->hints);
    pthread_mutex_init(&table->pool.lock, NULL);
    table->pool.fresh = 1;
    table->limits = (struct table_limits){.connections = config->capacity, .half_open = config->capacity};
    return table;
}

void table_free(struct table *table)
{
    if (table == NULL)
        return;
    mapping_free(table->buckets, buckets_bytes(table));
    estate_release(table->config.estate, table->entries, sizeof(struct connection), table->config.capacity + 1);
    mapping_free(table->departures, TABLE_STRIPES * sizeof *table->departures);
    families_free(table->families);
    tally_free(table->tally);
    mapping_free(table, sizeof *table);
}

void table_limit(struct table *table, const struct table_limits *limits)
{
    uint32_t capacity = table->config.capacity;
    store(&table->limits.connections, limits->connections < capacity ? limits->connections : capacity);
    store(&table->limits.reserved, limits->reserved);
    store(&table->limits.half_open, limits->half_open);
    store(&table->limits.adaptive_start, limits->adaptive_start);
    store(&table->limits.adaptive_end, limits->adaptive_end);
    /* A connection counts for its rule and its source at most, and what it counts for may be its own. */
    tally_grow(table->tally, 2 * table->limits.connections);
}

struct tally *table_tally(struct table *table)
{
    return table->tally;
}

struct families *table_families(struct table *table)
{
    return table->families;
}

uint32_t table_hash(const struct table *table, const struct tuple *tuple)
{
    uint64_t words[sizeof *tuple / sizeof(uint64_t)];
    size_t count = sizeof words / sizeof words[0];
    _Static_assert(sizeof words == sizeof *tuple, "a tuple is whole words without padding");
    memcpy(words, tuple, sizeof words);
    /* Of IPv4's addresses only the lower halves differ. Their tuple is hashed as fewer words, so never like one of IPv6. */
    if (address_is_v4(tuple->low)) {
        words[0] = tuple->low.low << 32 | (uint32_t)tuple->high.low;
        words[1] = words[count - 1];
        count = 2;
    }
    return (uint32_t)siphash_words(&table->config.key, words, count);
}

/* A bucket belongs to one stripe: the stripe is the low bits of the bucket's index. */
static struct stripe *stripe_of(struct table *table, uint32_t hash)
{
    return &table->stripes[hash % TABLE_STRIPES];
}

void table_fetch_bucket(const struct table *table, uint32_t hash)
{
    __builtin_prefetch(&table->buckets[hash & table->bucket_mask]);
}

void table_fetch_entry(const struct table *table, uint32_t hash)
{
    const char *entry = (const char *)&table->entries[load(&table->buckets[hash & table->bucket_mask])];
    for (size_t line = 0; line < sizeof(struct connection); line += 64)
        __builtin_prefetch(entry + line, 1);
}

void table_lock(struct table *table, uint32_t hash)
{
    pthread_mutex_lock(&stripe_of(table, hash)->lock);
}

void table_unlock(struct table *table, uint32_t hash)
{
    pthread_mutex_unlock(&stripe_of(table, hash)->lock);
}

void table_set_offload(struct table *table, const struct table_offload *offload)
{
    table->offload = offload;
}

void table_catch_up(struct table *table, struct connection *connection)
{
    if (connection->offloaded)
        table->offload->catch_up(table->offload->context, connection);
}

void table_recall(struct table *table, struct connection *connection)
{
    if (connection->offloaded)
        table->offload->recall(table->offload->context, connection);
}

void table_tell(struct table *table, struct connection *connection)
{
    if (connection->offloaded)
        table->offload->tell(table->offload->context, connection);
}

bool table_try_lock(struct table *table, uint32_t hash)
{
    return pthread_mutex_trylock(&stripe_of(table, hash)->lock) == 0;
}

uint32_t table_index(const struct table *table, const struct connection *connection)
{
    return (uint32_t)(connection - table->entries);
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

/* An entry that was never used; CONNECTION_NONE: there is no memory for it. The pool's lock is held. */
static uint32_t pool_fresh(struct table *table)
{
    struct pool *pool = &table->pool;
    if (!estate_provide(table->config.estate, ESTATE_CONNECTIONS, pool->fresh))
        return CONNECTION_NONE;
    uint32_t index = pool->fresh;
    store(&pool->fresh, index + 1);
    return index;
}

/* Takes a free entry and the next connection's id; CONNECTION_NONE when the table holds as many as it may. */
static uint32_t pool_take(struct table *table, bool priority, uint64_t *id)
{
    struct pool *pool = &table->pool;
    uint32_t index = CONNECTION_NONE;
    uint32_t limit = load(&table->limits.connections), reserved = load(&table->limits.reserved);
    if (!priority)
        limit = reserved < limit ? limit - reserved : 0;
    pthread_mutex_lock(&pool->lock);
    if (table->used < limit) {
        index = pool->free;
        if (index != CONNECTION_NONE)
            pool->free = table->entries[index].next;
        else
            index = pool_fresh(table);
    }
    if (index != CONNECTION_NONE) {
        store(&table->used, table->used + 1);
        *id = ++pool->last_id;
    }
    pthread_mutex_unlock(&pool->lock);
    return index;
}

static uint64_t pool_next_id(struct table *table)
{
    pthread_mutex_lock(&table->pool.lock);
    uint64_t id = ++table->pool.last_id;
    pthread_mutex_unlock(&table->pool.lock);
    return id;
}

static void pool_give(struct table *table, uint32_t index)
{
    struct pool *pool = &table->pool;
    pthread_mutex_lock(&pool->lock);
    table->entries[index].id = 0; /* whoever reads the estate sees that nobody is there */
    table->entries[index].next = pool->free;
    pool->free = index;
    store(&table->used, table->used - 1);
    pthread_mutex_unlock(&pool->lock);
}

uint32_t timeout_adapted(uint32_t timeout_ms, uint32_t n, uint32_t start, uint32_t end)
{
    if (end == 0 || n <= start)
        return timeout_ms;
    if (n >= end)
        return 0;
    return (uint32_t)((uint64_t)timeout_ms * (end - n) / (end - start));
}

/* When the connection expires, if nothing is heard of it and the table stays as full as it is. */
static uint64_t due_ms(const struct table *table, const struct connection *connection)
{
    uint32_t timeout_ms = timeout_adapted(connection->timeout_ms, load(&table->used), load(&table->limits.adaptive_start),
                                          load(&table->limits.adaptive_end));
    uint64_t due = connection->seen_ms + timeout_ms;
    return connection->kin == KIN_NONE ? due : family_due(table->families, connection, due, timeout_ms);
}

bool table_expired(const struct table *table, const struct connection *connection, uint64_t now_ms)
{
    return !connection->offloaded && now_ms >= due_ms(table, connection);
}

/* The tick by whose end the connection has expired. */
static uint64_t due_tick(const struct table *table, const struct connection *connection)
{
    return (due_ms(table, connection) + TABLE_TICK_MS - 1) / TABLE_TICK_MS;
}

/* A connection keeps its place as class * WHEEL_SLOTS + slot. */
static enum eviction class_of(const struct connection *connection)
{
    return connection->wheel_place / WHEEL_SLOTS;
}

static uint32_t *wheel_head(struct stripe *stripe, uint16_t place)
{
    return &stripe->slots[place / WHEEL_SLOTS][place % WHEEL_SLOTS];
}

static uint32_t *hint_of(struct table *table, const struct stripe *stripe, enum eviction class)
{
    return &table->hints[class][stripe - table->stripes];
}

static void wheel_put(struct table *table, struct stripe *stripe, uint32_t index, enum eviction class)
{
    struct connection *connection = &table->entries[index];
    uint64_t tick = due_tick(table, connection);
    if (tick <= stripe->tick)
        tick = stripe->tick + (connection->offloaded ? OFFLOADED_TICKS : 1);
    /* A parent with children has no time of its own; looked at this often it is found in time when they have ended. */
    if (connection->kin != KIN_NONE && tick > stripe->tick + connection->timeout_ms / TABLE_TICK_MS + 1)
        tick = stripe->tick + connection->timeout_ms / TABLE_TICK_MS + 1;
    if (tick > stripe->tick + WHEEL_SLOTS - 1)
        tick = stripe->tick + WHEEL_SLOTS - 1;
    connection->wheel_place = (class * WHEEL_SLOTS + tick % WHEEL_SLOTS) & WHEEL_PLACE_MASK;
    uint32_t *head = wheel_head(stripe, connection->wheel_place);
    connection->wheel_previous = CONNECTION_NONE;
    connection->wheel_next = *head;
    if (*head != CONNECTION_NONE)
        table->entries[*head].wheel_previous = index;
    *head = index;
    stripe->in_class[class]++;
    uint32_t *hint = hint_of(table, stripe, class);
    if (tick < load(hint))
        store(hint, (uint32_t)tick);
    if (class == EVICT_HALF_OPEN)
        __atomic_add_fetch(&table->half_open, 1, __ATOMIC_RELAXED);
}

static void wheel_take(struct table *table, struct stripe *stripe, struct connection *connection)
{
    enum eviction class = class_of(connection);
    if (connection->wheel_next != CONNECTION_NONE)
        table->entries[connection->wheel_next].wheel_previous = connection->wheel_previous;
    if (connection->wheel_previous != CONNECTION_NONE)
        table->entries[connection->wheel_previous].wheel_next = connection->wheel_next;
    else
        *wheel_head(stripe, connection->wheel_place) = connection->wheel_next;
    stripe->in_class[class]--;
    if (class == EVICT_HALF_OPEN)
        __atomic_sub_fetch(&table->half_open, 1, __ATOMIC_RELAXED);
}

/* The tick at which the slot that holds the connection comes round. */
static uint64_t wheel_tick(const struct stripe *stripe, const struct connection *connection)
{
    uint64_t next = stripe->tick + 1;
    return next + (connection->wheel_place % WHEEL_SLOTS + WHEEL_SLOTS - next % WHEEL_SLOTS) % WHEEL_SLOTS;
}

static void tell_end(struct table *table, const struct stripe *stripe, struct connection *connection, enum ending ending)
{
    uint64_t parent = connection->kin != KIN_NONE ? family_kinship(table->families, connection).parent : 0;
    departures_put(&table->departures[stripe - table->stripes], connection, parent, ending);
    connection->told = false;
}

/* The connection is over: what it was counted for is free again, and its kin is told. */
static void depart(struct table *table, const struct stripe *stripe, struct connection *connection, enum ending ending)
{
    if (connection->told && ending != ENDING_NONE)
        tell_end(table, stripe, connection, ending);
    if (connection->counted != 0)
        limit_release(table->tally, connection->counted, connection->opener, connection_source(connection));
    if (connection->kin != KIN_NONE)
        family_leave(table->families, connection, stripe->tick * TABLE_TICK_MS);
}

static void forget(struct table *table, struct stripe *stripe, struct connection *connection, enum ending ending)
{
    uint32_t index = (uint32_t)(connection - table->entries);
    uint32_t *link = &table->buckets[connection->hash & table->bucket_mask];
    while (*link != index)
        link = &table->entries[*link].next;
    *link = connection->next;
    depart(table, stripe, connection, ending);
    wheel_take(table, stripe, connection);
    pool_give(table, index);
}

/* The connection in this slot that is due first, of the first few; those that were refreshed move to where they belong. */
static struct connection *first_due(struct table *table, struct stripe *stripe, uint32_t head, unsigned *looks)
{
    struct connection *first = NULL;
    for (uint32_t index = head, next; index != CONNECTION_NONE && *looks > 0; index = next) {
        struct connection *connection = &table->entries[index];
        next = connection->wheel_next;
        --*looks;
        if (due_tick(table, connection) > wheel_tick(stripe, connection)) {
            enum eviction class = class_of(connection);
            wheel_take(table, stripe, connection);
            wheel_put(table, stripe, index, class);
        } else if (first == NULL || due_ms(table, connection) <= due_ms(table, first)) {
            first = connection; /* of two that are due together, the one behind came first */
        }
    }
    return first;
}

/*
 * The connection of CLASS in STRIPE, which is locked, that is due first; the hint then says its tick. NULL: none was found
 * within the bound, or the class is empty; the hint says which.
 */
static struct connection *first_in_stripe(struct table *table, struct stripe *stripe, enum eviction class)
{
    uint32_t *hint = hint_of(table, stripe, class);
    unsigned looks = EVICT_LOOKS_MAX;
    uint64_t tick = load(hint) > stripe->tick ? load(hint) : stripe->tick + 1;
    if (stripe->in_class[class] == 0) {
        store(hint, HINT_NONE);
        return NULL;
    }
    for (; looks > 0; tick++) {
        struct connection *first = first_due(table, stripe, stripe->slots[class][tick % WHEEL_SLOTS], &looks);
        store(hint, (uint32_t)tick);
        if (first != NULL)
            return first;
    }
    return NULL;
}

/* The stripe whose hint is lowest, of those whose bit is not set in PASSED; TABLE_STRIPES when there is none. */
static unsigned lowest_hint(const struct table *table, enum eviction class, uint64_t passed)
{
    unsigned lowest = TABLE_STRIPES;
    uint32_t tick = HINT_NONE;
    _Static_assert(TABLE_STRIPES <= 64, "a bit a stripe");
    for (unsigned i = 0; i < TABLE_STRIPES; i++)
        if (load(&table->hints[class][i]) < tick && !(passed & UINT64_C(1) << i)) {
            tick = load(&table->hints[class][i]);
            lowest = i;
        }
    return lowest;
}

/*
 * Gives up the connection of CLASS that is due first. OWN is locked; the other stripes' locks are only tried, because
 * whoever holds one may be waiting for ours. A hint may be too low: then looking corrects it, and the choice is made anew.
 */
static bool evict(struct table *table, struct stripe *own, enum eviction class)
{
    uint64_t passed = 0;
    for (unsigned tries = 0; tries < 2 * TABLE_STRIPES; tries++) {
        unsigned choice = lowest_hint(table, class, passed);
        if (choice == TABLE_STRIPES)
            return false;
        struct stripe *stripe = &table->stripes[choice];
        if (stripe != own && pthread_mutex_trylock(&stripe->lock) != 0) {
            passed |= UINT64_C(1) << choice;
            continue;
        }
        struct connection *first = first_in_stripe(table, stripe, class);
        unsigned again = lowest_hint(table, class, passed);
        bool found = first != NULL && (again == choice || again == TABLE_STRIPES);
        if (found) {
            stripe->evicted++;
            forget(table, stripe, first, ending_of(first, ENDING_EVICTED));
        }
        if (stripe != own)
            pthread_mutex_unlock(&stripe->lock);
        if (found)
            return true;
    }
    return false;
}

/* An entry for a connection that stands so; evicts where it must. CONNECTION_NONE: the new connection must be refused. */
static uint32_t make_room(struct table *table, struct stripe *own, const struct standing *standing, uint64_t *id)
{
    if (standing->eviction == EVICT_HALF_OPEN && load(&table->half_open) >= load(&table->limits.half_open) &&
        !evict(table, own, EVICT_HALF_OPEN))
        return CONNECTION_NONE;
    uint32_t index = pool_take(table, standing->priority, id);
    for (unsigned class = 0; index == CONNECTION_NONE && class < EVICT_NEVER; class++)
        if (evict(table, own, class))
            index = pool_take(table, standing->priority, id);
    return index;
}

/* Begins a connection in the entry, which keeps its place in the hash chain. */
static void entry_begin(struct table *table, struct connection *connection, uint64_t id, uint64_t now_ms,
                        const struct standing *standing)
{
    struct stripe *stripe = stripe_of(table, connection->hash);
    struct connection fresh = {
        .next = connection->next,
        .hash = connection->hash,
        .tuple = connection->tuple,
        .seen_ms = now_ms,
        .created_s = (uint32_t)(now_ms / 1000),
        .timeout_ms = standing->timeout_ms,
    };
    *connection = fresh;
    /* With its id it is there, for whoever reads the estate after a sudden death. */
    __atomic_signal_fence(__ATOMIC_RELEASE);
    connection->id = id;
    wheel_put(table, stripe, (uint32_t)(connection - table->entries), standing->eviction);
    stripe->opened++;
}

struct connection *table_insert(struct table *table, uint32_t hash, const struct tuple *tuple, uint64_t now_ms,
                                const struct standing *standing)
{
    uint64_t id;
    uint32_t index = make_room(table, stripe_of(table, hash), standing, &id);
    if (index == CONNECTION_NONE)
        return NULL;
    uint32_t *bucket = &table->buckets[hash & table->bucket_mask];
    struct connection *connection = &table->entries[index];
    connection->hash = hash;
    connection->tuple = *tuple;
    connection->next = *bucket;
    *bucket = index;
    entry_begin(table, connection, id, now_ms, standing);
    return connection;
}

void table_replace(struct table *table, struct connection *connection, uint64_t now_ms,
                   const struct standing *standing)
{
    struct stripe *stripe = stripe_of(table, connection->hash);
    table_recall(table, connection);
    depart(table, stripe, connection, ending_of(connection, ENDING_CLOSED));
    wheel_take(table, stripe, connection);
    stripe->removed++;
    entry_begin(table, connection, pool_next_id(table), now_ms, standing);
}

void table_refresh(struct table *table, struct connection *connection, uint64_t now_ms,
                   const struct standing *standing)
{
    struct stripe *stripe = stripe_of(table, connection->hash);
    connection->seen_ms = now_ms;
    connection->timeout_ms = standing->timeout_ms;
    if (class_of(connection) != standing->eviction || due_tick(table, connection) < wheel_tick(stripe, connection)) {
        wheel_take(table, stripe, connection);
        wheel_put(table, stripe, (uint32_t)(connection - table->entries), standing->eviction);
    }
}

void table_remove(struct table *table, struct connection *connection, enum ending ending)
{
    struct stripe *stripe = stripe_of(table, connection->hash);
    table_recall(table, connection);
    stripe->removed++;
    forget(table, stripe, connection, ending);
}

void table_tell_end(struct table *table, struct connection *connection, enum ending ending)
{
    if (connection->told)
        tell_end(table, stripe_of(table, connection->hash), connection, ending);
}

bool table_take_departure(struct table *table, unsigned stripe, struct departure *departure)
{
    return departures_take(&table->departures[stripe], departure);
}

struct connection *table_restore(struct table *table, uint32_t hash, const struct connection *past, enum eviction eviction)
{
    struct standing standing = {.timeout_ms = past->timeout_ms, .eviction = eviction, .priority = true};
    struct connection *connection = table_insert(table, hash, &past->tuple, past->seen_ms, &standing);
    if (connection == NULL)
        return NULL;
    connection->flags = past->flags;
    connection->state = past->state;
    connection->chain = past->chain;
    connection->opener = past->opener;
    connection->opener_rule = UINT32_MAX;
    connection->transport = past->transport;
    connection->challenge = past->challenge;
    memcpy(connection->packets, past->packets, sizeof connection->packets);
    memcpy(connection->bytes, past->bytes, sizeof connection->bytes);
    connection->id = past->id;
    connection->created_s = past->created_s;
    connection->in_interface = past->in_interface;
    connection->out_interface = past->out_interface;
    stripe_of(table, hash)->opened--; /* not by us */
    /* Nobody is to have the same number later. */
    if (table->pool.last_id < past->id)
        table->pool.last_id = past->id;
    return connection;
}

void table_prepare(struct table *table, uint32_t connections)
{
    estate_tend(table->config.estate, connections, UINT32_MAX);
}

void table_tend(struct table *table)
{
    estate_tend(table->config.estate, load(&table->pool.fresh), TEND_BUDGET);
}

/* Works off one slot. Returns what is left of the budget; 0: the slot may not be empty. */
static unsigned expire_slot(struct table *table, struct stripe *stripe, uint32_t *slot, uint64_t now_ms,
                            unsigned budget)
{
    while (*slot != CONNECTION_NONE && budget > 0) {
        uint32_t index = *slot;
        struct connection *connection = &table->entries[index];
        budget--;
        if (connection->offloaded && now_ms >= due_ms(table, connection) + OFFLOADED_SILENT_MS)
            table_catch_up(table, connection);
        if (table_expired(table, connection, now_ms)) {
            stripe->expired++;
            forget(table, stripe, connection, ending_of(connection, ENDING_TIMEOUT));
        } else {
            /* Its time is later than this tick, so it lands in another slot and the loop ends. */
            enum eviction class = class_of(connection);
            wheel_take(table, stripe, connection);
            wheel_put(table, stripe, index, class);
        }
    }
    return *slot == CONNECTION_NONE ? budget : 0;
}

bool table_expire(struct table *table, unsigned stripe_index, uint64_t now_ms, unsigned budget)
{
    struct stripe *stripe = &table->stripes[stripe_index];
    uint64_t now = now_ms / TABLE_TICK_MS;
    pthread_mutex_lock(&stripe->lock);
    /* After a long pause one turn of the wheel visits every slot; more turns would find nothing new. */
    if (now > stripe->tick + WHEEL_SLOTS)
        stripe->tick = now - WHEEL_SLOTS;
    while (stripe->tick < now && budget > 0) {
        for (unsigned class = 0; class < EVICTION_COUNT && budget > 0; class++)
            budget = expire_slot(table, stripe, &stripe->slots[class][(stripe->tick + 1) % WHEEL_SLOTS], now_ms, budget);
        if (budget > 0)
            stripe->tick++;
    }
    pthread_mutex_unlock(&stripe->lock);
    if (stripe_index == 0)
        families_expire(table->families, now_ms, EXPECTATIONS_BUDGET);
    return budget > 0;
}

struct table_use table_use(struct table *table)
{
    struct table_use use = {
        .now = load(&table->used),
        .capacity = table->config.capacity,
        .limits = table->limits,
    };
    for (unsigned i = 0; i < TABLE_STRIPES; i++) {
        struct stripe *stripe = &table->stripes[i];
        pthread_mutex_lock(&stripe->lock);
        use.opened += stripe->opened;
        use.expired += stripe->expired;
        use.removed += stripe->removed;
        use.evicted += stripe->evicted;
        for (unsigned class = 0; class < EVICTION_COUNT; class++)
            use.in_class[class] += stripe->in_class[class];
        use.untold += ring_left_out(&table->departures[i].ring);
        pthread_mutex_unlock(&stripe->lock);
    }
    return use;
}

/* Places count buckets stripe by stripe, so that a stretch of them needs one lock; they never change while an entry lives. */
uint32_t table_walk(struct table *table, uint32_t at, unsigned budget, uint64_t now_ms,
                    void (*see)(void *context, struct connection *connection), void *context)
{
    uint32_t buckets = table->bucket_mask + 1, a_stripe = buckets / TABLE_STRIPES;
    struct stripe *stripe = &table->stripes[at / a_stripe];
    uint32_t end = (at / a_stripe + 1) * a_stripe;
    pthread_mutex_lock(&stripe->lock);
    for (; at < end && budget > 0; at++, budget--)
        for (uint32_t i = table->buckets[at % a_stripe * TABLE_STRIPES + at / a_stripe]; i != CONNECTION_NONE;
             i = table->entries[i].next)
            if (!table_expired(table, &table->entries[i], now_ms))
                see(context, &table->entries[i]);
    pthread_mutex_unlock(&stripe->lock);
    return at < buckets ? at : 0;
}
