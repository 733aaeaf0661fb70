#include "analysis/region.h"

#include <string.h>

#include "packet/packet.h"

/* A list of boxes that grows in an arena. */
struct growing {
    struct arena *arena;
    struct box *list;
    size_t count, size;
};

static void grow(struct growing *growing, struct box box)
{
    if (growing->count == growing->size) {
        size_t size = growing->size == 0 ? 8 : growing->size * 2;
        struct box *larger = arena_take(growing->arena, size, sizeof *larger);
        if (growing->count > 0)
            memcpy(larger, growing->list, growing->count * sizeof *larger);
        growing->list = larger;
        growing->size = size;
    }
    growing->list[growing->count++] = box;
}

static void grow_narrowed(struct growing *growing, const struct box *box, uint32_t dimension, struct rangeset set)
{
    struct box narrowed;
    if (set.count > 0 && box_narrow(growing->arena, box, dimension, set, &narrowed))
        grow(growing, narrowed);
}

/* One kind of packets: which services and states, whether it has ports and flags. */
struct kind {
    uint32_t first, last; /* services */
    uint8_t states;
    bool ports, flags;
    uint8_t families;     /* 1: IPv4, 2: IPv6 */
};

#define SERVICES_OF(protocol) (uint32_t)(protocol) << 16, (uint32_t)(protocol) << 16 | 0xffff
#define TYPES_OF(protocol) (uint32_t)(protocol) << 16, (uint32_t)(protocol) << 16 | 0xff
#define ANY_STATE 0x1e
#define OWN_STATES (STATE_BIT(STATE_NEW) | STATE_BIT(STATE_INVALID))

static const struct kind kinds[] = {
    {SERVICES_OF(PROTOCOL_TCP), OWN_STATES, true, true, 3},
    {SERVICES_OF(PROTOCOL_TCP), ANY_STATE & ~OWN_STATES, true, false, 3},
    {SERVICES_OF(PROTOCOL_UDP), ANY_STATE, true, false, 3},
    {SERVICES_OF(PROTOCOL_SCTP), ANY_STATE, true, false, 3},
    {TYPES_OF(PROTOCOL_ICMP), ANY_STATE, false, false, 1},
    {TYPES_OF(PROTOCOL_ICMP6), ANY_STATE, false, false, 2},
};

struct rangeset region_states(struct arena *arena, uint8_t states)
{
    struct rangeset set = {0, arena_take(arena, STATE_COUNT, sizeof *set.ranges)};
    for (unsigned state = STATE_NEW; state < STATE_COUNT; state++)
        if (states & STATE_BIT(state))
            set.ranges[set.count++] = (struct address_range){{0, state}, {0, state}};
    rangeset_normalise(&set);
    return set;
}

/* All protocols that have neither ports nor types: service 0 of each. */
static struct rangeset other_services(struct arena *arena)
{
    struct rangeset set = {0, arena_take(arena, 256, sizeof *set.ranges)};
    for (uint64_t protocol = 0; protocol < 256; protocol++) {
        if (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP ||
            protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMP6)
            continue;
        set.ranges[set.count++] = (struct address_range){{0, protocol << 16}, {0, protocol << 16}};
    }
    return set;
}

static struct rangeset family_set(unsigned family)
{
    return family == 1 ? (struct rangeset){1, (struct address_range *)rangeset_v4}
                       : (struct rangeset){2, (struct address_range *)rangeset_v6};
}

static void add_kind(struct growing *growing, struct rangeset services, const struct kind *kind, const struct space *space)
{
    struct arena *arena = growing->arena;
    for (unsigned family = 1; family <= 2; family++) {
        if (!(kind->families & family))
            continue;
        struct box box = {0, NULL};
        box = box_with(arena, &box, DIMENSION_SERVICE, services);
        box = box_with(arena, &box, DIMENSION_SRC, family_set(family));
        box = box_with(arena, &box, DIMENSION_DST, family_set(family));
        box = box_with(arena, &box, DIMENSION_STATE, region_states(arena, kind->states));
        if (!kind->ports)
            box = box_with(arena, &box, DIMENSION_SRC_PORT, box_numbers(arena, 0, 0));
        else
            box = box_with(arena, &box, DIMENSION_SRC_PORT, box_numbers(arena, 0, 65535));
        if (space->flags)
            box = box_with(arena, &box, DIMENSION_FLAGS, box_numbers(arena, 0, kind->flags ? 255 : 0));
        grow(growing, box);
    }
}

struct boxes region_of_all(struct arena *arena, const struct space *space)
{
    struct growing all = {.arena = arena};
    const struct kind others = {0, 0, ANY_STATE, false, false, 3};
    if (space->flags) {
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            add_kind(&all, box_numbers(arena, kinds[i].first, kinds[i].last), &kinds[i], space);
    } else {
        /* Without flags the three protocols with ports are one kind. */
        const struct kind ports = {0, 0, ANY_STATE, true, false, 3};
        struct rangeset set = {3, arena_take(arena, 3, sizeof *set.ranges)};
        for (unsigned i = 0; i < 3; i++)
            set.ranges[i] = (struct address_range){{0, kinds[i + 1].first}, {0, kinds[i + 1].last}};
        add_kind(&all, set, &ports, space);
        for (size_t i = 4; i < 6; i++)
            add_kind(&all, box_numbers(arena, kinds[i].first, kinds[i].last), &kinds[i], space);
    }
    add_kind(&all, other_services(arena), &others, space);
    return (struct boxes){.count = all.count, .list = all.list};
}

/* ---- endpoints ---- */

/* One condition of an endpoint: a dimension and what it must be, in a zone or in any. */
struct condition {
    bool always;          /* `any` */
    uint32_t dimension;
    struct rangeset set;
    bool zoned;
    struct rangeset zone; /* of the space */
};

/* Where the sides differ. */
struct side_dimensions {
    uint32_t address, zone, self, moving;
};

static const struct side_dimensions sides[2] = {
    {DIMENSION_SRC, DIMENSION_SRC_ZONE, DIMENSION_SRC_SELF, MOVING_SRC},
    {DIMENSION_DST, DIMENSION_DST_ZONE, DIMENSION_DST_SELF, MOVING_DST},
};

/* The first of the dimensions of the ruleset's set that moves. */
static uint32_t moving_dimension(const struct space *space, uint16_t moving)
{
    return DIMENSION_MOVING + MOVING_DIMENSIONS * (uint32_t)(space->moving != NULL ? space->moving[moving] : moving);
}

/* The conditions of a term, of which one must hold; returns how many there are. */
static size_t conditions_of(struct arena *arena, const struct endpoint_term *term, const struct side_dimensions *side,
                            const struct space *space, struct condition *conditions)
{
    struct condition condition = {.zoned = term->zone != 0};
    size_t count = 0;
    if (condition.zoned)
        condition.zone = space->zones != NULL ? space->zones[term->zone] : box_numbers(arena, term->zone, term->zone);
    switch (term->kind) {
    case TERM_ANY:
        condition.always = true;
        conditions[count++] = condition;
        break;
    case TERM_SELF:
        condition.dimension = side->self;
        condition.set = box_numbers(arena, 1, 1);
        conditions[count++] = condition;
        break;
    case TERM_SET:
        condition.dimension = side->address;
        condition.set = term->set->members;
        if (condition.set.count > 0)
            conditions[count++] = condition;
        for (size_t i = 0; i < term->set->moving_count; i++) {
            condition.dimension = moving_dimension(space, term->set->moving[i]) + side->moving;
            condition.set = box_numbers(arena, 1, 1);
            conditions[count++] = condition;
        }
        break;
    }
    return count;
}

#define CONDITIONS_MAX 64 /* of a term: its addresses, and the sets that move in it */

/* What of BOX meets the condition. */
static void add_meeting(struct growing *growing, const struct box *box, const struct condition *condition,
                        const struct side_dimensions *side)
{
    struct box narrowed = *box;
    if (condition->zoned && !box_narrow(growing->arena, box, side->zone, condition->zone, &narrowed))
        return;
    if (condition->always)
        grow(growing, narrowed);
    else
        grow_narrowed(growing, &narrowed, condition->dimension, condition->set);
}

/* What of BOX does not: it has another zone, or the zone and not the address. */
static void add_missing(struct growing *growing, const struct box *box, const struct condition *condition,
                        const struct side_dimensions *side)
{
    struct arena *arena = growing->arena;
    struct box inside = *box;
    if (condition->zoned) {
        struct rangeset all_zones = box_domain(side->zone);
        grow_narrowed(growing, box, side->zone, box_without(arena, &all_zones, &condition->zone));
        if (condition->always || !box_narrow(arena, box, side->zone, condition->zone, &inside))
            return;
    }
    if (condition->always)
        return;
    const struct rangeset *said = box_set(&inside, condition->dimension);
    struct rangeset own = said != NULL ? *said : box_domain(condition->dimension);
    grow_narrowed(growing, &inside, condition->dimension, box_without(arena, &own, &condition->set));
}

/* Narrows BOXES to what ENDPOINT matches. Where that would be too many, they stay as wide as they are. */
static struct boxes narrow_endpoint(struct arena *arena, struct boxes boxes, const struct endpoint *endpoint,
                                    const struct side_dimensions *side, const struct space *space)
{
    struct condition conditions[CONDITIONS_MAX];
    struct growing met = {.arena = arena};
    const struct boxes wide = {boxes.count, boxes.list, true};
    for (size_t t = 0; t < endpoint->term_count; t++) {
        size_t count = conditions_of(arena, &endpoint->terms[t], side, space, conditions);
        for (size_t c = 0; c < count; c++) {
            struct growing left = {.arena = arena};
            struct growing *grown = endpoint->negated ? &left : &met;
            for (size_t i = 0; i < boxes.count && grown->count <= REGION_BOXES_MAX; i++)
                (endpoint->negated ? add_missing : add_meeting)(grown, &boxes.list[i], &conditions[c], side);
            if (grown->count > REGION_BOXES_MAX)
                return wide;
            if (endpoint->negated)
                boxes = (struct boxes){left.count, left.list, boxes.incomplete};
        }
    }
    return endpoint->negated ? boxes : (struct boxes){met.count, met.list, boxes.incomplete};
}

/* ---- the rest of a rule ---- */

static struct boxes narrow_all(struct arena *arena, struct boxes boxes, uint32_t dimension, struct rangeset set)
{
    struct growing narrowed = {.arena = arena};
    for (size_t i = 0; i < boxes.count; i++)
        grow_narrowed(&narrowed, &boxes.list[i], dimension, set);
    return (struct boxes){.count = narrowed.count, .list = narrowed.list};
}

static struct boxes narrow_services(struct arena *arena, struct boxes boxes, const struct rule *rule)
{
    if (rule->service_count == 0)
        return boxes;
    struct rangeset set = {rule->service_count, arena_take(arena, rule->service_count, sizeof *set.ranges)};
    for (size_t i = 0; i < rule->service_count; i++) {
        uint64_t protocol = (uint64_t)rule->services[i].protocol << 16;
        set.ranges[i] = (struct address_range){{0, protocol | rule->services[i].first}, {0, protocol | rule->services[i].last}};
    }
    rangeset_normalise(&set);
    return narrow_all(arena, boxes, DIMENSION_SERVICE, set);
}

static struct boxes narrow_src_ports(struct arena *arena, struct boxes boxes, const struct rule *rule)
{
    if (rule->src_port_count == 0)
        return boxes;
    struct rangeset set = {rule->src_port_count, arena_take(arena, rule->src_port_count, sizeof *set.ranges)};
    for (size_t i = 0; i < rule->src_port_count; i++)
        set.ranges[i] = (struct address_range){{0, rule->src_ports[i].first}, {0, rule->src_ports[i].last}};
    rangeset_normalise(&set);
    return narrow_all(arena, boxes, DIMENSION_SRC_PORT, set);
}

static struct boxes narrow_flags(struct arena *arena, struct boxes boxes, const struct rule *rule)
{
    if (!rule->flagged)
        return boxes;
    struct rangeset set = {0, arena_take(arena, 256, sizeof *set.ranges)};
    for (uint64_t flags = 0; flags < 256; flags++)
        if ((flags & rule->flags_looked_at) == rule->flags_set)
            set.ranges[set.count++] = (struct address_range){{0, flags}, {0, flags}};
    rangeset_normalise(&set);
    boxes = narrow_all(arena, boxes, DIMENSION_FLAGS, set);
    boxes = narrow_all(arena, boxes, DIMENSION_STATE, region_states(arena, OWN_STATES));
    return narrow_all(arena, boxes, DIMENSION_SERVICE, box_numbers(arena, kinds[0].first, kinds[0].last));
}

static struct boxes narrow_schedule(struct arena *arena, struct boxes boxes, const struct ruleset *ruleset, uint8_t number)
{
    if (number == 0)
        return boxes;
    const struct schedule *schedule = &ruleset->schedules[number - 1];
    if (schedule->last_day != INT32_MAX)
        boxes = narrow_all(arena, boxes, DIMENSION_DAY,
                           box_numbers(arena, 0, schedule->last_day > 0 ? (uint64_t)schedule->last_day : 0));
    if (schedule->span_count == 0)
        return boxes;
    struct rangeset set = {schedule->span_count, arena_take(arena, schedule->span_count, sizeof *set.ranges)};
    for (size_t i = 0; i < schedule->span_count; i++)
        set.ranges[i] = (struct address_range){{0, schedule->spans[i].first}, {0, schedule->spans[i].last - 1}};
    rangeset_normalise(&set);
    return narrow_all(arena, boxes, DIMENSION_TIME, set);
}

/* `allow !S` matches nobody while S is not filled, and `protect !S` asks for nobody; a dynamic set always is. */
static struct boxes narrow_filled(struct arena *arena, struct boxes boxes, const struct ruleset *ruleset,
                                  const struct endpoint *endpoint, const struct space *space)
{
    for (size_t t = 0; endpoint->negated && t < endpoint->term_count; t++) {
        const struct set *set = endpoint->terms[t].kind == TERM_SET ? endpoint->terms[t].set : NULL;
        for (size_t i = 0; set != NULL && i < set->moving_count; i++)
            if (ruleset->moving[set->moving[i]].kind != MOVING_DYNAMIC)
                boxes = narrow_all(arena, boxes, moving_dimension(space, set->moving[i]) + MOVING_FILLED,
                                   box_numbers(arena, 1, 1));
    }
    return boxes;
}

struct boxes region_of_rule(struct arena *arena, const struct ruleset *ruleset, const struct rule *rule,
                            const struct space *space)
{
    struct boxes boxes = region_of_all(arena, space);
    boxes = narrow_services(arena, boxes, rule);
    boxes = narrow_src_ports(arena, boxes, rule);
    boxes = narrow_flags(arena, boxes, rule);
    boxes = narrow_all(arena, boxes, DIMENSION_STATE, region_states(arena, rule->states));
    boxes = narrow_schedule(arena, boxes, ruleset, rule->when);
    boxes = narrow_schedule(arena, boxes, ruleset, rule->until);
    if (rule->action == ACTION_ALLOW) {
        boxes = narrow_filled(arena, boxes, ruleset, &rule->src, space);
        boxes = narrow_filled(arena, boxes, ruleset, &rule->dst, space);
    }
    boxes = narrow_endpoint(arena, boxes, &rule->src, &sides[0], space);
    return narrow_endpoint(arena, boxes, &rule->dst, &sides[1], space);
}

/* ---- witnesses ---- */

/* An address of SET (NULL: any): one of those wanted, else one near the beginning. */
static struct address choose(const struct rangeset *set, const struct address *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (set == NULL || rangeset_holds(set, wanted[i]))
            return wanted[i];
    const struct address_range *range = &set->ranges[0];
    /* The first address of a network is nobody's. */
    bool network = (range->first.low & 0xff) == 0 && address_compare(range->first, range->last) < 0;
    return network ? address_next(range->first) : range->first;
}

/* An address of SET that is not TAKEN; TAKEN, where it has no other. */
static struct address another(const struct rangeset *set, struct address taken)
{
    for (size_t i = 0; i < set->count; i++) {
        struct address_range range = set->ranges[i];
        if (!address_equal(range.first, taken))
            return range.first;
        if (!address_equal(range.last, taken))
            return address_next(taken);
    }
    return taken;
}

/* Must one address be a member, or the gateway's, as the source and not as the destination, or the other way round? */
static bool torn(const struct box *box)
{
    for (size_t i = 0; i + 1 < box->count; i++) {
        const struct constraint *src = &box->constraints[i], *dst = &box->constraints[i + 1];
        bool pair = src->dimension >= DIMENSION_SRC_SELF && (src->dimension - DIMENSION_SRC_SELF) % 2 == 0 &&
                    dst->dimension == src->dimension + 1;
        if (pair && src->set.count == 1 && dst->set.count == 1 &&
            (address_compare(src->set.ranges[0].last, dst->set.ranges[0].first) < 0 ||
             address_compare(dst->set.ranges[0].last, src->set.ranges[0].first) < 0))
            return true;
    }
    return false;
}

static uint64_t choose_number(const struct box *box, uint32_t dimension, uint64_t wanted, uint64_t otherwise)
{
    const struct rangeset *set = box_set(box, dimension);
    if (set == NULL || rangeset_holds(set, (struct address){0, wanted}))
        return wanted;
    return rangeset_holds(set, (struct address){0, otherwise}) ? otherwise : set->ranges[0].first.low;
}

/* The set that moves in which the address must be; 0: it need not be in any. */
static uint32_t forced_member(const struct box *box, uint32_t side)
{
    for (size_t i = 0; i < box->count; i++) {
        uint32_t dimension = box->constraints[i].dimension;
        if (dimension >= DIMENSION_MOVING && (dimension - DIMENSION_MOVING) % MOVING_DIMENSIONS == side &&
            !rangeset_holds(&box->constraints[i].set, (struct address){0, 0}))
            return (dimension - DIMENSION_MOVING) / MOVING_DIMENSIONS + 1;
    }
    return 0;
}

/* The set that moves which must not be filled; 0: none. */
static uint32_t forced_unfilled(const struct box *box)
{
    for (size_t i = 0; i < box->count; i++) {
        uint32_t dimension = box->constraints[i].dimension;
        if (dimension >= DIMENSION_MOVING && (dimension - DIMENSION_MOVING) % MOVING_DIMENSIONS == MOVING_FILLED &&
            !rangeset_holds(&box->constraints[i].set, (struct address){0, 1}))
            return (dimension - DIMENSION_MOVING) / MOVING_DIMENSIONS + 1;
    }
    return 0;
}

#define NOON (12 * 3600u)

/* A moment of the box: a second of the week, and a day that is this day of the week. False: no day is. */
static bool choose_moment(const struct box *box, int32_t today, struct witness *witness)
{
    const struct rangeset *days = box_set(box, DIMENSION_DAY), *time = box_set(box, DIMENSION_TIME);
    struct rangeset all_days = box_domain(DIMENSION_DAY), all_week = box_domain(DIMENSION_TIME);
    const struct rangeset *day_set = days != NULL ? days : &all_days, *time_set = time != NULL ? time : &all_week;
    uint64_t first_day = day_set->ranges[0].first.low;
    witness->timed = time != NULL;
    witness->dated = days != NULL && (days->count > 1 || days->ranges[0].last.low != INT32_MAX ||
                                      days->ranges[0].first.low > (uint64_t)(today > 0 ? today : 0));
    for (uint64_t weekday = 0; weekday < 7; weekday++) {
        uint64_t begin = weekday * 86400, noon = begin + NOON;
        uint64_t day = first_day + (weekday + 7 - (first_day + 3) % 7) % 7; /* 1970-01-01 was a Thursday */
        if (!rangeset_holds(day_set, (struct address){0, day}))
            continue;
        for (size_t i = 0; i < time_set->count; i++) {
            uint64_t first = time_set->ranges[i].first.low, last = time_set->ranges[i].last.low;
            if (last < begin || first > begin + 86399)
                continue;
            uint64_t second = first <= noon && noon <= last ? noon : first > begin ? first : begin;
            witness->at = (struct civil){(int32_t)day, (uint32_t)second};
            return true;
        }
    }
    return false;
}

/* Addresses for documentation (RFC 5737, RFC 3849), where they will do. */
static const struct address documented[2][2] = {
    {{0, ADDRESS_V4_BASE | 0xc0000201}, {0x20010db800000000, 1}},
    {{0, ADDRESS_V4_BASE | 0xc6336401}, {0x20010db800000001, 1}},
};

/* A service that people know, where the box has one; else the first that it has, but for port 0. */
static uint64_t choose_service(const struct box *box)
{
    static const uint32_t known[] = {
        PROTOCOL_TCP << 16 | 80, PROTOCOL_TCP << 16 | 443, PROTOCOL_UDP << 16 | 53, PROTOCOL_ICMP << 16 | 8,
        PROTOCOL_ICMP6 << 16 | 128,
    };
    const struct rangeset *set = box_set(box, DIMENSION_SERVICE);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (rangeset_holds(set, (struct address){0, known[i]}))
            return known[i];
    uint64_t first = set->ranges[0].first.low;
    return first + ((first & 0xffff) == 0 && first < set->ranges[0].last.low);
}

bool region_witness(const struct box *box, int32_t today, struct witness *witness)
{
    uint64_t service = choose_service(box);
    *witness = (struct witness){
        .query = {
            .state = (enum packet_state)choose_number(box, DIMENSION_STATE, STATE_NEW, STATE_ESTABLISHED),
            .src = choose(box_set(box, DIMENSION_SRC), documented[0], 2),
            .dst = choose(box_set(box, DIMENSION_DST), documented[1], 2),
            .src_zone = (uint16_t)choose_number(box, DIMENSION_SRC_ZONE, 0, 0),
            .dst_zone = (uint16_t)choose_number(box, DIMENSION_DST_ZONE, 0, 0),
            .src_port = (uint16_t)choose_number(box, DIMENSION_SRC_PORT, 49152, 0),
            .service = (uint16_t)service,
            .protocol = (uint8_t)(service >> 16),
            .tcp_flags = (uint8_t)choose_number(box, DIMENSION_FLAGS, TCP_SYN, 0),
        },
        .src_self = choose_number(box, DIMENSION_SRC_SELF, 0, 0) != 0,
        .dst_self = choose_number(box, DIMENSION_DST_SELF, 0, 0) != 0,
        .src_moving = forced_member(box, MOVING_SRC),
        .dst_moving = forced_member(box, MOVING_DST),
        .unfilled = forced_unfilled(box),
    };
    if (witness->query.protocol != PROTOCOL_TCP ||
        (witness->query.state != STATE_NEW && witness->query.state != STATE_INVALID))
        witness->query.tcp_flags = 0;
    if (address_equal(witness->query.src, witness->query.dst))
        witness->query.dst = another(box_set(box, DIMENSION_DST), witness->query.dst);
    if (address_equal(witness->query.src, witness->query.dst)) {
        witness->query.src = another(box_set(box, DIMENSION_SRC), witness->query.src);
        if (address_equal(witness->query.src, witness->query.dst) && torn(box))
            return false;
    }
    return choose_moment(box, today, witness);
}

/* An address that SET and the networks of the zone have in common; ADDRESS, where there is none. */
static struct address choose_known(const struct rangeset *set, const struct ruleset *ruleset, uint16_t zone,
                                   struct address address)
{
    const struct rangeset *nets = &ruleset->zones[zone].nets;
    if (zone == 0 || set == NULL || rangeset_holds(nets, address))
        return address;
    for (size_t i = 0; i < nets->count; i++)
        for (size_t k = 0; k < set->count; k++) {
            struct address_range net = nets->ranges[i], own = set->ranges[k];
            struct address first = address_compare(net.first, own.first) < 0 ? own.first : net.first;
            struct address last = address_compare(net.last, own.last) < 0 ? net.last : own.last;
            struct address_range common = {first, last};
            const struct address host = {first.high, first.low + 20};
            if (address_compare(first, last) <= 0)
                return choose(&(struct rangeset){1, &common}, &host, 1);
        }
    return address;
}

bool region_witness_known(const struct box *box, const struct ruleset *ruleset, int32_t today, struct witness *witness)
{
    if (!region_witness(box, today, witness))
        return false;
    struct query *query = &witness->query;
    struct address src = choose_known(box_set(box, DIMENSION_SRC), ruleset, query->src_zone, query->src);
    if (!address_equal(src, query->dst))
        query->src = src;
    struct address known = choose_known(box_set(box, DIMENSION_DST), ruleset, query->dst_zone, query->dst);
    if (address_equal(known, query->src))
        known = another(box_set(box, DIMENSION_DST), known);
    query->dst = known;
    return true;
}
