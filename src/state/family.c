/*
 * Longer than other files, and one all the same: expectations and children stand in the lists of their families under one lock, and
 * whatever ends one of the three may free the others.
 */
#include "state/family.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mapping.h"
#include "state/estate.h"
#include "state/family_private.h"

#define BUCKETS 65536u

#define BUCKETS_BYTES (BUCKETS * sizeof(uint32_t))

#define LOAD(at) __atomic_load_n((at), __ATOMIC_RELAXED)
#define STORE(at, value) __atomic_store_n((at), (value), __ATOMIC_RELAXED)

const char *deaf_name(enum deaf deaf)
{
    static const char *const names[DEAF_COUNT] = {"listening", "encrypted", "gap", "too-long", "cut", "no-room", "done",
                                                    "foreign"};
    return names[deaf];
}

const char *deaf_error(enum deaf deaf)
{
    static const char *const errors[DEAF_COUNT] = {
        [DEAF_GAP] = "bytes were acknowledged that never came by",
        [DEAF_TOO_LONG] = "a message longer than the alg reads",
        [DEAF_CUT] = "a packet whose bytes are not all at hand",
        [DEAF_NO_ROOM] = "no memory for a message that has not ended",
    };
    return errors[deaf];
}

struct families *families_new(const struct siphash_key *key, struct tally *tally, struct estate *estate)
{
    struct families *families = calloc(1, sizeof *families);
    if (families == NULL)
        return NULL;
    families->key = *key;
    families->tally = tally;
    families->estate = estate;
    families->blocks = blocks_new();
    families->list = estate_claim(estate, ESTATE_FAMILIES, sizeof(struct family), FAMILIES_MAX + 1);
    families->expectations = estate_claim(estate, ESTATE_EXPECTATIONS, sizeof(struct expectation), EXPECTATIONS_MAX + 1);
    families->buckets = mapping_new(BUCKETS_BYTES);
    families->fresh_family = families->fresh_expectation = 1;
    pthread_mutex_init(&families->lock, NULL);
    if (families->blocks == NULL || families->list == NULL || families->expectations == NULL || families->buckets == NULL) {
        families_free(families);
        return NULL;
    }
    return families;
}

void families_free(struct families *families)
{
    if (families == NULL)
        return;
    blocks_free(families->blocks);
    estate_release(families->estate, families->list, sizeof(struct family), FAMILIES_MAX + 1);
    estate_release(families->estate, families->expectations, sizeof(struct expectation), EXPECTATIONS_MAX + 1);
    mapping_free(families->buckets, BUCKETS_BYTES);
    free(families);
}

struct blocks *families_blocks(struct families *families)
{
    return families->blocks;
}

static uint32_t index_of(const struct families *families, const struct family *family)
{
    return (uint32_t)(family - families->list);
}

/* ---- expectations; the lock is held ---- */

static uint32_t *bucket_of(struct families *families, struct address dst, uint16_t dst_port, uint8_t protocol)
{
    const uint64_t words[] = {dst.high, dst.low, (uint64_t)protocol << 16 | dst_port};
    return &families->buckets[siphash_words(&families->key, words, 3) % BUCKETS];
}

/* What of the source counts: who opened the first parent of the line answers for all that is announced on it. */
static struct tally_key source_key(const struct family *family)
{
    const struct tuple *tuple = &family->basis.tuple;
    return (struct tally_key){.source = family->basis.opener_high ? tuple->high : tuple->low, .kind = TALLY_EXPECTED};
}

void expectation_wait(struct families *families, struct expectation *expectation)
{
    const struct expected *expected = &expectation->expected;
    uint32_t *bucket = bucket_of(families, expected->dst, expected->dst_port, expected->protocol);
    expectation->hash_next = *bucket;
    *bucket = (uint32_t)(expectation - families->expectations);
    expectation->waits = true;
    STORE(&families->waiting, families->waiting + 1);
}

static void wait_for_child(struct families *families, struct expectation *expectation, uint64_t now_ms)
{
    expectation->until_ms = now_ms + expectation->expected.wait_ms;
    expectation_wait(families, expectation);
}

static bool is_full(const struct expectation *expectation)
{
    return expectation->children >= (expectation->expected.at_once > 0 ? expectation->expected.at_once : 1);
}

static void stop_waiting(struct families *families, struct expectation *expectation)
{
    const struct expected *expected = &expectation->expected;
    uint32_t *link = bucket_of(families, expected->dst, expected->dst_port, expected->protocol);
    while (&families->expectations[*link] != expectation)
        link = &families->expectations[*link].hash_next;
    *link = expectation->hash_next;
    expectation->waits = false;
    STORE(&families->waiting, families->waiting - 1);
}

void expectation_settle(struct families *families, struct expectation *expectation)
{
    struct family *family = &families->list[expectation->family];
    struct tally_key key = source_key(family);
    if (expectation->waits || expectation->children > 0)
        return;
    if (expectation->next != KIN_NONE)
        families->expectations[expectation->next].previous = expectation->previous;
    if (expectation->previous != KIN_NONE)
        families->expectations[expectation->previous].next = expectation->next;
    else
        family->first = expectation->next;
    family->expectations--;
    tally_give(families->tally, &key);
    expectation->hash_next = families->free_expectation;
    families->free_expectation = (uint32_t)(expectation - families->expectations);
}

/* Nothing more may come of it: it stops waiting, and its children end at END_MS (0: by themselves). */
static void conclude(struct families *families, struct expectation *expectation, uint64_t end_ms)
{
    expectation->expected.again = false;
    expectation->expected.at_once = 0;
    if (expectation->waits)
        stop_waiting(families, expectation);
    if (end_ms != 0 && (LOAD(&expectation->end_ms) == 0 || LOAD(&expectation->end_ms) > end_ms))
        STORE(&expectation->end_ms, end_ms);
    expectation_settle(families, expectation);
}

struct expectation *expectation_new(struct families *families, struct family *family, const struct expected *expected)
{
    struct tally_key key = source_key(family);
    if (families->free_expectation == KIN_NONE && (families->fresh_expectation > EXPECTATIONS_MAX ||
                                                   !estate_provide(families->estate, ESTATE_EXPECTATIONS, families->fresh_expectation)))
        return NULL;
    if (!tally_take(families->tally, &key, EXPECTATIONS_SOURCE_MAX))
        return NULL;
    uint32_t index = families->free_expectation;
    if (index != KIN_NONE)
        families->free_expectation = families->expectations[index].hash_next;
    else
        index = families->fresh_expectation++;
    struct expectation *expectation = &families->expectations[index];
    *expectation = (struct expectation){
        .expected = *expected,
        .family = index_of(families, family),
        .next = family->first,
    };
    if (family->first != KIN_NONE)
        families->expectations[family->first].previous = index;
    family->first = index;
    family->expectations++;
    return expectation;
}

/* A new one of FAMILY, which waits. False: the source, or all together, have as many as they may. */
static bool expect(struct families *families, struct family *family, const struct expected *expected, uint64_t now_ms)
{
    struct expectation *expectation = expectation_new(families, family, expected);
    if (expectation != NULL)
        wait_for_child(families, expectation, now_ms);
    return expectation != NULL;
}

static bool same_expected(const struct expected *a, const struct expected *b)
{
    return address_equal(a->src, b->src) && address_equal(a->dst, b->dst) && a->src_port == b->src_port &&
           a->dst_port == b->dst_port && a->protocol == b->protocol && a->alg == b->alg && a->any_src == b->any_src &&
           a->anybody == b->anybody && a->again == b->again && a->at_once == b->at_once && a->tag == b->tag;
}

/* The one of FAMILY that EXPECTED repeats. A child of the only one that it waited for does not make it wait again. */
static struct expectation *repeated(struct families *families, const struct family *family, const struct expected *expected)
{
    for (uint32_t i = family->first; i != KIN_NONE; i = families->expectations[i].next) {
        struct expectation *expectation = &families->expectations[i];
        const struct expected *old = &expectation->expected;
        if ((expectation->waits || old->again || old->at_once > 0) && same_expected(old, expected))
            return expectation;
    }
    return NULL;
}

static void doom(struct expectation *expectation, const struct family_order *order)
{
    expectation->doomed = true;
    expectation->grace_ms = order->grace_ms;
    expectation->lingers = order->lingers;
}

/* One whose time is over already stays as it is. */
static void prolong(struct expectation *expectation, const struct family_order *order, uint64_t now_ms)
{
    if (!expectation->expected.again || (expectation->waits && now_ms >= expectation->until_ms))
        return;
    expectation->expected.wait_ms = order->wait_ms;
    expectation->until_ms = now_ms + order->wait_ms;
}

/* Does what an order that expects nothing says to those that have its tag. */
static void obey_tagged(struct families *families, struct family *family, const struct family_order *order,
                        uint64_t now_ms)
{
    for (uint32_t i = family->first; i != KIN_NONE; i = families->expectations[i].next) {
        struct expectation *expectation = &families->expectations[i];
        if ((expectation->expected.tag ^ order->tag) & ~order->any_bits)
            continue;
        if (order->kind == ORDER_WITHDRAW)
            doom(expectation, order);
        else
            prolong(expectation, order, now_ms);
    }
}

/* It ends at END_MS, and its children too. */
static void linger(struct expectation *expectation, uint64_t end_ms)
{
    expectation->expected.again = false;
    if (expectation->until_ms > end_ms)
        expectation->until_ms = end_ms;
    if (LOAD(&expectation->end_ms) == 0)
        STORE(&expectation->end_ms, end_ms);
}

/* Ends what is doomed, or, with SPARE, lets all of it live. */
static void sweep(struct families *families, struct family *family, bool spare, uint64_t now_ms)
{
    for (uint32_t i = family->first, next; i != KIN_NONE; i = next) {
        struct expectation *expectation = &families->expectations[i];
        next = expectation->next;
        if (expectation->doomed && !spare && expectation->waits && expectation->lingers) {
            linger(expectation, now_ms + expectation->grace_ms);
        } else if (expectation->doomed && !spare) {
            families->use.withdrawn += expectation->waits;
            conclude(families, expectation, expectation->grace_ms == GRACE_OWN_END ? 0 : now_ms + expectation->grace_ms);
        }
        expectation->doomed = false;
    }
}

/* Lets the oldest waiting ones of FAMILY give way until there are no more than MOST. */
static void displace(struct families *families, struct family *family, unsigned most)
{
    unsigned waiting = 0;
    for (uint32_t i = family->first, next; i != KIN_NONE; i = next) {
        struct expectation *expectation = &families->expectations[i];
        next = expectation->next;
        waiting += expectation->waits;
        if (expectation->waits && waiting > most) {
            families->use.displaced++;
            stop_waiting(families, expectation);
            expectation_settle(families, expectation);
        }
    }
}

/* Takes back the first COUNT expectations that were made. */
static void retract(struct families *families, struct family *family, unsigned made)
{
    for (; made > 0; made--) {
        struct expectation *expectation = &families->expectations[family->first];
        stop_waiting(families, expectation);
        expectation_settle(families, expectation);
    }
}

bool family_obey(struct families *families, struct family *family, const struct family_order *orders, unsigned count,
                 unsigned most, uint64_t now_ms)
{
    unsigned made = 0;
    bool done = true;
    pthread_mutex_lock(&families->lock);
    for (unsigned i = 0; i < count && done; i++) {
        if (orders[i].kind == ORDER_WITHDRAW)
            obey_tagged(families, family, &orders[i], now_ms);
        if (orders[i].kind != ORDER_EXPECT)
            continue;
        struct expectation *old = repeated(families, family, &orders[i].expected);
        if (old != NULL) {
            old->doomed = false;
            old->expected.wait_ms = orders[i].expected.wait_ms;
            old->until_ms = now_ms + old->expected.wait_ms;
            if (!old->waits && !is_full(old))
                expectation_wait(families, old);
            continue;
        }
        done = expect(families, family, &orders[i].expected, now_ms);
        made += done;
    }
    if (done) {
        for (unsigned i = 0; i < count; i++)
            if (orders[i].kind == ORDER_PROLONG)
                obey_tagged(families, family, &orders[i], now_ms);
        families->use.announced += made;
        displace(families, family, most);
    } else {
        families->use.refused++;
        retract(families, family, made);
    }
    sweep(families, family, !done, now_ms);
    pthread_mutex_unlock(&families->lock);
    return done;
}

/* What of the receiver's a packet goes to: his port, his call id, or nothing. */
static uint16_t door_of(const struct packet *packet)
{
    return packet->protocol == PROTOCOL_GRE ? packet->gre.call : packet->dst_port;
}

static bool fits(const struct expected *expected, const struct packet *packet)
{
    return expected->protocol == packet->protocol && address_equal(expected->dst, packet->dst) &&
           expected->dst_port == door_of(packet) &&
           (expected->any_src || expected->anybody || address_equal(expected->src, packet->src)) &&
           (expected->src_port == 0 || expected->src_port == packet->src_port);
}

uint32_t family_find(struct families *families, const struct packet *packet, uint64_t now_ms, struct expected *expected,
                     struct basis *basis, uint64_t *parent)
{
    uint32_t found = KIN_NONE;
    if (LOAD(&families->waiting) == 0)
        return KIN_NONE;
    pthread_mutex_lock(&families->lock);
    uint32_t index = *bucket_of(families, packet->dst, door_of(packet), packet->protocol);
    /* One that names its source goes before one for which the caller must ask further. */
    for (; index != KIN_NONE && (found == KIN_NONE || expected->any_src);
         index = families->expectations[index].hash_next) {
        const struct expectation *expectation = &families->expectations[index];
        if (now_ms >= expectation->until_ms || !fits(&expectation->expected, packet) ||
            (found != KIN_NONE && expectation->expected.any_src))
            continue;
        const struct family *family = &families->list[expectation->family];
        *expected = expectation->expected;
        *basis = family->basis;
        *parent = family->parent;
        found = index;
    }
    pthread_mutex_unlock(&families->lock);
    return found;
}

/* ---- families ---- */

/* Ends the wait for the other direction of CHILD. The lock is held. */
static void drop_mirror(struct families *families, const struct family *family, const struct connection *child)
{
    const struct tuple *tuple = &child->tuple;
    bool high = child->flags & CONNECTION_OPENER_HIGH;
    const struct packet answer = {
        .protocol = tuple->protocol,
        .src = high ? tuple->low : tuple->high,
        .dst = high ? tuple->high : tuple->low,
        .src_port = high ? tuple->low_port : tuple->high_port,
        .dst_port = high ? tuple->high_port : tuple->low_port,
    };
    for (uint32_t i = family->first; i != KIN_NONE; i = families->expectations[i].next) {
        struct expectation *expectation = &families->expectations[i];
        if (expectation->waits && !expectation->expected.again && expectation->expected.at_once == 0 &&
            fits(&expectation->expected, &answer)) {
            stop_waiting(families, expectation);
            expectation_settle(families, expectation);
            return;
        }
    }
}

bool family_join(struct families *families, uint32_t index, struct connection *child, const struct packet *packet,
                 uint64_t now_ms)
{
    struct expectation *expectation = &families->expectations[index];
    pthread_mutex_lock(&families->lock);
    /* Since it was found it may have gone, and another one may be in its place. */
    bool joined = expectation->waits && now_ms < expectation->until_ms && fits(&expectation->expected, packet);
    if (joined) {
        struct family *family = &families->list[expectation->family];
        expectation->children++;
        if (is_full(expectation))
            stop_waiting(families, expectation);
        families->children++;
        families->use.used++;
        family->holders++;
        STORE(&family->children, family->children + 1);
        child->kin = index;
        child->flags |= CONNECTION_RELATED;
        drop_mirror(families, family, child);
    }
    pthread_mutex_unlock(&families->lock);
    return joined;
}

struct family *family_new(struct families *families)
{
    uint32_t index = families->free_family;
    if (index != KIN_NONE)
        families->free_family = families->list[index].next_free;
    else if (families->fresh_family <= FAMILIES_MAX && estate_provide(families->estate, ESTATE_FAMILIES, families->fresh_family))
        index = families->fresh_family++;
    if (index == KIN_NONE)
        return NULL;
    families->use.families++;
    struct family *family = &families->list[index];
    memset(family, 0, sizeof *family);
    return family;
}

bool family_found(struct families *families, struct connection *parent, uint8_t alg, uint32_t orphan_ms)
{
    uint64_t announcer;
    struct basis basis = family_basis(families, parent, &announcer);
    pthread_mutex_lock(&families->lock);
    struct family *family = family_new(families);
    pthread_mutex_unlock(&families->lock);
    if (family == NULL)
        return false;
    family->basis = basis;
    family->parent = parent->id;
    family->announced_by = parent->flags & CONNECTION_RELATED ? parent->kin : KIN_NONE;
    family->orphan_ms = orphan_ms;
    family->alg = alg;
    family->holders = 1;
    parent->kin = index_of(families, family);
    parent->alg = alg;
    return true;
}

struct family *family_of(struct families *families, const struct connection *connection)
{
    return connection->alg != 0 ? &families->list[connection->kin] : NULL;
}

/* The expectation that CONNECTION came of; KIN_NONE: a rule admitted it. */
static uint32_t origin_of(const struct families *families, const struct connection *connection)
{
    if (connection->alg != 0)
        return families->list[connection->kin].announced_by;
    return connection->kin;
}

struct basis family_basis(struct families *families, const struct connection *connection, uint64_t *parent)
{
    uint32_t origin = origin_of(families, connection);
    *parent = 0;
    if (origin != KIN_NONE) {
        const struct family *family = &families->list[families->expectations[origin].family];
        *parent = family->parent;
        return family->basis;
    }
    return connection_basis(connection);
}

/* The lock is held. */
static void end_locked(struct families *families, struct family *family, uint64_t now_ms)
{
    if (family->ended_ms != 0)
        return;
    STORE(&family->ended_ms, now_ms + 1);
    for (uint32_t i = family->first, next; i != KIN_NONE; i = next) {
        struct expectation *expectation = &families->expectations[i];
        next = expectation->next;
        bool stays = expectation->expected.protocol == PROTOCOL_TCP;
        families->use.withdrawn += expectation->waits;
        conclude(families, expectation, stays ? 0 : now_ms + family->orphan_ms);
    }
}

void family_end(struct families *families, struct family *family, uint64_t now_ms)
{
    pthread_mutex_lock(&families->lock);
    end_locked(families, family, now_ms);
    pthread_mutex_unlock(&families->lock);
}

void family_drop(struct families *families, struct family *family)
{
    family->next_free = families->free_family;
    families->free_family = index_of(families, family);
    families->use.families--;
}

/* One holder less; the last one frees it. The lock is held. */
static void release(struct families *families, struct family *family)
{
    if (--family->holders == 0)
        family_drop(families, family);
}

/* The child that came of the expectation is gone. The lock is held. */
static void lose_child(struct families *families, struct expectation *expectation, uint64_t now_ms)
{
    struct family *family = &families->list[expectation->family];
    expectation->children--;
    families->children--;
    STORE(&family->children, family->children - 1);
    STORE(&family->child_ms, now_ms);
    if (expectation->expected.again && !expectation->waits)
        wait_for_child(families, expectation, now_ms);
    else if (expectation->expected.at_once > 0 && !expectation->waits && now_ms < expectation->until_ms &&
             LOAD(&expectation->end_ms) == 0)
        expectation_wait(families, expectation);
    expectation_settle(families, expectation);
    release(families, family);
}

void family_leave(struct families *families, struct connection *connection, uint64_t now_ms)
{
    uint32_t origin = origin_of(families, connection);
    struct family *family = family_of(families, connection);
    if (family != NULL)
        for (unsigned direction = 0; direction < DIRECTION_COUNT; direction++)
            stream_clear(&family->streams[direction], families->blocks);
    pthread_mutex_lock(&families->lock);
    if (family != NULL) {
        end_locked(families, family, now_ms);
        release(families, family);
    }
    if (origin != KIN_NONE)
        lose_child(families, &families->expectations[origin], now_ms);
    pthread_mutex_unlock(&families->lock);
    connection->kin = KIN_NONE;
    connection->alg = 0;
}

uint64_t family_due(const struct families *families, const struct connection *connection, uint64_t due_ms,
                    uint32_t timeout_ms)
{
    uint32_t origin = origin_of(families, connection);
    uint64_t end_ms = origin != KIN_NONE ? LOAD(&families->expectations[origin].end_ms) : 0;
    if (connection->alg != 0) {
        const struct family *family = &families->list[connection->kin];
        bool over = LOAD(&family->ended_ms) != 0;
        uint64_t child_due = LOAD(&family->child_ms) + timeout_ms;
        if (!over && timeout_ms < family->idle_ms)
            due_ms += family->idle_ms - timeout_ms;
        if (!over && LOAD(&family->children) > 0)
            due_ms = UINT64_MAX / 2; /* later than any clock shows */
        else if (!over && child_due > due_ms && LOAD(&family->child_ms) != 0)
            due_ms = child_due;
    }
    return end_ms != 0 && end_ms < due_ms ? end_ms : due_ms;
}

void families_expire(struct families *families, uint64_t now_ms, unsigned budget)
{
    if (LOAD(&families->waiting) == 0)
        return;
    pthread_mutex_lock(&families->lock);
    for (; budget > 0; budget--) {
        if (++families->cursor >= families->fresh_expectation) {
            families->cursor = 0;
            break;
        }
        struct expectation *expectation = &families->expectations[families->cursor];
        if (!expectation->waits || now_ms < expectation->until_ms)
            continue;
        families->use.expired++;
        stop_waiting(families, expectation);
        expectation_settle(families, expectation);
    }
    pthread_mutex_unlock(&families->lock);
}

/* ---- for people ---- */

struct families_use families_use(struct families *families)
{
    pthread_mutex_lock(&families->lock);
    struct families_use use = families->use;
    use.waiting = families->waiting;
    use.children = families->children;
    pthread_mutex_unlock(&families->lock);
    return use;
}

unsigned family_waiting(struct families *families, const struct family *family, uint64_t now_ms, struct expected *expected,
                        unsigned size)
{
    unsigned count = 0;
    pthread_mutex_lock(&families->lock);
    for (uint32_t i = family->first; i != KIN_NONE; i = families->expectations[i].next) {
        const struct expectation *expectation = &families->expectations[i];
        if (!expectation->waits || now_ms >= expectation->until_ms)
            continue;
        if (count < size)
            expected[count] = expectation->expected;
        count++;
    }
    pthread_mutex_unlock(&families->lock);
    return count;
}

struct kinship family_kinship(struct families *families, const struct connection *connection)
{
    struct kinship kinship = {.alg = connection->alg};
    family_basis(families, connection, &kinship.parent);
    if (connection->alg != 0) {
        const struct family *family = &families->list[connection->kin];
        kinship.deaf = family->deaf;
        kinship.children = LOAD(&family->children);
        kinship.waiting = family_waiting(families, family, 0, NULL, 0);
    }
    return kinship;
}
