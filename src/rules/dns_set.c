#include "rules/dns_set.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/dynamic_set.h"

struct dns_set *dns_set_new(const char *const *names, size_t count)
{
    struct dns_set *set = calloc(1, sizeof *set + 2 * count * sizeof set->questions[0]);
    if (set == NULL)
        return NULL;
    set->count = 2 * count;
    for (size_t i = 0; i < set->count; i++) {
        set->questions[i].name = names[i / 2];
        set->questions[i].v6 = i % 2 != 0;
    }
    return set;
}

void dns_set_free(struct dns_set *set)
{
    free(set);
}

struct dns_question *dns_set_question(struct dns_set *set, const char *name, bool v6)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->questions[i].v6 == v6 && strcasecmp(set->questions[i].name, name) == 0)
            return &set->questions[i];
    return NULL;
}

const char *dns_set_name_by(const struct dns_set *set, uint32_t by)
{
    return by < set->count ? set->questions[by].name : NULL;
}

/* ---- members ---- */

/* ADDRESS is a member for as long as any of the set's names says. */
static void show_member(const struct dns_set *set, struct dynamic_set *members, struct address address, uint64_t now_ms)
{
    struct dynamic_member member = {.address = address};
    for (size_t q = 0; q < set->count; q++)
        for (size_t i = 0; i < set->questions[q].count; i++) {
            const struct dns_record *record = &set->questions[q].records[i];
            if (!address_equal(record->address, address) || record->until_ms <= member.until_ms)
                continue;
            member = (struct dynamic_member){address, record->answered_ms, record->until_ms, (uint32_t)q};
        }
    if (member.until_ms > now_ms)
        dynamic_set_put(members, &member, now_ms);
    else
        dynamic_set_delete(members, address, now_ms);
}

/* Filled: each name was answered in both families, and not with nothing in both. */
static bool is_filled(const struct dns_set *set)
{
    for (size_t i = 0; i < set->count; i += 2) {
        const struct dns_question *v4 = &set->questions[i], *v6 = v4 + 1;
        if (!v4->answered || !v6->answered || v4->count + v6->count == 0)
            return false;
    }
    return true;
}

/* Once filled it stays so: an answer that empties it later is an answer. */
static void show_filled(const struct dns_set *set, struct dynamic_set *members)
{
    if (!dynamic_set_filled(members) && is_filled(set))
        dynamic_set_fill(members, true);
}

/* ---- answers ---- */

static bool contains(const struct address *addresses, size_t count, struct address address)
{
    for (size_t i = 0; i < count; i++)
        if (address_equal(addresses[i], address))
            return true;
    return false;
}

static struct dns_record *record_of(struct dns_question *question, struct address address)
{
    for (size_t i = 0; i < question->count; i++)
        if (address_equal(question->records[i].address, address))
            return &question->records[i];
    return NULL;
}

static void forget(struct dns_set *set, struct dynamic_set *members, struct dns_question *question, size_t index,
                   uint64_t now_ms)
{
    struct address address = question->records[index].address;
    question->records[index] = question->records[--question->count];
    show_member(set, members, address, now_ms);
}

/* Addresses that are not in the answer are in their grace; those whose grace is over are forgotten. */
static void let_go(struct dns_set *set, struct dynamic_set *members, struct dns_question *question,
                   const struct address *addresses, size_t count, uint64_t now_ms)
{
    uint64_t grace_ms = question->ttl_ms > DNS_GRACE_MS ? question->ttl_ms : DNS_GRACE_MS;
    for (size_t i = question->count; i-- > 0;) {
        struct dns_record *record = &question->records[i];
        if (record->until_ms <= now_ms) {
            forget(set, members, question, i, now_ms);
        } else if (record->until_ms == UINT64_MAX && !contains(addresses, count, record->address)) {
            record->until_ms = now_ms + grace_ms;
            show_member(set, members, record->address, now_ms);
        }
    }
}

/* Room for one more: the place of the address whose grace ends first. False: all are in the answer. */
static bool make_room(struct dns_set *set, struct dynamic_set *members, struct dns_question *question, uint64_t now_ms)
{
    size_t first = 0;
    if (question->count < DNS_ADDRESSES_MAX)
        return true;
    for (size_t i = 1; i < question->count; i++)
        if (question->records[i].until_ms < question->records[first].until_ms)
            first = i;
    if (question->records[first].until_ms == UINT64_MAX)
        return false;
    forget(set, members, question, first, now_ms);
    return true;
}

static void take_in(struct dns_set *set, struct dynamic_set *members, struct dns_question *question,
                    struct address address, uint64_t now_ms)
{
    struct dns_record *record = record_of(question, address);
    if (record == NULL && !make_room(set, members, question, now_ms)) {
        question->left_out = true;
        return;
    }
    if (record == NULL)
        record = &question->records[question->count++];
    *record = (struct dns_record){address, now_ms, UINT64_MAX};
    show_member(set, members, address, now_ms);
}

bool dns_set_answer(struct dns_set *set, struct dynamic_set *members, struct dns_question *question,
                    const struct address *addresses, size_t count, uint32_t ttl_s, uint64_t now_ms)
{
    bool failed = question->failure != NULL;
    let_go(set, members, question, addresses, count, now_ms);
    if (count == 0)
        ttl_s = DNS_TTL_EMPTY_S;
    ttl_s = ttl_s < DNS_TTL_LEAST_S ? DNS_TTL_LEAST_S : ttl_s > DNS_TTL_MOST_S ? DNS_TTL_MOST_S : ttl_s;
    question->ttl_ms = (uint64_t)ttl_s * 1000;
    question->next_ms = now_ms + question->ttl_ms;
    question->asked = question->left_out = false;
    question->answered = true;
    question->failure = NULL;
    for (size_t i = 0; i < count; i++)
        take_in(set, members, question, addresses[i], now_ms);
    show_filled(set, members);
    return failed;
}

bool dns_question_fail(struct dns_question *question, const char *why, uint64_t now_ms)
{
    bool begins = question->failure == NULL;
    question->asked = false;
    question->failure = why;
    question->next_ms = now_ms + DNS_RETRY_MS;
    return begins;
}

void dns_set_revive(struct dns_set *set, struct dynamic_set *members)
{
    dynamic_set_clear(members);
    for (size_t i = 0; i < set->count; i++)
        set->questions[i].asked = false;
}

void dns_set_adopt(struct dns_set *set, struct dynamic_set *members, const struct dns_set *old, uint64_t now_ms)
{
    for (size_t i = 0; i < old->count; i++) {
        const struct dns_question *from = &old->questions[i];
        struct dns_question *to = dns_set_question(set, from->name, from->v6);
        if (to == NULL)
            continue;
        const char *name = to->name;
        *to = *from;
        to->name = name;
    }
    for (size_t q = 0; q < set->count; q++)
        for (size_t i = 0; i < set->questions[q].count; i++)
            show_member(set, members, set->questions[q].records[i].address, now_ms);
    show_filled(set, members);
}
