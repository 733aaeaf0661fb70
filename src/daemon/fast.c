#include "daemon/fast.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mapping.h"
#include "engine/offload.h"
#include "fastpath/fastpath.h"

#define NS_A_MS UINT64_C(1000000)

/* A sweep begins so long after the one before began, and takes no more than a tenth of the main thread's time. */
#define SWEEP_EVERY_MS 1000u
#define SWEEP_SHARE 10u

/* So long a turn of the main thread; and so many entries whose memory is on its way at the same time. */
#define SWEEP_TURN_MS 8u
#define SWEEP_GROUP 16u

/* The kernel's clock of the program ticks so coarsely (CONFIG_HZ=100): an entry passes nothing that late. */
#define CLOCK_MS 10u

/* The entry that a connection has, and what has been taken over of its counters. */
struct account {
    uint64_t id;                   /* the entry's */
    uint64_t packets[2], bytes[2]; /* low, high */
};

struct fast {
    pthread_mutex_t lock;
    struct fastpath *kernel;
    const struct policy *policy;
    struct engine engine; /* what passed is counted in it */
    struct table_offload offload;
    struct account *accounts; /* by the connection's index */
    size_t accounts_bytes;
    enum fast_death death;
    uint32_t generation;
    uint32_t most;
    uint32_t entries; /* atomic for readers without the lock, like what follows */
    uint64_t entered, full;
    uint32_t adopted; /* of an earlier daemon */
    struct fastpath_record batch[FASTPATH_BATCH];
    /* The main thread's alone: */
    bool dead; /* played: no sign of life */
    struct fastpath_place place;
    uint64_t sweep_began_ms, sweep_due_ms, sweep_took_ms, sweeps;
    struct fastpath_record swept[FASTPATH_SWEEP];
};

static void add(uint64_t *counter, uint64_t more)
{
    __atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

static void set_entries(struct fast *fast, uint32_t entries)
{
    __atomic_store_n(&fast->entries, entries, __ATOMIC_RELAXED);
}

/* ---- between entry and connection; the lock is held ---- */

static struct account *account_of(const struct fast *fast, const struct connection *connection)
{
    return &fast->accounts[table_index(fast->engine.table, connection)];
}

/* All that ENTRY has counted so far is known. */
static void open_account(struct account *account, const struct fastpath_entry *entry)
{
    *account = (struct account){
        .id = entry->id,
        .packets = {entry->sides[0].packets, entry->sides[1].packets},
        .bytes = {entry->sides[0].bytes, entry->sides[1].bytes},
    };
}

static uint64_t words(uint32_t upper, uint32_t lower)
{
    return (uint64_t)upper << 32 | lower;
}

static uint32_t idle_limit(uint32_t ms)
{
    return ms > CLOCK_MS ? ms - CLOCK_MS : 0;
}

static void fill(const struct fast *fast, const struct connection *connection, const struct offload_terms *terms,
                 struct fastpath_record *record)
{
    record->tuple = connection->tuple;
    record->entry = (struct fastpath_entry){
        .id = connection->id,
        .generation = fast->generation,
        .idle_ms = idle_limit(terms->idle_ms),
        .unacknowledged_ms = idle_limit(terms->unacknowledged_ms),
        .opener = connection->opener,
        .created_s = connection->created_s,
        .bound = terms->bound,
        .opener_high = !!(connection->flags & CONNECTION_OPENER_HIGH),
        .flags = connection->flags,
    };
    for (unsigned i = 0; i < DIRECTION_COUNT; i++) {
        unsigned at = connection_side(connection, i);
        struct fastpath_side *side = &record->entry.sides[at];
        record->entry.interface[at] = i == ORIGINAL ? connection->in_interface : connection->out_interface;
        side->seen_ns = connection->seen_ms * NS_A_MS;
        /* They go on from the connection's, so that the next daemon knows them too. */
        side->packets = connection->packets[i];
        side->bytes = connection->bytes[i];
        if (connection->tuple.protocol != PROTOCOL_TCP)
            continue;
        const struct tcp_peer *peer = &connection->transport.tcp.peer[i];
        side->sent = words(peer->end, peer->ack);
        side->allowed = words(peer->end_max, peer->window);
        record->entry.scale[at] = peer->scale;
    }
}

static struct tcp_peer peer_of(const struct fastpath_entry *entry, unsigned at)
{
    const struct fastpath_side *side = &entry->sides[at];
    return (struct tcp_peer){
        .end = (uint32_t)(side->sent >> 32),
        .ack = (uint32_t)side->sent,
        .end_max = (uint32_t)(side->allowed >> 32),
        .window = (uint32_t)side->allowed,
        .scale = entry->scale[at],
    };
}

static uint64_t seen_ms(const struct fastpath_entry *entry)
{
    uint64_t low = entry->sides[0].seen_ns, high = entry->sides[1].seen_ns;
    return (low > high ? low : high) / NS_A_MS;
}

/* What came back of an entry may be older than what was taken over already: then it says nothing new. */
static void merge(struct fast *fast, struct connection *connection, const struct fastpath_entry *entry)
{
    struct account *account = account_of(fast, connection);
    struct offload_progress progress = {.seen_ms = seen_ms(entry)};
    for (unsigned i = 0; i < DIRECTION_COUNT; i++) {
        unsigned at = connection_side(connection, i);
        const struct fastpath_side *side = &entry->sides[at];
        if (side->packets > account->packets[at]) {
            progress.packets[i] = side->packets - account->packets[at];
            progress.bytes[i] = side->bytes - account->bytes[at];
            account->packets[at] = side->packets;
            account->bytes[at] = side->bytes;
        }
        progress.peer[i] = peer_of(entry, at);
    }
    offload_merge(&fast->engine, connection, &progress);
}

/* The connection is the engine's alone again. */
static void take_back(struct fast *fast, struct connection *connection)
{
    struct fastpath_entry entry;
    if (fastpath_take(fast->kernel, &connection->tuple, &entry)) {
        set_entries(fast, fast->entries > 0 ? fast->entries - 1 : 0);
        if (entry.id == account_of(fast, connection)->id)
            merge(fast, connection, &entry);
    }
    /* Last: who dies in between leaves a connection whose windows are known to be out of date. */
    connection->offloaded = false;
}

/* ENTRY is the connection's: takes over what it says, and takes the connection back where it may not stay. */
static void follow(struct fast *fast, struct connection *connection, const struct fastpath_entry *entry, uint64_t now_ms)
{
    merge(fast, connection, entry);
    connection->offloaded = false;
    bool over = entry->generation != fast->generation || table_expired(fast->engine.table, connection, now_ms);
    connection->offloaded = true;
    if (over)
        take_back(fast, connection);
}

/* ---- asked by the table ---- */

static void recall(void *context, struct connection *connection)
{
    struct fast *fast = context;
    pthread_mutex_lock(&fast->lock);
    take_back(fast, connection);
    pthread_mutex_unlock(&fast->lock);
}

static void catch_up(void *context, struct connection *connection)
{
    struct fast *fast = context;
    struct fastpath_entry entry;
    pthread_mutex_lock(&fast->lock);
    if (fastpath_read(fast->kernel, &connection->tuple, &entry) && entry.id == account_of(fast, connection)->id)
        follow(fast, connection, &entry, clock_now_ms());
    else
        take_back(fast, connection);
    pthread_mutex_unlock(&fast->lock);
}

static void tell(void *context, struct connection *connection)
{
    struct fast *fast = context;
    struct fastpath_news news = {.id = connection->id};
    for (unsigned i = 0; i < DIRECTION_COUNT; i++) {
        const struct tcp_peer *peer = &connection->transport.tcp.peer[i];
        news.sent[connection_side(connection, i)] = words(peer->end, peer->ack);
        news.allowed[connection_side(connection, i)] = words(peer->end_max, peer->window);
    }
    pthread_mutex_lock(&fast->lock);
    if (!fastpath_tell(fast->kernel, &connection->tuple, &news))
        take_back(fast, connection);
    pthread_mutex_unlock(&fast->lock);
}

/* ---- workers ---- */

/* Makes the next record of what was offered, if it still fits. */
static bool prepare(struct fast *fast, const struct engine *engine, const struct engine_offer *offer,
                    struct fastpath_record *record)
{
    struct table *table = engine->table;
    struct offload_terms terms;
    /* Who holds the stripe may be waiting for the fast path's lock. It is offered again with its next packet. */
    if (!table_try_lock(table, offer->hash))
        return false;
    struct connection *connection = table_find(table, offer->hash, &offer->tuple);
    bool fits = connection != NULL && !connection->offloaded && offload_fits(engine, connection) &&
                offload_terms(engine, connection, &terms);
    if (fits) {
        fill(fast, connection, &terms, record);
        open_account(account_of(fast, connection), &record->entry);
        connection->offloaded = true;
    }
    table_unlock(table, offer->hash);
    return fits;
}

/* Some found no room: they are not entered, whatever stands in the table. */
static void correct(const struct engine *engine, const struct fastpath_record *records, unsigned count)
{
    struct table *table = engine->table;
    for (unsigned i = 0; i < count; i++) {
        uint32_t hash = table_hash(table, &records[i].tuple);
        table_lock(table, hash);
        struct connection *connection = table_find(table, hash, &records[i].tuple);
        if (connection != NULL)
            table_catch_up(table, connection);
        table_unlock(table, hash);
    }
}

void fast_enter(struct fast *fast, const struct policy *policy, struct engine *engine)
{
    struct engine_offers *offers = engine->offers;
    struct fastpath_record refused[FASTPATH_BATCH];
    unsigned count = 0, entered = 0;
    if (offers->count == 0)
        return;
    pthread_mutex_lock(&fast->lock);
    /* By an older policy nothing is entered any more. */
    for (unsigned i = 0; i < offers->count && policy == fast->policy; i++) {
        if (fast->entries + count >= fast->most)
            add(&fast->full, 1);
        else if (prepare(fast, engine, &offers->list[i], &fast->batch[count]))
            count++;
    }
    if (count > 0)
        entered = fastpath_enter(fast->kernel, fast->batch, count);
    set_entries(fast, fast->entries + entered);
    add(&fast->entered, entered);
    add(&fast->full, count - entered);
    if (entered < count)
        memcpy(refused, fast->batch, count * sizeof *refused);
    pthread_mutex_unlock(&fast->lock);
    if (entered < count)
        correct(engine, refused, count);
    offers->count = 0;
}

/* ---- the main thread ---- */

/* An entry as it was a moment ago. */
static void see(struct fast *fast, const struct fastpath_record *record, uint32_t hash, uint64_t now_ms)
{
    struct table *table = fast->engine.table;
    table_lock(table, hash);
    struct connection *connection = table_find(table, hash, &record->tuple);
    pthread_mutex_lock(&fast->lock);
    if (connection != NULL && connection->offloaded) {
        if (account_of(fast, connection)->id == record->entry.id)
            follow(fast, connection, &record->entry, now_ms);
    } else {
        /* Nobody's: left by an earlier daemon and counted by none, or taken back since and not there any more. */
        struct fastpath_entry entry;
        fastpath_take(fast->kernel, &record->tuple, &entry);
    }
    pthread_mutex_unlock(&fast->lock);
    table_unlock(table, hash);
}

/* What the entry says of its connection is taken over; where it stays is for later. */
static void settle_entry(struct fast *fast, const struct fastpath_record *record)
{
    struct table *table = fast->engine.table;
    uint32_t hash = table_hash(table, &record->tuple);
    table_lock(table, hash);
    struct connection *connection = table_find(table, hash, &record->tuple);
    pthread_mutex_lock(&fast->lock);
    if (connection != NULL && connection->offloaded && account_of(fast, connection)->id == record->entry.id)
        merge(fast, connection, &record->entry);
    pthread_mutex_unlock(&fast->lock);
    table_unlock(table, hash);
}

/* The next entries; the memory that they need is asked for some of them at once. */
static void sweep_piece(struct fast *fast, uint64_t now_ms)
{
    const struct table *table = fast->engine.table;
    uint32_t hashes[SWEEP_GROUP];
    unsigned count = fastpath_sweep(fast->kernel, &fast->place, fast->swept);
    for (unsigned first = 0; first < count; first += SWEEP_GROUP) {
        unsigned some = count - first < SWEEP_GROUP ? count - first : SWEEP_GROUP;
        for (unsigned i = 0; i < some; i++) {
            hashes[i] = table_hash(table, &fast->swept[first + i].tuple);
            table_fetch_bucket(table, hashes[i]);
        }
        for (unsigned i = 0; i < some; i++)
            table_fetch_entry(table, hashes[i]);
        for (unsigned i = 0; i < some; i++)
            see(fast, &fast->swept[first + i], hashes[i], now_ms);
    }
}

static bool under_way(const struct fast *fast)
{
    return fast->place.under_way || fast->place.v6;
}

static void sweep(struct fast *fast, uint64_t now_ms)
{
    if (!under_way(fast)) {
        if (now_ms < fast->sweep_due_ms)
            return;
        fast->sweep_began_ms = now_ms;
        fast->sweep_took_ms = 0;
    }
    uint64_t took_ms;
    do {
        sweep_piece(fast, now_ms);
        took_ms = clock_now_ms() - now_ms;
    } while (under_way(fast) && took_ms < SWEEP_TURN_MS);
    fast->sweep_took_ms += took_ms;
    if (under_way(fast))
        return;
    fast->sweeps++;
    uint64_t pause_ms = fast->sweep_took_ms * SWEEP_SHARE;
    fast->sweep_due_ms = fast->sweep_began_ms + (pause_ms > SWEEP_EVERY_MS ? pause_ms : SWEEP_EVERY_MS);
}

static void give_sign(const struct fast *fast, uint64_t now_ms)
{
    fastpath_deadline(fast->kernel, fast_outlives(fast) ? FASTPATH_FOREVER : fast->dead ? 0 : now_ms + FAST_WATCHDOG_MS);
}

void fast_turn(struct fast *fast, uint64_t now_ms)
{
    give_sign(fast, now_ms);
    sweep(fast, now_ms);
}

void fast_play_dead(struct fast *fast, bool dead)
{
    fast->dead = dead;
    give_sign(fast, clock_now_ms());
}

bool fast_outlives(const struct fast *fast)
{
    return fast->death == FAST_DEATH_PASSES;
}

/* Gives each entry, as it was a moment ago, to TAKE. */
static void each_entry(struct fast *fast, void (*take)(struct fast *fast, const struct fastpath_record *record))
{
    struct fastpath_place place = {0};
    do {
        unsigned count = fastpath_sweep(fast->kernel, &place, fast->swept);
        for (unsigned i = 0; i < count; i++)
            take(fast, &fast->swept[i]);
    } while (place.under_way || place.v6);
}

void fast_publish(struct fast *fast, const struct policy *policy, bool stale)
{
    pthread_mutex_lock(&fast->lock);
    fast->policy = policy;
    if (stale)
        fastpath_generation(fast->kernel, ++fast->generation);
    pthread_mutex_unlock(&fast->lock);
    /* What passed until now is counted for the rules that it passed by. */
    if (stale)
        each_entry(fast, settle_entry);
    pthread_mutex_lock(&fast->lock);
    fast->engine.ruleset = policy->ruleset;
    fast->engine.surroundings = policy->surroundings;
    fast->engine.rule_counters = policy->counters[policy->workers - 1];
    pthread_mutex_unlock(&fast->lock);
}

/* ---- what an earlier daemon has left ---- */

/* Would an entry that is made of CONNECTION now be like ENTRY, but for its windows and counters? */
static bool has_terms(const struct fast *fast, const struct connection *connection, const struct fastpath_entry *entry)
{
    struct offload_terms terms;
    struct fastpath_record fresh;
    if (!offload_fits(&fast->engine, connection) || !offload_terms(&fast->engine, connection, &terms))
        return false;
    fill(fast, connection, &terms, &fresh);
    return fresh.entry.idle_ms == entry->idle_ms && fresh.entry.unacknowledged_ms == entry->unacknowledged_ms &&
           fresh.entry.bound == entry->bound;
}

/* The connection of the entry is ours from here on, and the entry stays where its terms are still right. False: it is nobody's. */
static bool adopt(struct fast *fast, const struct fastpath_record *record, uint32_t hash, uint64_t now_ms)
{
    const struct fastpath_entry *entry = &record->entry;
    struct offload_past past = {
        .tuple = record->tuple,
        .flags = entry->flags,
        .opener = entry->opener,
        .in_interface = entry->interface[!!entry->opener_high],
        .out_interface = entry->interface[!entry->opener_high],
        .created_s = entry->created_s,
        .idle_ms = entry->idle_ms,
        .seen_ms = seen_ms(entry),
    };
    for (unsigned i = 0; i < DIRECTION_COUNT; i++) {
        unsigned at = (i == ORIGINAL) == !!entry->opener_high;
        past.peer[i] = peer_of(entry, at);
        past.packets[i] = entry->sides[at].packets;
        past.bytes[i] = entry->sides[at].bytes;
    }
    if (entry->generation != fast->generation || past.seen_ms + past.idle_ms <= now_ms)
        return false;
    struct connection *connection = offload_restore(&fast->engine, hash, &past, now_ms);
    if (connection == NULL)
        return false;
    open_account(account_of(fast, connection), entry);
    connection->offloaded = true;
    set_entries(fast, fast->entries + 1);
    if (!has_terms(fast, connection, entry))
        take_back(fast, connection);
    return true;
}

/* The entry is held against the rules that are in force now. */
static void take_over(struct fast *fast, const struct fastpath_record *record)
{
    struct table *table = fast->engine.table;
    struct fastpath_entry gone;
    uint32_t hash = table_hash(table, &record->tuple);
    table_lock(table, hash);
    if (!adopt(fast, record, hash, clock_now_ms()))
        fastpath_take(fast->kernel, &record->tuple, &gone);
    table_unlock(table, hash);
}

/* ---- start and end ---- */

struct fast *fast_start(const struct fast_config *config, char *error, size_t error_size)
{
    struct fast *fast = calloc(1, sizeof *fast);
    bool inherited;
    if (fast == NULL) {
        strncpy(error, "no memory", error_size);
        return NULL;
    }
    fast->accounts_bytes = ((size_t)table_use(config->table).capacity + 1) * sizeof *fast->accounts;
    fast->accounts = mapping_new(fast->accounts_bytes);
    struct fastpath_config kernel = {.folder = config->folder, .most = config->most};
    if (fast->accounts == NULL)
        strncpy(error, "no memory", error_size);
    else
        fast->kernel = fastpath_open(&kernel, &inherited, error, error_size);
    if (fast->kernel == NULL) {
        mapping_free(fast->accounts, fast->accounts_bytes);
        free(fast);
        return NULL;
    }
    pthread_mutex_init(&fast->lock, NULL);
    fast->engine.table = config->table;
    fast->most = config->most;
    fast->death = config->death;
    fast->generation = fastpath_generation_now(fast->kernel);
    fast_publish(fast, config->policy, !inherited || config->passed_unseen);
    fast->offload = (struct table_offload){catch_up, recall, tell, fast};
    table_set_offload(config->table, &fast->offload);
    /* Before anybody is told of packets. */
    if (inherited)
        each_entry(fast, take_over);
    fast->adopted = fast->entries;
    fast_turn(fast, clock_now_ms()); /* or nothing would pass before the main thread's first one */
    return fast;
}

void fast_stop(struct fast *fast, bool remove)
{
    if (fast == NULL)
        return;
    table_set_offload(fast->engine.table, NULL);
    if (remove || fast->death == FAST_DEATH_DROPS)
        fastpath_deadline(fast->kernel, 0);
    fastpath_close(fast->kernel);
    mapping_free(fast->accounts, fast->accounts_bytes);
    free(fast);
}

bool fast_is_readable(const void *fast)
{
    return fastpath_is_readable(((const struct fast *)fast)->kernel);
}

struct fastpath *fast_kernel(const struct fast *fast)
{
    return fast->kernel;
}

const char *fast_program(const struct fast *fast)
{
    return fastpath_program(fast->kernel);
}

struct fast_use fast_use(struct fast *fast)
{
    const struct engine_counters *counters = &fast->engine.counters;
    return (struct fast_use){
        .entries = __atomic_load_n(&fast->entries, __ATOMIC_RELAXED),
        .most = fast->most,
        .adopted = fast->adopted,
        .sweeps = fast->sweeps,
        .packets = __atomic_load_n(&counters->action[ACTION_ALLOW], __ATOMIC_RELAXED),
        .bytes = __atomic_load_n(&counters->bytes, __ATOMIC_RELAXED),
        .entered = __atomic_load_n(&fast->entered, __ATOMIC_RELAXED),
        .full = __atomic_load_n(&fast->full, __ATOMIC_RELAXED),
    };
}

const struct engine_counters *fast_counters(const struct fast *fast)
{
    return &fast->engine.counters;
}
