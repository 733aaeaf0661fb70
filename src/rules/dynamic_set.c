#include "rules/dynamic_set.h"

#include <pthread.h>
#include <stdlib.h>

#define NOBODY UINT32_MAX

/* Members that an add looks at in a full set, in search of one whose time is over: each add's share of the sweep. */
#define SWEEP 64u

struct slot {
    struct dynamic_member member;
    uint32_t next; /* in its chain, or among the free ones */
};

struct dynamic_set {
    pthread_mutex_t lock;
    uint32_t holders;
    uint32_t most, used, free, fresh, hand; /* `fresh` and above were never used */
    bool flush, filled;
    uint64_t changes; /* written with the lock held, read without */
    struct siphash_key key;
    uint32_t mask;
    uint32_t *chains;
    struct slot *slots;
};

struct dynamic_set *dynamic_set_new(uint32_t most, const struct siphash_key *key)
{
    struct dynamic_set *set = calloc(1, sizeof *set);
    if (set == NULL)
        return NULL;
    uint32_t chains = 16;
    while (chains < most)
        chains *= 2;
    set->chains = malloc(chains * sizeof *set->chains);
    set->slots = malloc(most * sizeof *set->slots);
    if (set->chains == NULL || set->slots == NULL) {
        free(set->chains);
        free(set->slots);
        free(set);
        return NULL;
    }
    for (uint32_t i = 0; i < chains; i++)
        set->chains[i] = NOBODY;
    set->key = *key;
    set->mask = chains - 1;
    set->most = most;
    set->free = NOBODY;
    set->holders = 1;
    set->filled = true;
    pthread_mutex_init(&set->lock, NULL);
    return set;
}

struct dynamic_set *dynamic_set_share(struct dynamic_set *set)
{
    __atomic_add_fetch(&set->holders, 1, __ATOMIC_RELAXED);
    return set;
}

void dynamic_set_release(struct dynamic_set *set)
{
    if (set == NULL || __atomic_sub_fetch(&set->holders, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    free(set->chains);
    free(set->slots);
    free(set);
}

uint32_t dynamic_set_most(const struct dynamic_set *set)
{
    return set->most;
}

static uint32_t *chain_of(struct dynamic_set *set, struct address address)
{
    const uint64_t words[] = {address.high, address.low};
    return &set->chains[(uint32_t)siphash_words(&set->key, words, 2) & set->mask];
}

/* The link that leads to ADDRESS; one that holds NOBODY when it is not there. */
static uint32_t *link_to(struct dynamic_set *set, struct address address)
{
    uint32_t *link = chain_of(set, address);
    while (*link != NOBODY && !address_equal(set->slots[*link].member.address, address))
        link = &set->slots[*link].next;
    return link;
}

static void note_change(struct dynamic_set *set)
{
    __atomic_store_n(&set->changes, set->changes + 1, __ATOMIC_RELAXED);
}

static void take_out(struct dynamic_set *set, uint32_t *link)
{
    note_change(set);
    uint32_t index = *link;
    *link = set->slots[index].next;
    set->slots[index].next = set->free;
    set->slots[index].member.until_ms = 0;
    set->free = index;
    __atomic_store_n(&set->used, set->used - 1, __ATOMIC_RELAXED);
}

bool dynamic_set_holds(struct dynamic_set *set, struct address address, uint64_t now_ms)
{
    /* Most sets are empty most of the time. */
    if (__atomic_load_n(&set->used, __ATOMIC_RELAXED) == 0)
        return false;
    pthread_mutex_lock(&set->lock);
    uint32_t index = *link_to(set, address);
    bool holds = index != NOBODY && now_ms < set->slots[index].member.until_ms;
    pthread_mutex_unlock(&set->lock);
    return holds;
}

/* Goes on round the slots of a full set and takes out whose time is over. */
static void sweep(struct dynamic_set *set, uint64_t now_ms)
{
    for (unsigned i = 0; i < SWEEP && set->free == NOBODY; i++) {
        struct slot *slot = &set->slots[set->hand];
        set->hand = set->hand + 1 < set->most ? set->hand + 1 : 0;
        if (slot->member.until_ms <= now_ms)
            take_out(set, link_to(set, slot->member.address));
    }
}

/* A slot that nobody has, NOBODY when the set is full. */
static uint32_t slot_take(struct dynamic_set *set, uint64_t now_ms)
{
    if (set->free == NOBODY && set->fresh < set->most)
        return set->fresh++;
    if (set->free == NOBODY)
        sweep(set, now_ms);
    uint32_t index = set->free;
    if (index != NOBODY)
        set->free = set->slots[index].next;
    return index;
}

/* Enters MEMBER; EXACTLY: with its own time, also where the old one is later. */
static bool enter(struct dynamic_set *set, const struct dynamic_member *member, uint64_t now_ms, bool exactly)
{
    pthread_mutex_lock(&set->lock);
    note_change(set);
    uint32_t index = *link_to(set, member->address);
    if (index != NOBODY && !exactly && set->slots[index].member.until_ms > now_ms) {
        if (member->until_ms > set->slots[index].member.until_ms)
            set->slots[index].member.until_ms = member->until_ms;
    } else if (index != NOBODY) {
        set->slots[index].member = *member;
    } else {
        index = slot_take(set, now_ms);
        if (index != NOBODY) {
            uint32_t *chain = chain_of(set, member->address);
            set->slots[index] = (struct slot){*member, *chain};
            *chain = index;
            __atomic_store_n(&set->used, set->used + 1, __ATOMIC_RELAXED);
        }
    }
    pthread_mutex_unlock(&set->lock);
    return index != NOBODY;
}

bool dynamic_set_add(struct dynamic_set *set, const struct dynamic_member *member, uint64_t now_ms)
{
    return enter(set, member, now_ms, false);
}

bool dynamic_set_put(struct dynamic_set *set, const struct dynamic_member *member, uint64_t now_ms)
{
    return enter(set, member, now_ms, true);
}

bool dynamic_set_find(struct dynamic_set *set, struct address address, uint64_t now_ms, struct dynamic_member *member)
{
    pthread_mutex_lock(&set->lock);
    uint32_t index = *link_to(set, address);
    bool found = index != NOBODY && now_ms < set->slots[index].member.until_ms;
    if (found)
        *member = set->slots[index].member;
    pthread_mutex_unlock(&set->lock);
    return found;
}

void dynamic_set_fill(struct dynamic_set *set, bool filled)
{
    __atomic_store_n(&set->filled, filled, __ATOMIC_RELEASE);
}

bool dynamic_set_filled(const struct dynamic_set *set)
{
    return __atomic_load_n(&set->filled, __ATOMIC_ACQUIRE);
}

bool dynamic_set_delete(struct dynamic_set *set, struct address address, uint64_t now_ms)
{
    pthread_mutex_lock(&set->lock);
    uint32_t *link = link_to(set, address);
    bool was_in = *link != NOBODY && now_ms < set->slots[*link].member.until_ms;
    if (*link != NOBODY)
        take_out(set, link);
    pthread_mutex_unlock(&set->lock);
    return was_in;
}

void dynamic_set_clear(struct dynamic_set *set)
{
    pthread_mutex_lock(&set->lock);
    for (uint32_t i = 0; i <= set->mask; i++)
        while (set->chains[i] != NOBODY)
            take_out(set, &set->chains[i]);
    pthread_mutex_unlock(&set->lock);
}

uint32_t dynamic_set_list(struct dynamic_set *set, uint64_t now_ms, struct dynamic_member *members, uint32_t size)
{
    uint32_t count = 0;
    pthread_mutex_lock(&set->lock);
    for (uint32_t i = 0; i < set->fresh; i++) {
        if (set->slots[i].member.until_ms <= now_ms)
            continue;
        if (count < size)
            members[count] = set->slots[i].member;
        count++;
    }
    pthread_mutex_unlock(&set->lock);
    return count;
}

uint32_t dynamic_set_read(struct dynamic_set *set, uint32_t *place, uint32_t budget, uint64_t now_ms,
                          struct dynamic_member *members)
{
    uint32_t count = 0;
    pthread_mutex_lock(&set->lock);
    for (; *place < set->fresh && budget > 0; (*place)++, budget--)
        if (set->slots[*place].member.until_ms > now_ms)
            members[count++] = set->slots[*place].member;
    if (*place >= set->fresh)
        *place = 0;
    pthread_mutex_unlock(&set->lock);
    return count;
}

uint64_t dynamic_set_changes(const struct dynamic_set *set)
{
    return __atomic_load_n(&set->changes, __ATOMIC_RELAXED);
}

void dynamic_set_ask_flush(struct dynamic_set *set)
{
    __atomic_store_n(&set->flush, true, __ATOMIC_RELEASE);
}

bool dynamic_set_take_flush(struct dynamic_set *set)
{
    return __atomic_exchange_n(&set->flush, false, __ATOMIC_ACQ_REL);
}
