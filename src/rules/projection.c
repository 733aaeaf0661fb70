#include "rules/projection.h"

#include "base/arena.h"

#define NUMBER(n) ((struct address){0, (n)})

static struct address_range everything[] = {{{0, 0}, {UINT64_MAX, UINT64_MAX}}};

/* The COUNT ranges at RANGES, normalised and few; *EXACT falls when that is more than they hold. */
static struct rangeset few(struct address_range *ranges, size_t count, struct arena *arena, bool *exact)
{
    struct rangeset set = {count, ranges};
    rangeset_normalise(&set);
    if (set.count <= PROJECTION_RANGES_MAX)
        return set;
    size_t step = (set.count + PROJECTION_RANGES_MAX - 1) / PROJECTION_RANGES_MAX;
    struct rangeset joined = {0, arena_take(arena, PROJECTION_RANGES_MAX, sizeof *joined.ranges)};
    for (size_t i = 0; i < set.count; i += step) {
        size_t last = i + step < set.count ? i + step - 1 : set.count - 1;
        joined.ranges[joined.count++] = (struct address_range){set.ranges[i].first, set.ranges[last].last};
    }
    *exact = false;
    return joined;
}

/* Appends the ranges of SET, joined until they are few; *EXACT falls when they are not all there is of it, or more. */
static void append(const struct set *set, struct rangeset *to, bool *exact)
{
    size_t count = set->members.count, step = (count + PROJECTION_RANGES_MAX - 1) / PROJECTION_RANGES_MAX;
    if (step > 1 || set->moving_count > 0)
        *exact = false;
    for (size_t i = 0; i < count; i += step) {
        size_t last = i + step < count ? i + step - 1 : count - 1;
        to->ranges[to->count++] = (struct address_range){set->members.ranges[i].first, set->members.ranges[last].last};
    }
}

static bool is_known(const struct endpoint_term *term)
{
    return term->kind == TERM_ANY || (term->kind == TERM_SET && term->set->moving_count == 0);
}

/* Do the terms of an endpoint differ in nothing but addresses? Then it is the product of these and a zone. */
static bool is_product(const struct endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->term_count; i++)
        if (endpoint->terms[i].zone != endpoint->terms[0].zone || !is_known(&endpoint->terms[i]))
            return false;
    return true;
}

static struct rangeset addresses_of(const struct endpoint *endpoint, struct arena *arena, bool *exact)
{
    struct rangeset set = {0, NULL};
    for (size_t i = 0; i < endpoint->term_count; i++)
        if (endpoint->terms[i].kind != TERM_SET || endpoint->terms[i].set->moving_count > 0)
            return (struct rangeset){1, everything};
    if (endpoint->term_count == 1 && endpoint->terms[0].set->members.count <= PROJECTION_RANGES_MAX)
        return endpoint->terms[0].set->members;
    set.ranges = arena_take(arena, endpoint->term_count * PROJECTION_RANGES_MAX, sizeof *set.ranges);
    for (size_t i = 0; i < endpoint->term_count; i++)
        append(endpoint->terms[i].set, &set, exact);
    return few(set.ranges, set.count, arena, exact);
}

static struct rangeset zones_of(const struct endpoint *endpoint, struct arena *arena, bool *exact)
{
    struct address_range *ranges = arena_take(arena, endpoint->term_count, sizeof *ranges);
    for (size_t i = 0; i < endpoint->term_count; i++) {
        if (endpoint->terms[i].zone == 0)
            return (struct rangeset){1, everything};
        ranges[i].first = ranges[i].last = NUMBER(endpoint->terms[i].zone);
    }
    return few(ranges, endpoint->term_count, arena, exact);
}

/* Everything but the COUNT ranges at RANGES; *EXACT falls when these are too many, and are kept in. */
static struct rangeset others(struct address_range *ranges, size_t count, struct arena *arena, bool *exact)
{
    struct rangeset set = {count, ranges}, rest = {0, NULL};
    struct address from = {0, 0};
    rangeset_normalise(&set);
    if (set.count >= PROJECTION_RANGES_MAX) {
        *exact = false;
        return (struct rangeset){1, everything};
    }
    rest.ranges = arena_take(arena, set.count + 1, sizeof *rest.ranges);
    for (size_t i = 0; i < set.count; i++) {
        if (address_compare(from, set.ranges[i].first) < 0)
            rest.ranges[rest.count++] = (struct address_range){from, address_previous(set.ranges[i].first)};
        from = address_next(set.ranges[i].last);
    }
    if (set.count == 0 || address_compare(set.ranges[set.count - 1].last, everything[0].last) < 0)
        rest.ranges[rest.count++] = (struct address_range){from, everything[0].last};
    return rest;
}

/* A negated endpoint is outside of each of its terms: of their addresses where they have no zone, of their zones where they are any. */
static void project_negated(const struct endpoint *endpoint, struct rangeset *addresses, struct rangeset *zones,
                            struct arena *arena, bool *exact)
{
    struct rangeset out = {0, arena_take(arena, endpoint->term_count * PROJECTION_RANGES_MAX + 1, sizeof *out.ranges)};
    struct rangeset zones_out = {0, arena_take(arena, endpoint->term_count, sizeof *zones_out.ranges)};
    for (size_t i = 0; i < endpoint->term_count; i++) {
        const struct endpoint_term *term = &endpoint->terms[i];
        if (!is_known(term) || (term->kind == TERM_SET && term->zone != 0))
            *exact = false;
        if (term->kind == TERM_ANY && term->zone != 0)
            zones_out.ranges[zones_out.count++] = (struct address_range){NUMBER(term->zone), NUMBER(term->zone)};
        else if (term->kind == TERM_ANY)
            out.ranges[out.count++] = everything[0];
        else if (term->kind == TERM_SET && term->zone == 0 && term->set->members.count <= PROJECTION_RANGES_MAX)
            append(term->set, &out, exact);
        else
            *exact = false;
    }
    *addresses = others(out.ranges, out.count, arena, exact);
    *zones = others(zones_out.ranges, zones_out.count, arena, exact);
}

static void project_endpoint(const struct endpoint *endpoint, struct rangeset *addresses, struct rangeset *zones,
                             struct arena *arena, bool *exact)
{
    if (endpoint->negated) {
        project_negated(endpoint, addresses, zones, arena, exact);
        return;
    }
    *exact = *exact && is_product(endpoint);
    *addresses = addresses_of(endpoint, arena, exact);
    *zones = zones_of(endpoint, arena, exact);
}

static struct rangeset services_of(const struct rule *rule, struct arena *arena, bool *exact)
{
    struct address_range *ranges = arena_take(arena, rule->service_count, sizeof *ranges);
    if (rule->service_count == 0)
        return (struct rangeset){1, everything};
    for (size_t i = 0; i < rule->service_count; i++) {
        const struct service_item *item = &rule->services[i];
        ranges[i].first = NUMBER((uint64_t)item->protocol << 16 | item->first);
        ranges[i].last = NUMBER((uint64_t)item->protocol << 16 | item->last);
    }
    return few(ranges, rule->service_count, arena, exact);
}

static struct rangeset src_ports_of(const struct rule *rule, struct arena *arena, bool *exact)
{
    struct address_range *ranges = arena_take(arena, rule->src_port_count, sizeof *ranges);
    if (rule->src_port_count == 0)
        return (struct rangeset){1, everything};
    for (size_t i = 0; i < rule->src_port_count; i++)
        ranges[i] = (struct address_range){NUMBER(rule->src_ports[i].first), NUMBER(rule->src_ports[i].last)};
    return few(ranges, rule->src_port_count, arena, exact);
}

static struct rangeset states_of(const struct rule *rule, struct arena *arena, bool *exact)
{
    struct address_range *ranges = arena_take(arena, STATE_COUNT, sizeof *ranges);
    size_t count = 0;
    for (unsigned state = 0; state < STATE_COUNT; state++)
        if (rule->states & STATE_BIT(state))
            ranges[count++] = (struct address_range){NUMBER(state), NUMBER(state)};
    return few(ranges, count, arena, exact);
}

bool projection_of(struct projection *projection, const struct rule *rule, struct arena *arena)
{
    struct rangeset *fields = projection->fields;
    bool *exact = &projection->exact;
    *exact = !rule->flagged;
    project_endpoint(&rule->src, &fields[FIELD_SRC], &fields[FIELD_SRC_ZONE], arena, exact);
    project_endpoint(&rule->dst, &fields[FIELD_DST], &fields[FIELD_DST_ZONE], arena, exact);
    fields[FIELD_SERVICE] = services_of(rule, arena, exact);
    fields[FIELD_SRC_PORT] = src_ports_of(rule, arena, exact);
    fields[FIELD_STATE] = states_of(rule, arena, exact);
    for (enum field field = 0; field < FIELD_COUNT; field++)
        if (fields[field].count == 0)
            return false;
    return true;
}

void projection_of_query(const struct query *query, struct address values[FIELD_COUNT])
{
    values[FIELD_SRC] = query->src;
    values[FIELD_DST] = query->dst;
    values[FIELD_SERVICE] = NUMBER((uint64_t)query->protocol << 16 | query->service);
    values[FIELD_SRC_PORT] = NUMBER(query->src_port);
    values[FIELD_SRC_ZONE] = NUMBER(query->src_zone);
    values[FIELD_DST_ZONE] = NUMBER(query->dst_zone);
    values[FIELD_STATE] = NUMBER(query->state);
}
