#include "state/limit.h"

static const struct address every_address;

static struct tally_key key_of(enum tally_kind kind, uint32_t rule, struct address source)
{
    return (struct tally_key){.source = source, .rule = rule, .kind = kind};
}

static struct tally_key connections_key(uint32_t identity, bool per_source, struct address source)
{
    return key_of(TALLY_CONNECTIONS, identity, per_source ? source : every_address);
}

static struct tally_key new_key(const struct limit *limit, struct address source)
{
    return key_of(TALLY_NEW, limit->identity, limit->new_per_source ? source : every_address);
}

/* Counts the connection where its source and its rule are limited, up to what MOST_* say. False: one of them is full. */
static bool take(struct tally *tally, const struct limit *limit, struct address source, uint32_t most_of_source,
                 uint32_t most_of_rule, uint8_t *counted)
{
    struct tally_key source_key = connections_key(0, true, source);
    struct tally_key rule_key = connections_key(limit->identity, limit->connections_per_source, source);
    *counted = 0;
    if (limit->every_source != LIMIT_UNSET) {
        if (!tally_take(tally, &source_key, most_of_source))
            return false;
        *counted |= COUNTED_SOURCE;
    }
    if (limit->connections != LIMIT_UNSET) {
        if (!tally_take(tally, &rule_key, most_of_rule)) {
            if (*counted & COUNTED_SOURCE)
                tally_give(tally, &source_key);
            *counted = 0;
            return false;
        }
        *counted |= limit->connections_per_source ? COUNTED_RULE_SOURCE : COUNTED_RULE;
    }
    return true;
}

bool limit_admit(struct tally *tally, const struct limit *limit, struct address source, uint64_t now_ms,
                 uint8_t *counted)
{
    struct tally_key rate_key = new_key(limit, source);
    bool rated = limit->new_count != LIMIT_UNSET;
    *counted = 0;
    if (rated && !tally_event(tally, &rate_key, limit->new_count, limit->new_interval_ms, now_ms))
        return false;
    if (take(tally, limit, source, limit->every_source, limit->connections, counted))
        return true;
    if (rated)
        tally_event_undo(tally, &rate_key, limit->new_count, limit->new_interval_ms);
    return false;
}

uint8_t limit_count(struct tally *tally, const struct limit *limit, struct address source)
{
    uint8_t counted;
    take(tally, limit, source, UINT32_MAX, UINT32_MAX, &counted);
    return counted;
}

uint8_t limit_flags(const struct limit *limit)
{
    uint8_t flags = limit->every_source != LIMIT_UNSET ? COUNTED_SOURCE : 0;
    if (limit->connections != LIMIT_UNSET)
        flags |= limit->connections_per_source ? COUNTED_RULE_SOURCE : COUNTED_RULE;
    return flags;
}

/* Calls TURN with each key that a connection was counted under. */
static void each_key(struct tally *tally, uint8_t counted, uint32_t opener, struct address source,
                     void (*turn)(struct tally *tally, const struct tally_key *key))
{
    const struct tally_key keys[] = {
        connections_key(0, true, source),
        connections_key(opener, false, source),
        connections_key(opener, true, source),
    };
    _Static_assert(COUNTED_SOURCE == 1 << 0 && COUNTED_RULE == 1 << 1 && COUNTED_RULE_SOURCE == 1 << 2, "in this order");
    for (unsigned i = 0; i < 3; i++)
        if (counted & 1u << i)
            turn(tally, &keys[i]);
}

uint32_t limit_count_now(struct tally *tally, uint32_t identity, bool per_source, struct address source)
{
    struct tally_key key = connections_key(identity, per_source, source);
    return tally_count(tally, &key);
}

void limit_release(struct tally *tally, uint8_t counted, uint32_t opener, struct address source)
{
    each_key(tally, counted, opener, source, tally_give);
}

static void take_again(struct tally *tally, const struct tally_key *key)
{
    tally_take(tally, key, UINT32_MAX);
}

void limit_restore(struct tally *tally, uint8_t counted, uint32_t opener, struct address source)
{
    each_key(tally, counted, opener, source, take_again);
}
