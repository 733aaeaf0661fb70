#include "state/family_inherit.h"

#include <stdlib.h>

#include "packet/timeouts.h"
#include "packet/verdict.h"
#include "state/family_private.h"

struct kinfolk {
    struct families *families;
    uint64_t now_ms;
    uint8_t dialects;
    const struct family *old_families;
    const struct expectation *old_expectations;
    uint32_t family_count, expectation_count;
    /* By the old index the new one, KIN_NONE: none. A family's is taken away when its parent has joined. */
    uint32_t *family_at, *expectation_at;
};

struct kinfolk *kinfolk_new(const struct inherit_config *config)
{
    struct kinfolk *kinfolk = calloc(1, sizeof *kinfolk);
    if (kinfolk == NULL)
        return NULL;
    kinfolk->families = table_families(config->table);
    kinfolk->now_ms = config->now_ms;
    kinfolk->dialects = config->dialects;
    kinfolk->old_families =
        estate_items(config->estate, ESTATE_FAMILIES, sizeof(struct family), &kinfolk->family_count);
    kinfolk->old_expectations =
        estate_items(config->estate, ESTATE_EXPECTATIONS, sizeof(struct expectation), &kinfolk->expectation_count);
    kinfolk->family_at = calloc(kinfolk->family_count + 1, sizeof(uint32_t));
    kinfolk->expectation_at = calloc(kinfolk->expectation_count + 1, sizeof(uint32_t));
    if (kinfolk->family_at == NULL || kinfolk->expectation_at == NULL) {
        free(kinfolk->family_at);
        free(kinfolk->expectation_at);
        free(kinfolk);
        return NULL;
    }
    return kinfolk;
}

/* A bool that is neither may not even be read. */
static bool is_bool(const bool *at)
{
    return *(const uint8_t *)at <= 1;
}

static bool family_plausible(const struct kinfolk *kinfolk, const struct family *family)
{
    const struct basis *basis = &family->basis;
    return inherit_tuple_plausible(&basis->tuple) && is_bool(&basis->opener_high) && basis->chain < CHAIN_COUNT &&
           family->alg > 0 && family->alg < kinfolk->dialects && family->deaf < DEAF_COUNT &&
           family->orphan_ms <= TIMEOUT_LARGEST_MS && family->idle_ms <= TIMEOUT_LARGEST_MS && family->parent != 0 &&
           family->child_ms <= kinfolk->now_ms && family->ended_ms <= kinfolk->now_ms + 1;
}

static bool expectation_plausible(const struct kinfolk *kinfolk, const struct expectation *expectation)
{
    const struct expected *expected = &expectation->expected;
    uint64_t latest_ms = kinfolk->now_ms + TIMEOUT_LARGEST_MS;
    return address_is_v4(expected->src) == address_is_v4(expected->dst) && expected->alg < kinfolk->dialects &&
           is_bool(&expected->any_src) && is_bool(&expected->anybody) && is_bool(&expected->again) &&
           is_bool(&expectation->waits) && expected->wait_ms <= TIMEOUT_LARGEST_MS && expectation->until_ms <= latest_ms &&
           expectation->end_ms <= latest_ms;
}

/* The family that PAST is the parent of; NULL: it is none, or the two do not know each other. */
static const struct family *family_past(const struct kinfolk *kinfolk, const struct connection *past)
{
    if (kinfolk == NULL || past->alg == 0 || past->kin == KIN_NONE || past->kin >= kinfolk->family_count)
        return NULL;
    const struct family *family = &kinfolk->old_families[past->kin];
    bool knows = family->parent == past->id && family->alg == past->alg && family_plausible(kinfolk, family);
    return knows ? family : NULL;
}

bool kinfolk_keeps(const struct kinfolk *kinfolk, const struct connection *past)
{
    const struct family *family = family_past(kinfolk, past);
    if (family == NULL || family->ended_ms != 0)
        return false;
    uint64_t child_due_ms = family->child_ms != 0 ? family->child_ms + past->timeout_ms : 0;
    return family->children > 0 || kinfolk->now_ms < past->seen_ms + family->idle_ms || kinfolk->now_ms < child_due_ms;
}

/* The new family for the old one at INDEX; NULL: there is no room for it. */
static struct family *make_family(struct kinfolk *kinfolk, uint32_t index)
{
    const struct family *past = &kinfolk->old_families[index];
    struct family *family = family_new(kinfolk->families);
    if (family == NULL)
        return NULL;
    family->basis = past->basis;
    family->parent = past->parent;
    family->orphan_ms = past->orphan_ms;
    family->alg = past->alg;
    family->deaf = past->deaf;
    family->idle_ms = past->idle_ms;
    family->child_ms = past->child_ms;
    family->ended_ms = past->ended_ms;
    kinfolk->family_at[index] = (uint32_t)(family - kinfolk->families->list);
    return family;
}

void kinfolk_meet(struct kinfolk *kinfolk, const struct connection *past)
{
    if (family_past(kinfolk, past) != NULL && kinfolk->family_at[past->kin] == KIN_NONE)
        make_family(kinfolk, past->kin);
}

/* The new family that the expectations of the old one at INDEX belong to; NULL: none. */
static struct family *heir_of(struct kinfolk *kinfolk, uint32_t index)
{
    if (index == KIN_NONE || index >= kinfolk->family_count)
        return NULL;
    const struct family *past = &kinfolk->old_families[index];
    if (kinfolk->family_at[index] != KIN_NONE)
        return &kinfolk->families->list[kinfolk->family_at[index]];
    bool orphans = past->holders > 0 && past->ended_ms != 0 && family_plausible(kinfolk, past);
    return orphans ? make_family(kinfolk, index) : NULL;
}

void kinfolk_expect(struct kinfolk *kinfolk)
{
    for (uint32_t i = 1; i < kinfolk->expectation_count; i++) {
        const struct expectation *past = &kinfolk->old_expectations[i];
        if (!expectation_plausible(kinfolk, past) || (!past->waits && past->children == 0))
            continue;
        struct family *family = heir_of(kinfolk, past->family);
        struct expectation *expectation =
            family != NULL ? expectation_new(kinfolk->families, family, &past->expected) : NULL;
        if (expectation == NULL)
            continue;
        expectation->until_ms = past->until_ms;
        expectation->end_ms = past->end_ms;
        kinfolk->expectation_at[i] = (uint32_t)(expectation - kinfolk->families->expectations);
        if (past->waits && kinfolk->now_ms < past->until_ms && family->ended_ms == 0)
            expectation_wait(kinfolk->families, expectation);
    }
}

/* The old index of the expectation that PAST came of; KIN_NONE: a rule admitted it. */
static uint32_t origin_past(const struct kinfolk *kinfolk, const struct connection *past)
{
    return past->alg != 0 ? kinfolk->old_families[past->kin].announced_by : past->kin;
}

bool kinfolk_has_place(const struct kinfolk *kinfolk, const struct connection *past)
{
    if (past->alg != 0 && (family_past(kinfolk, past) == NULL || kinfolk->family_at[past->kin] == KIN_NONE))
        return false;
    uint32_t origin = origin_past(kinfolk, past);
    if (!(past->flags & CONNECTION_RELATED))
        return past->alg != 0 && origin == KIN_NONE;
    return origin < kinfolk->expectation_count && kinfolk->expectation_at[origin] != KIN_NONE;
}

static void join_as_child(struct kinfolk *kinfolk, uint32_t index)
{
    struct families *families = kinfolk->families;
    struct expectation *expectation = &families->expectations[index];
    struct family *family = &families->list[expectation->family];
    expectation->children++;
    families->children++;
    family->children++;
    family->holders++;
}

void kinfolk_join(struct kinfolk *kinfolk, const struct connection *past, struct connection *connection)
{
    uint32_t origin = origin_past(kinfolk, past);
    uint32_t expectation = origin != KIN_NONE ? kinfolk->expectation_at[origin] : KIN_NONE;
    if (expectation != KIN_NONE)
        join_as_child(kinfolk, expectation);
    connection->kin = expectation;
    if (past->alg == 0)
        return;
    struct family *family = &kinfolk->families->list[kinfolk->family_at[past->kin]];
    family->announced_by = expectation;
    family->holders++;
    connection->kin = kinfolk->family_at[past->kin];
    connection->alg = past->alg;
    kinfolk->family_at[past->kin] = KIN_NONE;
}

/* An expectation whose children have not come waits for others, where it does so by its nature; else it is over. */
static void settle(struct kinfolk *kinfolk, uint32_t index)
{
    struct expectation *expectation = &kinfolk->families->expectations[index];
    const struct family *family = &kinfolk->families->list[expectation->family];
    if (expectation->children == 0 && !expectation->waits && expectation->expected.again && expectation->end_ms == 0 &&
        family->ended_ms == 0) {
        expectation->until_ms = kinfolk->now_ms + expectation->expected.wait_ms;
        expectation_wait(kinfolk->families, expectation);
    }
    expectation_settle(kinfolk->families, expectation);
}

void kinfolk_free(struct kinfolk *kinfolk)
{
    if (kinfolk == NULL)
        return;
    for (uint32_t i = 1; i < kinfolk->expectation_count; i++)
        if (kinfolk->expectation_at[i] != KIN_NONE)
            settle(kinfolk, kinfolk->expectation_at[i]);
    for (uint32_t i = 1; i < kinfolk->family_count; i++) {
        struct family *family = &kinfolk->families->list[kinfolk->family_at[i]];
        if (kinfolk->family_at[i] == KIN_NONE)
            continue;
        family_end(kinfolk->families, family, kinfolk->now_ms);
        if (family->holders == 0)
            family_drop(kinfolk->families, family);
    }
    free(kinfolk->family_at);
    free(kinfolk->expectation_at);
    free(kinfolk);
}
