#include "daemon/members.h"

#include <string.h>

#include "base/siphash.h"
#include "daemon/clock.h"
#include "rules/dns_set.h"
#include "rules/dynamic_set.h"

/* Slots of a set that are read under one lock. */
#define READ_BUDGET 1024u

/* A copy is made so long after the one before at least, and takes no more than this part of the main thread's time. */
#define KEEP_EVERY_MS 1000u
#define KEEP_SHARE 20u

#define MARKS 2u /* by turns: the first items */

/* A member; with `set` MARK it says that a half is whole. */
struct member_item {
    uint64_t set;      /* who it belongs to, as a number: its set's kind and name */
    uint64_t question; /* a dns set's: the name and family that it answers; else 0 */
    struct address address; /* all zero, of a question: it has been answered */
    uint64_t added_ms, until_ms;
    uint32_t by, zero;
    uint64_t sum;      /* of all above */
};

#define MARK UINT64_MAX

/* Names and checksums are no secret: nobody gains by two that are alike. */
static const struct siphash_key plain = {1, 2};

static uint64_t sum_of(const struct member_item *item)
{
    uint64_t words[sizeof *item / 8 - 1];
    memcpy(words, item, sizeof words);
    return siphash_words(&plain, words, sizeof words / sizeof words[0]);
}

static uint64_t number_of(uint64_t kind, const char *name)
{
    uint64_t number = kind;
    for (; *name != '\0'; name++) {
        const uint64_t words[] = {number, (unsigned char)*name};
        number = siphash_words(&plain, words, 2);
    }
    return number != MARK ? number : 0;
}

static uint64_t set_number(const struct moving_set *moving)
{
    return number_of(moving->kind, moving->name);
}

static uint64_t question_number(const struct dns_question *question)
{
    return number_of(question->v6 ? 6 : 4, question->name);
}

/* ---- keeping ---- */

bool members_open(struct members *members, struct estate *estate)
{
    *members = (struct members){.estate = estate};
    if (estate == NULL)
        return true;
    members->items = estate_claim(estate, ESTATE_MEMBERS, sizeof(struct member_item), MARKS + 2 * MEMBERS_KEPT_MAX);
    if (members->items == NULL)
        members->estate = NULL;
    return members->items != NULL;
}

/* Where the next item of a copy goes. */
struct pen {
    struct members *members;
    uint32_t first, count;
};

static void put(struct pen *pen, struct member_item item)
{
    uint32_t at = pen->first + pen->count;
    if (pen->count == MEMBERS_KEPT_MAX || !estate_provide(pen->members->estate, ESTATE_MEMBERS, at)) {
        pen->members->left_out = true;
        return;
    }
    item.sum = sum_of(&item);
    pen->members->items[at] = item;
    pen->count++;
}

static void put_dynamic(struct pen *pen, const struct moving_set *moving, uint64_t now_ms)
{
    struct dynamic_member members[READ_BUDGET];
    uint32_t place = 0;
    do {
        uint32_t count = dynamic_set_read(moving->members, &place, READ_BUDGET, now_ms, members);
        for (uint32_t i = 0; i < count; i++)
            put(pen, (struct member_item){
                         .set = set_number(moving),
                         .address = members[i].address,
                         .added_ms = members[i].added_ms,
                         .until_ms = members[i].until_ms,
                         .by = members[i].by,
                     });
    } while (place != 0);
}

/*
 * What each question was answered, and what is in its grace: the next answer to the next daemon gives it another one.
 */
static void put_dns(struct pen *pen, const struct moving_set *moving, uint64_t now_ms)
{
    for (size_t i = 0; i < moving->dns->count; i++) {
        const struct dns_question *question = &moving->dns->questions[i];
        struct member_item item = {.set = set_number(moving), .question = question_number(question)};
        if (!question->answered)
            continue;
        put(pen, item);
        for (size_t k = 0; k < question->count; k++) {
            item.address = question->records[k].address;
            if (question->records[k].until_ms > now_ms)
                put(pen, item);
        }
    }
}

static uint64_t changes_of(const struct ruleset *ruleset)
{
    uint64_t sum = (uint64_t)ruleset->generation << 32;
    for (size_t i = 0; i < ruleset->moving_count; i++)
        if (ruleset->moving[i].kind != MOVING_PREFIX)
            sum += dynamic_set_changes(ruleset->moving[i].members) + dynamic_set_filled(ruleset->moving[i].members);
    return sum;
}

void members_keep(struct members *members, const struct ruleset *ruleset, uint64_t now_ms, bool now)
{
    uint64_t changes = changes_of(ruleset);
    bool known = members->serial > 0 && changes == members->seen;
    if (members->estate == NULL || known || (!now && now_ms < members->due_ms))
        return;
    uint32_t half = members->serial % 2;
    struct pen pen = {members, MARKS + half * MEMBERS_KEPT_MAX, 0};
    members->left_out = false;
    for (size_t i = 0; i < ruleset->moving_count; i++) {
        if (ruleset->moving[i].kind == MOVING_DYNAMIC)
            put_dynamic(&pen, &ruleset->moving[i], now_ms);
        else if (ruleset->moving[i].kind == MOVING_DNS)
            put_dns(&pen, &ruleset->moving[i], now_ms);
    }
    struct member_item mark = {.set = MARK, .question = ++members->serial, .by = pen.count};
    mark.sum = sum_of(&mark);
    if (estate_provide(members->estate, ESTATE_MEMBERS, half))
        members->items[half] = mark;
    members->seen = changes;
    members->kept = pen.count;
    uint64_t took_ms = clock_now_ms() - now_ms, pause_ms = took_ms * KEEP_SHARE;
    members->due_ms = now_ms + (pause_ms > KEEP_EVERY_MS ? pause_ms : KEEP_EVERY_MS);
}

/* ---- restoring ---- */

static bool is_sound(const struct member_item *item)
{
    return item->sum == sum_of(item);
}

/* The half that is whole and the later one: its first item, and *COUNT of them. NULL: none is. */
static const struct member_item *whole_half(const struct estate *former, uint32_t *count)
{
    uint32_t items, best = MARKS;
    const struct member_item *all = estate_items(former, ESTATE_MEMBERS, sizeof *all, &items);
    for (uint32_t i = 0; i < MARKS && i < items; i++)
        if (all[i].set == MARK && is_sound(&all[i]) && (best == MARKS || all[i].question > all[best].question))
            best = i;
    if (best == MARKS)
        return NULL;
    uint32_t first = MARKS + best * MEMBERS_KEPT_MAX;
    *count = all[best].by;
    return all[best].by <= MEMBERS_KEPT_MAX && first <= items && all[best].by <= items - first ? &all[first] : NULL;
}

static uint32_t restore_dynamic(struct moving_set *moving, const struct member_item *items, uint32_t count,
                                uint64_t now_ms)
{
    uint32_t restored = 0;
    uint64_t set = set_number(moving);
    for (uint32_t i = 0; i < count; i++) {
        const struct member_item *item = &items[i];
        if (item->set != set || !is_sound(item) || item->until_ms <= now_ms || item->added_ms > now_ms)
            continue;
        struct dynamic_member member = {item->address, item->added_ms, item->until_ms, item->by};
        restored += dynamic_set_put(moving->members, &member, now_ms);
    }
    return restored;
}

/* As an answer, which is due to be asked for again at once. */
static uint32_t restore_dns(struct moving_set *moving, const struct member_item *items, uint32_t count, uint64_t now_ms)
{
    uint32_t restored = 0;
    uint64_t set = set_number(moving);
    for (size_t k = 0; k < moving->dns->count; k++) {
        struct dns_question *question = &moving->dns->questions[k];
        struct address addresses[DNS_ADDRESSES_MAX];
        uint64_t number = question_number(question);
        size_t found = 0;
        bool answered = false;
        for (uint32_t i = 0; i < count && found < DNS_ADDRESSES_MAX; i++) {
            const struct member_item *item = &items[i];
            if (item->set != set || item->question != number || !is_sound(item))
                continue;
            answered = true;
            if (item->address.high != 0 || item->address.low != 0)
                addresses[found++] = item->address;
        }
        if (!answered)
            continue;
        dns_set_answer(moving->dns, moving->members, question, addresses, found, 0, now_ms);
        question->next_ms = now_ms;
        restored += (uint32_t)found;
    }
    return restored;
}

uint32_t members_restore(struct ruleset *ruleset, const struct estate *former, uint64_t now_ms)
{
    uint32_t count = 0, restored = 0;
    const struct member_item *items = whole_half(former, &count);
    for (size_t i = 0; i < ruleset->moving_count && items != NULL; i++) {
        if (ruleset->moving[i].kind == MOVING_DYNAMIC)
            restored += restore_dynamic(&ruleset->moving[i], items, count, now_ms);
        else if (ruleset->moving[i].kind == MOVING_DNS)
            restored += restore_dns(&ruleset->moving[i], items, count, now_ms);
    }
    return restored;
}
