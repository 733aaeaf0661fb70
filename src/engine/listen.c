#include "engine/listen.h"

#include <string.h>

#include "alg/alg.h"
#include "alg/stream.h"

/* One packet and who listens. */
struct listening {
    const struct engine *engine;
    const struct rule_alg *alg; /* what the opener says of it; NULL: its rule is gone */
    struct family *family;
    struct hearing *hearing;
    uint64_t now_ms;
};

static const struct rule_alg *alg_of_rule(const struct ruleset *ruleset, uint32_t rule)
{
    return rule < ruleset->rule_count ? ruleset->rules[rule].alg : NULL;
}

uint8_t listen_dialect(const struct ruleset *ruleset, uint32_t rule, uint8_t protocol)
{
    const struct rule_alg *alg = alg_of_rule(ruleset, rule);
    return alg != NULL ? dialect_of(alg->name, protocol) : DIALECT_NONE;
}

bool listen_begin(const struct engine *engine, struct connection *connection, uint8_t dialect)
{
    return family_found(table_families(engine->table), connection, dialect,
                        engine->ruleset->timeouts.ms[TIMEOUT_ORPHAN]);
}

static bool in_media_set(const struct engine *engine, const struct rule_alg *alg, struct address address, uint64_t now_ms)
{
    return alg != NULL && alg->media != NULL && ruleset_set_holds(engine->ruleset, alg->media, address, now_ms);
}

bool listen_trusts(const struct engine *engine, uint32_t opener, struct address source, uint64_t now_ms)
{
    uint32_t rule = ruleset_rule_of(engine->ruleset, opener);
    return in_media_set(engine, alg_of_rule(engine->ruleset, rule), source, now_ms);
}

static bool may_media(const void *context, struct address address)
{
    const struct listening *listening = context;
    return in_media_set(listening->engine, listening->alg, address, listening->now_ms);
}

/* Would the announcement open a service of the gateway that a `protect` names? */
static bool opens_protected(const struct listening *listening, const struct expected *expected)
{
    const struct engine *engine = listening->engine;
    return rangeset_holds(&engine->surroundings->self, expected->dst) &&
           ruleset_protects(engine->ruleset, expected->protocol, expected->dst_port);
}

/* All is heard and nothing is changed yet: carries out the orders. */
static bool obey(void *context)
{
    const struct listening *listening = context;
    struct hearing *hearing = listening->hearing;
    for (unsigned i = 0; i < hearing->order_count; i++)
        if (hearing->orders[i].kind == ORDER_EXPECT && opens_protected(listening, &hearing->orders[i].expected)) {
            hearing_refuse(hearing, "an announced port that is a protected service of the gateway");
            return false;
        }
    if (hearing->order_count == 0)
        return true;
    if (!family_obey(table_families(listening->engine->table), listening->family, hearing->orders, hearing->order_count,
                     alg_of(listening->family->alg)->expectations_max, listening->now_ms))
        hearing_refuse(hearing, "more announcements than one source may have");
    return hearing->refused == NULL;
}

static bool datagram_hear(struct listening *listening, const struct packet *packet, struct speech *speech)
{
    struct hearing *hearing = listening->hearing;
    struct family *family = listening->family;
    speech->bytes = packet->bytes + packet->payload;
    speech->length = packet->payload_length;
    if (speech->length <= packet->captured - packet->payload)
        alg_of(family->alg)->hear(hearing, speech);
    else if (speech->closed)
        hearing_refuse(hearing, deaf_error(DEAF_CUT));
    else
        hearing->deaf = DEAF_CUT;
    if (hearing->refused != NULL || !obey(listening))
        return false;
    memcpy(family->memory, hearing->memory, FAMILY_MEMORY_BYTES);
    family->deaf = (uint8_t)hearing->deaf;
    family->idle_ms = hearing->idle_ms;
    return true;
}

/* Nobody listens any more: why the packet is denied, if it is. A reset may always end it. */
static const char *unheard(bool closed, enum deaf deaf, const struct packet *packet)
{
    bool resets = packet->protocol == PROTOCOL_TCP && packet->tcp.flags & TCP_RST;
    return closed && !resets ? deaf_error(deaf) : NULL;
}

/*
 * What it is like when an ALG cannot go on. Behind it listening begins anew: what was said meanwhile nobody has heard, and what
 * was kept has no end.
 */
static const char *rehearse(struct family *family, struct blocks *blocks, bool closed)
{
    if (closed)
        return "a rehearsal of inspect-error";
    for (unsigned direction = 0; direction < DIRECTION_COUNT; direction++) {
        stream_clear(&family->streams[direction], blocks);
        family->streams[direction] = (struct stream){.begun = false};
    }
    return NULL;
}

const char *listen_hear(const struct engine *engine, struct connection *connection, enum direction direction,
                        const struct packet *packet, uint64_t now_ms)
{
    struct families *families = table_families(engine->table);
    struct family *family = family_of(families, connection);
    bool closed = engine->ruleset->on[FAILURE_INSPECT_ERROR] != ON_ACCEPT;
    if (family->deaf != DEAF_NOT)
        return unheard(closed, family->deaf, packet);
    if (__atomic_load_n(&engine->inspect_error, __ATOMIC_RELAXED))
        return rehearse(family, families_blocks(families), closed);
    _Alignas(8) uint8_t memory[FAMILY_MEMORY_BYTES];
    struct hearing hearing;
    struct listening listening = {
        .engine = engine,
        .alg = alg_of_rule(engine->ruleset, ruleset_rule_of(engine->ruleset, connection->opener)),
        .family = family,
        .hearing = &hearing,
        .now_ms = now_ms,
    };
    struct speech speech = {
        .direction = direction,
        .speaker = packet->src,
        .listener = packet->dst,
        .speaker_port = packet->src_port,
        .listener_port = packet->dst_port,
        .now_ms = now_ms,
        .wait_ms = engine->ruleset->timeouts.ms[TIMEOUT_EXPECTATION],
        .strict = listening.alg != NULL && listening.alg->strict,
        .closed = closed,
        .may_media = listening.alg != NULL && listening.alg->media != NULL ? may_media : NULL,
        .context = &listening,
    };
    memcpy(memory, family->memory, sizeof memory);
    /* The orders behind order_count are never read: the rest of the hearing is set one by one. */
    hearing.memory = memory;
    hearing.order_count = 0;
    hearing.refused = NULL;
    hearing.deaf = hearing.broken = DEAF_NOT;
    hearing.skip = 0;
    hearing.idle_ms = family->idle_ms;
    bool heard = packet->protocol == PROTOCOL_TCP
                     ? stream_hear(family, families_blocks(families), packet, &speech, &hearing, obey, &listening)
                     : datagram_hear(&listening, packet, &speech);
    return heard ? NULL : hearing.refused;
}

void listen_follow(const struct engine *engine, const struct connection *connection, uint64_t now_ms)
{
    struct families *families = table_families(engine->table);
    if (connection->tuple.protocol == PROTOCOL_TCP && connection->state >= TCP_LAST_ACK)
        family_end(families, family_of(families, connection), now_ms);
}
