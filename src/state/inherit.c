#include "state/inherit.h"

#include "packet/timeouts.h"
#include "packet/verdict.h"
#include "state/family.h"
#include "state/family_inherit.h"
#include "state/session.h"
#include "state/tcp.h"

/* Numbers of connections count up from 1: nobody gets so far. */
#define ID_MAX (UINT64_C(1) << 62)

#define TCP_SCALE_MAX 14 /* RFC 7323, 2.3 */

/* Entries whose memory is on its way at the same time. */
#define GROUP 16u

struct heir {
    const struct inherit_config *config;
    struct inheritance *inheritance;
    struct kinfolk *kinfolk;
    const struct connection *pasts;
    uint32_t count;
    bool open; /* packets have passed since, and nobody saw them */
};

const char *inherit_flaw_text(enum inherit_flaw flaw)
{
    static const char *const texts[INHERIT_FLAW_COUNT] = {
        [INHERIT_UNFINISHED] = "unfinished",   [INHERIT_TUPLE] = "impossible addresses",
        [INHERIT_STATE] = "impossible state",  [INHERIT_TIME] = "impossible times",
        [INHERIT_TWICE] = "there twice",       [INHERIT_KIN] = "without announcement",
        [INHERIT_ROOM] = "no room",
    };
    return texts[flaw];
}

bool inherit_tuple_plausible(const struct tuple *tuple)
{
    int order = address_compare(tuple->low, tuple->high);
    if (address_is_v4(tuple->low) != address_is_v4(tuple->high) || order > 0 || tuple->zero != 0 ||
        tuple->asker > SIDE_HIGH)
        return false;
    switch (tuple->protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_SCTP:
        return tuple->detail == 0 && tuple->asker == 0 && (order < 0 || tuple->low_port <= tuple->high_port);
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMP6:
        return tuple->low_port == tuple->high_port;
    case PROTOCOL_GRE:
        return tuple->detail == TUPLE_CALL || (tuple->detail == 0 && tuple->asker == 0);
    default:
        return tuple->low_port == 0 && tuple->high_port == 0 && tuple->detail == 0 && tuple->asker == 0;
    }
}

static bool state_plausible(const struct connection *past)
{
    const struct tcp_peer *peers = past->transport.tcp.peer;
    if (past->chain >= CHAIN_COUNT)
        return false;
    switch (past->tuple.protocol) {
    case PROTOCOL_TCP:
        return past->state < TCP_STATE_COUNT && peers[ORIGINAL].scale <= TCP_SCALE_MAX &&
               peers[REPLY].scale <= TCP_SCALE_MAX;
    case PROTOCOL_SCTP:
        return past->state < SCTP_STATE_COUNT;
    default:
        return past->state == 0;
    }
}

static bool time_plausible(const struct connection *past, uint64_t now_ms)
{
    return past->seen_ms <= now_ms && past->created_s <= past->seen_ms / 1000 && past->timeout_ms <= TIMEOUT_LARGEST_MS;
}

/* INHERIT_FLAW_COUNT: it is plausible. */
static enum inherit_flaw flaw_of(const struct connection *past, uint64_t now_ms)
{
    if (past->packets[ORIGINAL] == 0)
        return INHERIT_UNFINISHED;
    if (!inherit_tuple_plausible(&past->tuple))
        return INHERIT_TUPLE;
    if (!state_plausible(past) || past->id > ID_MAX)
        return INHERIT_STATE;
    if (!time_plausible(past, now_ms))
        return INHERIT_TIME;
    return INHERIT_FLAW_COUNT;
}

static bool is_expired(const struct heir *heir, const struct connection *past)
{
    uint64_t now_ms = heir->config->now_ms;
    if (heir->open && past->tuple.protocol == PROTOCOL_TCP && past->state < TCP_ESTABLISHED)
        return true;
    return now_ms >= past->seen_ms + past->timeout_ms && !kinfolk_keeps(heir->kinfolk, past);
}

static bool is_kin(const struct connection *past)
{
    return past->kin != KIN_NONE || past->alg != 0 || past->flags & CONNECTION_RELATED;
}

/* Its packets passed by others, who may be gone, or by nobody: what comes next shows where it stands. */
static void forget_windows(struct heir *heir, const struct connection *past, struct connection *connection)
{
    if (!past->offloaded && !heir->open)
        return;
    heir->inheritance->blind++;
    if (connection->tuple.protocol != PROTOCOL_TCP)
        return;
    tcp_window_forget(connection->transport.tcp.peer);
}

/* PAST, of HASH, is plausible and lives. */
static void adopt(struct heir *heir, const struct connection *past, uint32_t hash)
{
    struct table *table = heir->config->table;
    struct inheritance *inheritance = heir->inheritance;
    enum eviction eviction = session_eviction(past->tuple.protocol, past->state, past->flags & CONNECTION_REPLIED);
    bool kin = is_kin(past), twice = table_find(table, hash, &past->tuple) != NULL;
    if (twice || (kin && (heir->kinfolk == NULL || !kinfolk_has_place(heir->kinfolk, past)))) {
        inheritance->refused[twice ? INHERIT_TWICE : INHERIT_KIN]++;
        return;
    }
    struct connection *connection = table_restore(table, hash, past, eviction);
    if (connection == NULL) {
        inheritance->refused[INHERIT_ROOM]++;
        return;
    }
    if (kin)
        kinfolk_join(heir->kinfolk, past, connection);
    forget_windows(heir, past, connection);
    inheritance->adopted++;
    heir->config->adopted(heir->config->context, connection);
}

/* Adopts COUNT connections, or those of them that are still to be. */
static void adopt_group(struct heir *heir, const struct connection *const *pasts, unsigned count)
{
    struct table *table = heir->config->table;
    uint32_t hashes[GROUP];
    for (unsigned i = 0; i < count; i++) {
        hashes[i] = table_hash(table, &pasts[i]->tuple);
        table_fetch_bucket(table, hashes[i]);
    }
    for (unsigned i = 0; i < count; i++)
        table_fetch_entry(table, hashes[i]);
    for (unsigned i = 0; i < count; i++) {
        table_lock(table, hashes[i]);
        adopt(heir, pasts[i], hashes[i]);
        table_unlock(table, hashes[i]);
    }
}

/* Counts what is not to be adopted. True: it is. */
static bool examine(struct heir *heir, const struct connection *past)
{
    enum inherit_flaw flaw = flaw_of(past, heir->config->now_ms);
    if (flaw != INHERIT_FLAW_COUNT)
        heir->inheritance->refused[flaw]++;
    else if (is_expired(heir, past))
        heir->inheritance->expired++;
    else
        return true;
    return false;
}

static uint32_t count_there(const struct heir *heir)
{
    uint32_t there = 0;
    for (uint32_t i = 1; i < heir->count; i++)
        there += heir->pasts[i].id != 0;
    return there;
}

/* All that are nobody's kin; the others are shown to their families. */
static void adopt_single(struct heir *heir)
{
    const struct connection *group[GROUP] = {NULL};
    unsigned in_group = 0;
    for (uint32_t i = 1; i < heir->count; i++) {
        const struct connection *past = &heir->pasts[i];
        if (past->id == 0 || !examine(heir, past))
            continue;
        if (is_kin(past)) {
            if (heir->kinfolk != NULL)
                kinfolk_meet(heir->kinfolk, past);
            continue;
        }
        group[in_group++] = past;
        if (in_group == GROUP) {
            adopt_group(heir, group, in_group);
            in_group = 0;
        }
    }
    adopt_group(heir, group, in_group);
}

static void adopt_kin(struct heir *heir)
{
    if (heir->kinfolk != NULL)
        kinfolk_expect(heir->kinfolk);
    for (uint32_t i = 1; i < heir->count; i++) {
        const struct connection *past = &heir->pasts[i];
        if (past->id != 0 && is_kin(past) && flaw_of(past, heir->config->now_ms) == INHERIT_FLAW_COUNT &&
            !is_expired(heir, past))
            adopt_group(heir, &past, 1);
    }
}

void inherit(const struct inherit_config *config, struct inheritance *inheritance)
{
    struct heir heir = {.config = config, .inheritance = inheritance, .open = estate_is_open(config->estate)};
    *inheritance = (struct inheritance){0};
    heir.pasts = estate_items(config->estate, ESTATE_CONNECTIONS, sizeof(struct connection), &heir.count);
    heir.kinfolk = kinfolk_new(config);
    /* So that the wheels begin now, and not when the clock did. */
    for (unsigned stripe = 0; stripe < TABLE_STRIPES; stripe++)
        table_expire(config->table, stripe, config->now_ms, 1);
    table_prepare(config->table, count_there(&heir));
    adopt_single(&heir);
    adopt_kin(&heir);
    kinfolk_free(heir.kinfolk);
}
