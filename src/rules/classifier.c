#include "rules/classifier.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "rules/ranks.h"

/* A node has at most so many parts. */
#define PARTS_MAX 64u

/* A node of no more rules than this is not cut. */
#define LEAF_RULES 2u

/* A rule that is not one box but no more than this has an entry for each. */
#define LEAF_BOXES_MAX 4u

#define DEPTH_MAX 16u

/* A rule is broad in a field when it holds more than one in so many of the ranks. */
#define BROAD_SHARE 4u

#define WIDE_FIELDS 3u /* whose ranks need 32 bits: the first three; the others have at most 65536 */

struct classifier_entry {
    uint32_t rule;
    uint32_t wide_first[WIDE_FIELDS], wide_more[WIDE_FIELDS]; /* the first rank, and how many follow it */
    uint16_t first[FIELD_COUNT - WIDE_FIELDS], more[FIELD_COUNT - WIDE_FIELDS];
};

/* Beside the rule's index: what a candidate is, and whether the leaf ends here. */
#define ENTRY_EXACT 0x80000000u
#define ENTRY_FINAL 0x40000000u
#define ENTRY_LAST 0x20000000u
#define ENTRY_ACTION_SHIFT 27u
#define ENTRY_RULE 0x07ffffffu
static_assert(RULESET_RULES_MAX <= ENTRY_RULE && ACTION_COUNT <= 4, "a rule's index and action have their bits");

/*
 * Nodes lie in one array of words: the first rank of what the node is about; field and shift; a link for each part. A link with
 * LINK_LEAF is the index of a leaf's first entry.
 */
#define NODE_WORDS 2u
#define LINK_LEAF 0x80000000u
#define LINK_EMPTY UINT32_MAX /* a leaf without entries */

struct classifier {
    struct ranks ranks[FIELD_COUNT];
    uint32_t roots[CLASSIFIER_TREES]; /* links */
    uint32_t *words;
    size_t word_count, word_size;
    uint64_t node_room; /* what the nodes take, in entries */
    struct classifier_entry *entries;
    size_t entry_count, entry_size;
};

/* A rule's projection in ranks. */
struct shape {
    const struct span *spans[FIELD_COUNT];
    uint8_t counts[FIELD_COUNT];
    bool possible, exact;
    bool final; /* where it matches, nothing behind it is asked */
};

/* While it is built. */
struct building {
    struct classifier *classifier;
    const struct ruleset *ruleset;
    struct shape *shapes;
    uint32_t *lists; /* of the rules of a node and all those above it */
    size_t list_count, list_size;
    bool failed;     /* no memory */
};

/* The rules of a node, and the part of the space that it is about. */
struct part {
    size_t list;     /* where they begin in the lists */
    uint32_t count;
    uint64_t room;   /* entries that its leaves may have in all; never below COUNT */
    struct span area[FIELD_COUNT];
};

/* Makes room for WANTED more of BYTES each behind COUNT of them; false without memory. */
static bool grow(void *array, size_t *size, size_t count, size_t wanted, size_t bytes)
{
    if (count + wanted <= *size)
        return true;
    size_t larger = *size * 2 > count + wanted ? *size * 2 : count + wanted + 64;
    void *at = realloc(*(void **)array, larger * bytes);
    if (at == NULL)
        return false;
    *(void **)array = at;
    *size = larger;
    return true;
}

/* ---- where to cut ---- */

struct cut {
    enum field field;
    uint8_t shift;
    uint32_t parts, groups; /* parts with the same rules are one group */
    uint64_t rules, squares; /* over the groups: their rules, and the squares of these */
};

static uint32_t parts_of(struct span area, uint8_t shift)
{
    return ((area.last - area.first) >> shift) + 1;
}

/* Weighs a cut of PART: `field` and `shift` of CUT are given. CHANGES: in which parts other rules lie than in the one before. */
static void weigh_cut(const struct building *building, const struct part *part, struct cut *cut, bool changes[PARTS_MAX + 1])
{
    const struct span area = part->area[cut->field];
    int64_t deltas[PARTS_MAX + 1] = {0}, count = 0;
    cut->parts = parts_of(area, cut->shift);
    cut->groups = 0;
    cut->rules = cut->squares = 0;
    memset(changes, 0, (PARTS_MAX + 1) * sizeof *changes);
    for (uint32_t i = 0; i < part->count; i++) {
        const struct shape *shape = &building->shapes[building->lists[part->list + i]];
        uint32_t next = 0; /* parts below it have the rule already */
        for (unsigned k = 0; k < shape->counts[cut->field]; k++) {
            struct span span = shape->spans[cut->field][k];
            if (span.last < area.first || area.last < span.first)
                continue;
            uint32_t from = span.first < area.first ? 0 : (span.first - area.first) >> cut->shift;
            uint32_t to = ((span.last < area.last ? span.last : area.last) - area.first) >> cut->shift;
            from = from < next ? next : from;
            if (from > to)
                continue;
            deltas[from]++;
            deltas[to + 1]--;
            changes[from] = changes[to + 1] = true;
            next = to + 1;
        }
    }
    changes[0] = true;
    for (uint32_t i = 0; i < cut->parts; i++) {
        count += deltas[i];
        if (!changes[i])
            continue;
        cut->groups++;
        cut->rules += (uint64_t)count;
        cut->squares += (uint64_t)(count * count);
    }
}

/* What the words of a node take, in entries. */
static uint64_t node_room(uint32_t parts)
{
    return (parts + NODE_WORDS) * sizeof(uint32_t) / sizeof(struct classifier_entry) + 1;
}

/* What all entries and nodes so far take, in entries. */
static uint64_t room_used(const struct classifier *classifier)
{
    return classifier->entry_count + classifier->node_room;
}

/*
 * The cut after which a query that some rule of PART waits for has the fewest rules before it, copies counted. False: none is
 * worth a node.
 */
static bool choose_cut(const struct building *building, const struct part *part, struct cut *best, bool changes[PARTS_MAX + 1])
{
    bool found = false;
    uint64_t whole = (uint64_t)part->count * part->count;
    *best = (struct cut){.squares = whole - whole / 8};
    for (enum field field = 0; field < FIELD_COUNT; field++) {
        uint32_t most = part->count < PARTS_MAX / 2 ? 2 * part->count : PARTS_MAX;
        struct cut cut = {.field = field};
        bool its_changes[PARTS_MAX + 1];
        for (; most > 1; most /= 4) {
            while (parts_of(part->area[field], cut.shift) > most)
                cut.shift++;
            if (parts_of(part->area[field], cut.shift) == 1)
                break;
            weigh_cut(building, part, &cut, its_changes);
            if (cut.rules + node_room(cut.parts) > part->room)
                continue;
            if (cut.squares < best->squares) {
                *best = cut;
                memcpy(changes, its_changes, sizeof its_changes);
                found = true;
            }
            break;
        }
    }
    return found;
}

/* ---- the trees ---- */

/* The hull of a rule's spans of FIELD within AREA; how many they are there. */
static unsigned clip(const struct shape *shape, enum field field, struct span area, struct span *hull)
{
    unsigned count = 0;
    for (unsigned k = 0; k < shape->counts[field]; k++) {
        struct span span = shape->spans[field][k];
        if (span.last < area.first || area.last < span.first)
            continue;
        if (count++ == 0)
            hull->first = span.first < area.first ? area.first : span.first;
        hull->last = span.last < area.last ? span.last : area.last;
    }
    return count;
}

/* Does the rule decide every query in AREA? */
static bool takes_all(const struct shape *shape, const struct span area[FIELD_COUNT])
{
    struct span hull = {1, 0};
    if (!shape->exact || !shape->final)
        return false;
    for (enum field field = 0; field < FIELD_COUNT; field++)
        if (clip(shape, field, area[field], &hull) != 1 || hull.first != area[field].first || hull.last != area[field].last)
            return false;
    return true;
}

/* How many boxes, of one span in each field, the rule is in AREA; 1, their hull, where they are many or do not say all. */
static unsigned boxes_of(const struct shape *shape, const struct span area[FIELD_COUNT], unsigned counts[FIELD_COUNT])
{
    unsigned boxes = 1;
    struct span hull;
    for (enum field field = 0; field < FIELD_COUNT; field++) {
        counts[field] = clip(shape, field, area[field], &hull);
        boxes *= boxes > LEAF_BOXES_MAX ? 1 : counts[field];
    }
    return shape->exact && boxes <= LEAF_BOXES_MAX ? boxes : 1;
}

/* The INDEXth span of a rule in FIELD that meets AREA, within AREA. */
static struct span span_at(const struct shape *shape, enum field field, struct span area, unsigned index)
{
    const struct span *span = shape->spans[field];
    while (span->last < area.first || index-- > 0)
        span++;
    return (struct span){span->first < area.first ? area.first : span->first, span->last < area.last ? span->last : area.last};
}

static void put_span(struct classifier_entry *entry, enum field field, struct span span)
{
    if (field < WIDE_FIELDS) {
        entry->wide_first[field] = span.first;
        entry->wide_more[field] = span.last - span.first;
    } else {
        /* No query has a rank there above 65535: the last one is that of larger values. */
        uint32_t last = span.last < UINT16_MAX ? span.last : UINT16_MAX;
        entry->first[field - WIDE_FIELDS] = (uint16_t)span.first;
        entry->more[field - WIDE_FIELDS] = (uint16_t)(last - span.first);
    }
}

/* Puts the entries of RULE in AREA: a box each if ALLOWED and they are few, else their hull. */
static void put_entries(struct building *building, uint32_t rule, const struct span area[FIELD_COUNT], bool allowed)
{
    struct classifier *classifier = building->classifier;
    const struct shape *shape = &building->shapes[rule];
    unsigned counts[FIELD_COUNT], boxes = boxes_of(shape, area, counts);
    for (unsigned box = 0; box < (allowed ? boxes : 1); box++) {
        struct classifier_entry *entry = &classifier->entries[classifier->entry_count++];
        bool exact = shape->exact;
        for (unsigned field = 0, rest = box; field < FIELD_COUNT; field++) {
            struct span span;
            if (allowed && boxes > 1) {
                span = span_at(shape, field, area[field], rest % counts[field]);
                rest /= counts[field];
            } else {
                exact = clip(shape, field, area[field], &span) == 1 && exact;
            }
            put_span(entry, field, span);
        }
        entry->rule = rule | (uint32_t)building->ruleset->rules[rule].action << ENTRY_ACTION_SHIFT |
                      (exact ? ENTRY_EXACT : 0) | (exact && shape->final ? ENTRY_FINAL : 0);
    }
}

/* Makes a leaf; returns its link. */
static uint32_t put_leaf(struct building *building, const struct part *part)
{
    struct classifier *classifier = building->classifier;
    const uint32_t *rules = &building->lists[part->list];
    size_t first = classifier->entry_count, boxes = 0;
    unsigned counts[FIELD_COUNT];
    if (part->count == 0)
        return LINK_EMPTY;
    for (uint32_t i = 0; i < part->count; i++)
        boxes += boxes_of(&building->shapes[rules[i]], part->area, counts);
    bool allowed = boxes <= part->room;
    if (!grow(&classifier->entries, &classifier->entry_size, first, allowed ? boxes : part->count, sizeof *classifier->entries)) {
        building->failed = true;
        return LINK_EMPTY;
    }
    for (uint32_t i = 0; i < part->count; i++)
        put_entries(building, rules[i], part->area, allowed);
    classifier->entries[classifier->entry_count - 1].rule |= ENTRY_LAST;
    return LINK_LEAF | (uint32_t)first;
}

/* Puts those rules of PART that lie in FIELD's AREA behind all lists, up to one that takes all of it. */
static struct part sub_part(struct building *building, const struct part *part, enum field field, struct span area)
{
    struct part sub = *part;
    struct span hull;
    sub.area[field] = area;
    sub.list = building->list_count;
    sub.count = 0;
    if (!grow(&building->lists, &building->list_size, building->list_count, part->count, sizeof *building->lists)) {
        building->failed = true;
        return sub;
    }
    for (uint32_t i = 0; i < part->count; i++) {
        uint32_t rule = building->lists[part->list + i];
        if (clip(&building->shapes[rule], field, area, &hull) == 0)
            continue;
        building->lists[sub.list + sub.count++] = rule;
        if (takes_all(&building->shapes[rule], sub.area))
            break;
    }
    building->list_count += sub.count;
    return sub;
}

static uint32_t put_part(struct building *building, const struct part *part, unsigned depth);

/* Makes the node of CUT and all below it; returns its link. */
static uint32_t put_node(struct building *building, const struct part *part, const struct cut *cut,
                         const bool changes[PARTS_MAX + 1], unsigned depth)
{
    struct classifier *classifier = building->classifier;
    struct span whole = part->area[cut->field];
    size_t node = classifier->word_count, words = NODE_WORDS + cut->parts;
    if (!grow(&classifier->words, &classifier->word_size, node, words, sizeof *classifier->words)) {
        building->failed = true;
        return LINK_EMPTY;
    }
    classifier->word_count += words;
    classifier->node_room += node_room(cut->parts);
    classifier->words[node] = whole.first;
    classifier->words[node + 1] = (uint32_t)cut->field << 8 | cut->shift;
    /* Each group's share of what those before it have left. */
    uint64_t room = part->room - node_room(cut->parts), rules = cut->rules;
    for (uint32_t i = 0, next; i < cut->parts && !building->failed; i = next) {
        for (next = i + 1; next < cut->parts && !changes[next];)
            next++;
        struct span area = {whole.first + (i << cut->shift), whole.last};
        if (next < cut->parts)
            area.last = whole.first + (next << cut->shift) - 1;
        size_t lists = building->list_count;
        struct part sub = sub_part(building, part, cut->field, area);
        sub.room = sub.count > 0 ? room * sub.count / rules : 0;
        uint64_t before = room_used(classifier);
        uint32_t link = put_part(building, &sub, depth + 1);
        room -= room_used(classifier) - before;
        rules -= sub.count;
        for (uint32_t k = i; k < next; k++)
            classifier->words[node + NODE_WORDS + k] = link;
        building->list_count = lists;
    }
    return (uint32_t)node;
}

static uint32_t put_part(struct building *building, const struct part *part, unsigned depth)
{
    struct cut cut;
    bool changes[PARTS_MAX + 1];
    if (part->count <= LEAF_RULES || depth == DEPTH_MAX || !choose_cut(building, part, &cut, changes))
        return put_leaf(building, part);
    return put_node(building, part, &cut, changes, depth);
}

static bool is_broad(const struct shape *shape, enum field field, uint32_t ranks)
{
    uint64_t held = 0;
    for (unsigned k = 0; k < shape->counts[field]; k++)
        held += shape->spans[field][k].last - shape->spans[field][k].first + 1;
    return held * BROAD_SHARE > ranks;
}

static unsigned tree_of(const struct shape *shape, const struct classifier *classifier)
{
    return (is_broad(shape, FIELD_SRC, ranks_total(&classifier->ranks[FIELD_SRC])) ? 1u : 0) |
           (is_broad(shape, FIELD_DST, ranks_total(&classifier->ranks[FIELD_DST])) ? 2u : 0);
}

static void put_trees(struct building *building, uint32_t rules)
{
    struct classifier *classifier = building->classifier;
    for (unsigned tree = 0; tree < CLASSIFIER_TREES; tree++) {
        struct part all = {.list = 0};
        building->list_count = 0;
        for (uint32_t rule = 0; rule < rules; rule++)
            if (building->shapes[rule].possible && tree_of(&building->shapes[rule], classifier) == tree)
                building->lists[all.count++] = rule;
        building->list_count = all.count;
        all.room = (uint64_t)all.count * CLASSIFIER_COPIES_MAX;
        for (enum field field = 0; field < FIELD_COUNT; field++)
            all.area[field] = (struct span){0, ranks_total(&classifier->ranks[field]) - 1};
        classifier->roots[tree] = put_part(building, &all, 0);
    }
}

/* ---- the rules in ranks ---- */

static bool add_ranges(struct classifier *classifier, const struct projection *projection)
{
    for (enum field field = 0; field < FIELD_COUNT; field++)
        for (size_t i = 0; i < projection->fields[field].count; i++)
            if (!ranks_add(&classifier->ranks[field], projection->fields[field].ranges[i]))
                return false;
    return true;
}

static void shape_rule(const struct classifier *classifier, const struct projection *projection, struct arena *arena,
                       struct shape *shape)
{
    for (enum field field = 0; field < FIELD_COUNT; field++) {
        const struct rangeset *set = &projection->fields[field];
        struct span *spans = arena_take(arena, 2 * set->count, sizeof *spans);
        shape->spans[field] = spans;
        shape->counts[field] = (uint8_t)ranks_spans(&classifier->ranks[field], set, spans);
    }
}

/* Makes the ranks, and the shapes of all rules in them. */
static bool shape_all(struct building *building, struct arena *arena)
{
    const struct ruleset *ruleset = building->ruleset;
    struct classifier *classifier = building->classifier;
    struct projection *projections = arena_take(arena, ruleset->rule_count, sizeof *projections);
    building->shapes = arena_take(arena, ruleset->rule_count, sizeof *building->shapes);
    for (enum field field = 0; field < FIELD_COUNT; field++)
        if (!ranks_init(&classifier->ranks[field], field == FIELD_SRC || field == FIELD_DST ? ADDRESS_V4_BASE : 0))
            return false;
    for (size_t i = 0; i < ruleset->rule_count; i++) {
        const struct rule *rule = &ruleset->rules[i];
        struct shape *shape = &building->shapes[i];
        shape->possible = projection_of(&projections[i], rule, arena);
        shape->exact = projections[i].exact;
        shape->final = rule->action != ACTION_AUDIT && rule_schedules(rule) == 0;
        if (shape->possible && !add_ranges(classifier, &projections[i]))
            return false;
    }
    for (enum field field = 0; field < FIELD_COUNT; field++)
        if (!ranks_finish(&classifier->ranks[field]))
            return false;
    for (size_t i = 0; i < ruleset->rule_count; i++)
        if (building->shapes[i].possible)
            shape_rule(classifier, &projections[i], arena, &building->shapes[i]);
    return true;
}

/* Gives back what an array has too much; where that fails it stays. */
static void trim(void *array, size_t *size, size_t count, size_t bytes)
{
    void *at = count > 0 ? realloc(*(void **)array, count * bytes) : NULL;
    if (at == NULL)
        return;
    *(void **)array = at;
    *size = count;
}

struct classifier *classifier_new(const struct ruleset *ruleset)
{
    if (ruleset->rule_count < CLASSIFIER_RULES_MIN)
        return NULL;
    struct building building = {.classifier = calloc(1, sizeof *building.classifier), .ruleset = ruleset};
    struct arena *arena = arena_new();
    building.failed = building.classifier == NULL || arena == NULL || !shape_all(&building, arena) ||
                      !grow(&building.lists, &building.list_size, 0, ruleset->rule_count, sizeof *building.lists);
    if (!building.failed)
        put_trees(&building, (uint32_t)ruleset->rule_count);
    free(building.lists);
    arena_free(arena);
    if (building.failed) {
        classifier_free(building.classifier);
        return NULL;
    }
    struct classifier *made = building.classifier;
    trim(&made->entries, &made->entry_size, made->entry_count, sizeof *made->entries);
    trim(&made->words, &made->word_size, made->word_count, sizeof *made->words);
    return made;
}

void classifier_free(struct classifier *classifier)
{
    if (classifier == NULL)
        return;
    for (enum field field = 0; field < FIELD_COUNT; field++)
        ranks_fini(&classifier->ranks[field]);
    free(classifier->words);
    free(classifier->entries);
    free(classifier);
}

size_t classifier_bytes(const struct classifier *classifier)
{
    size_t bytes = sizeof *classifier + classifier->word_size * sizeof *classifier->words +
                   classifier->entry_size * sizeof *classifier->entries;
    for (enum field field = 0; field < FIELD_COUNT; field++)
        bytes += ranks_bytes(&classifier->ranks[field]);
    return bytes;
}

/* ---- on the packet's way ---- */

void classifier_begin(const struct classifier *classifier, const struct query *query, struct classifier_walk *walk)
{
    struct address values[FIELD_COUNT];
    uint32_t links[CLASSIFIER_TREES];
    bool moved;
    projection_of_query(query, values);
    for (enum field field = 0; field < FIELD_COUNT; field++)
        walk->ranks[field] = ranks_of(&classifier->ranks[field], values[field]);
    memcpy(links, classifier->roots, sizeof links);
    /* All trees in step, so that the memory that they ask for comes at once. */
    do {
        moved = false;
        for (unsigned tree = 0; tree < CLASSIFIER_TREES; tree++) {
            if (links[tree] & LINK_LEAF)
                continue;
            const uint32_t *node = &classifier->words[links[tree]];
            links[tree] = node[NODE_WORDS + ((walk->ranks[node[1] >> 8] - node[0]) >> (node[1] & 0xff))];
            moved = true;
        }
    } while (moved);
    for (unsigned tree = 0; tree < CLASSIFIER_TREES; tree++)
        walk->at[tree] = links[tree] == LINK_EMPTY ? NULL : &classifier->entries[links[tree] & ~LINK_LEAF];
}

/* Which field fails, if any, nobody can tell beforehand: all are asked, and nothing branches on one. */
static inline bool entry_holds(const struct classifier_entry *entry, const uint32_t ranks[FIELD_COUNT])
{
    unsigned holds = 1;
#pragma GCC unroll 8
    for (unsigned i = 0; i < WIDE_FIELDS; i++)
        holds &= ranks[i] - entry->wide_first[i] <= entry->wide_more[i];
#pragma GCC unroll 8
    for (unsigned i = WIDE_FIELDS; i < FIELD_COUNT; i++)
        holds &= ranks[i] - entry->first[i - WIDE_FIELDS] <= entry->more[i - WIDE_FIELDS];
    return holds;
}

static const struct classifier_entry *behind(const struct classifier_entry *entry)
{
    return entry->rule & ENTRY_LAST ? NULL : entry + 1;
}

bool classifier_next(struct classifier_walk *walk, struct classifier_candidate *candidate)
{
    unsigned lowest = CLASSIFIER_TREES;
    uint32_t rule = UINT32_MAX;
    for (unsigned tree = 0; tree < CLASSIFIER_TREES; tree++) {
        const struct classifier_entry *entry = walk->at[tree];
        while (entry != NULL && !entry_holds(entry, walk->ranks))
            entry = behind(entry);
        walk->at[tree] = entry;
        if (entry != NULL && (entry->rule & ENTRY_RULE) < rule) {
            rule = entry->rule & ENTRY_RULE;
            lowest = tree;
        }
    }
    if (lowest == CLASSIFIER_TREES)
        return false;
    uint32_t found = walk->at[lowest]->rule;
    *candidate = (struct classifier_candidate){
        .rule = rule,
        .exact = found & ENTRY_EXACT,
        .final = found & ENTRY_FINAL,
        .action = found >> ENTRY_ACTION_SHIFT & 3,
    };
    walk->at[lowest] = behind(walk->at[lowest]);
    return true;
}
