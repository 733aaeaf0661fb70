#include "state/call.h"

#include "state/family.h"

static bool is_tracked(struct table *table, const struct tuple *tuple, uint32_t hash, uint64_t now_ms)
{
    table_lock(table, hash);
    const struct connection *connection = table_find(table, hash, tuple);
    bool tracked = connection != NULL && !table_expired(table, connection, now_ms);
    table_unlock(table, hash);
    return tracked;
}

static bool is_announced(struct table *table, const struct packet *packet, uint64_t now_ms)
{
    struct expected expected;
    struct basis basis;
    uint64_t parent;
    return family_find(table_families(table), packet, now_ms, &expected, &basis, &parent) != KIN_NONE;
}

enum side call_tuple_of(struct table *table, const struct packet *packet, uint64_t now_ms, struct tuple *tuple,
                        uint32_t *hash)
{
    if (packet_has_call(packet)) {
        enum side side = tuple_of_call(tuple, packet);
        *hash = table_hash(table, tuple);
        if (is_tracked(table, tuple, *hash, now_ms) || is_announced(table, packet, now_ms))
            return side;
    }
    enum side side = tuple_of(tuple, packet);
    *hash = table_hash(table, tuple);
    return side;
}
