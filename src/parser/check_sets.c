/*
 * Addresses: prefixes, ranges, named sets, files of addresses, and braces, to sorted ranges.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "parser/check.h"
#include "parser/parser.h"
#include "rules/dynamic_set.h"
#include "rules/moving.h"

/* One more in a growing list on the heap. */
static void *list_grow(void *list, size_t count, size_t *size, size_t bytes)
{
    if (count < *size)
        return list;
    *size = *size == 0 ? 16 : *size * 2;
    list = realloc(list, *size * bytes);
    if (list == NULL)
        abort(); /* as an arena does: a compiler cannot go on without memory */
    return list;
}

void ranges_add(struct ranges *ranges, struct address_range range)
{
    ranges->items = list_grow(ranges->items, ranges->count, &ranges->size, sizeof *ranges->items);
    ranges->items[ranges->count++] = range;
    if (ranges->silent || ranges->file == NULL)
        return;
    ranges->written = list_grow(ranges->written, ranges->written_count, &ranges->written_size, sizeof *ranges->written);
    ranges->written[ranges->written_count++] = (struct written){range, ranges->file, ranges->line};
}

/* The members that follow are written at AT. Its file's name is kept once for all that stand in it. */
static void written_at(struct check *check, struct ranges *ranges, struct location at)
{
    if (ranges->file == NULL || strcmp(ranges->file, at.source->path) != 0)
        ranges->file = check_keep(check, at.source->path);
    ranges->line = at.line;
}

struct rangeset ranges_finish(struct ranges *ranges, struct arena *arena)
{
    struct rangeset set = {ranges->count, ranges->items};
    rangeset_normalise(&set);
    struct address_range *kept = arena_take(arena, set.count, sizeof *kept);
    if (set.count > 0)
        memcpy(kept, set.ranges, set.count * sizeof *kept);
    free(ranges->items);
    free(ranges->written);
    free(ranges->inner);
    *ranges = (struct ranges){0};
    set.ranges = kept;
    return set;
}

void ranges_finish_set(struct ranges *ranges, struct arena *arena, struct set *set)
{
    uint16_t *moving = arena_take(arena, ranges->moving_count, sizeof *moving);
    if (ranges->moving_count > 0)
        memcpy(moving, ranges->moving, ranges->moving_count * sizeof *moving);
    set->moving = moving;
    set->moving_count = ranges->moving_count;
    struct written *written = arena_take(arena, ranges->written_count, sizeof *written);
    const struct set **inner = arena_take(arena, ranges->inner_count, sizeof *inner);
    if (ranges->written_count > 0)
        memcpy(written, ranges->written, ranges->written_count * sizeof *written);
    if (ranges->inner_count > 0)
        memcpy(inner, ranges->inner, ranges->inner_count * sizeof *inner);
    set->written = written;
    set->written_count = ranges->written_count;
    set->inner = inner;
    set->inner_count = ranges->inner_count;
    set->members = ranges_finish(ranges, arena);
}

static void add_moving(struct check *check, struct location at, uint16_t moving, struct ranges *ranges)
{
    for (size_t i = 0; i < ranges->moving_count; i++)
        if (ranges->moving[i] == moving)
            return;
    if (ranges->moving_count == SET_MOVING_MAX)
        CHECK_ERROR(check, at, CODE_RANGE, "a set holds at most %d sets that move", SET_MOVING_MAX);
    else
        ranges->moving[ranges->moving_count++] = moving;
}

void check_undefined(struct check *check, struct location at, const char *what, const char *name,
                     const struct names *names)
{
    struct suggestion suggestion = suggestion_for(name);
    names_offer(names, &suggestion);
    if (suggestion.best != NULL)
        CHECK_ERROR(check, at, CODE_UNDEFINED, "undefined %s '%s' (did you mean '%s'?)", what, name, suggestion.best);
    else
        CHECK_ERROR(check, at, CODE_UNDEFINED, "undefined %s '%s'", what, name);
}

struct definition *check_name(struct check *check, const struct member_node *member)
{
    struct definition *definition = names_find(&check->names, member->text);
    if (definition == NULL)
        check_undefined(check, member->at, "zone or set", member->text, &check->names);
    return definition;
}

uint16_t check_zone(struct check *check, const struct word *name)
{
    struct definition *definition = names_find(&check->names, name->text);
    if (definition == NULL)
        check_undefined(check, name->at, "zone", name->text, &check->names);
    else if (definition->kind != DEFINES_ZONE)
        CHECK_ERROR(check, name->at, CODE_UNDEFINED, "'%s' is a set; a zone stands here", name->text);
    else
        return definition->zone;
    return 0;
}

/* A suffix is behind the prefix of an interface, which has at most so many bits, and behind those that `net` names. */
static void check_suffix(struct check *check, const struct member_node *member, const struct zone *zone)
{
    struct address address;
    if (member->suffix.high != 0)
        CHECK_ERROR(check, member->at, CODE_RANGE, "'%s': the suffix has bits outside of the last 64, where the prefix stands",
                    member->text);
    for (size_t i = 0; i < zone->prefix_count && member->suffix.high == 0; i++)
        if (!moving_join(zone->prefixes[i], member->suffix, &address)) {
            CHECK_ERROR(check, member->at, CODE_RANGE, "'%s': the suffix has bits where a prefix in the zone's 'net' (of %u bits) stands",
                        member->text, zone->prefixes[i].bits);
            return;
        }
}

/* The moving set that `prefix(zone)::suffix` is; each pair is there once. */
static void add_moving_prefix(struct check *check, const struct member_node *member, struct ranges *ranges)
{
    uint16_t zone = check_zone(check, &member->of);
    if (zone == 0)
        return;
    check_suffix(check, member, &check->zone_list[zone]);
    for (size_t i = 0; i < check->moving; i++)
        if (check->moving_list[i].kind == MOVING_PREFIX && check->moving_list[i].zone == zone &&
            address_equal(check->moving_list[i].suffix, member->suffix)) {
            add_moving(check, member->at, (uint16_t)i, ranges);
            return;
        }
    struct moving_set *made = check_moving_new(check, member->at, MOVING_PREFIX, member->text, MOVING_PREFIXES_MAX);
    if (made == NULL)
        return;
    made->zone = zone;
    made->suffix = member->suffix;
    dynamic_set_fill(made->members, false);
    add_moving(check, member->at, (uint16_t)(made - check->moving_list), ranges);
}

/* A whole prefix: IPv6's leaves the mapped IPv4 addresses out, so that ::/0 is IPv6 and nothing else. */
static void add_prefix(struct ranges *ranges, struct address base, unsigned bits)
{
    struct address_range range = address_prefix(base, bits);
    if (address_is_v4(base)) {
        ranges_add(ranges, range);
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct address_range part = rangeset_v6[i];
        if (address_compare(part.first, range.first) < 0)
            part.first = range.first;
        if (address_compare(part.last, range.last) > 0)
            part.last = range.last;
        if (address_compare(part.first, part.last) <= 0)
            ranges_add(ranges, part);
    }
}

static void check_prefix(struct check *check, struct location at, const char *text, struct address base, unsigned bits,
                         struct ranges *ranges)
{
    char buffer[64];
    struct text network;
    unsigned most = address_is_v4(base) ? 32 : 128;
    if (bits > most) {
        CHECK_ERROR(check, at, CODE_RANGE, "'%s': a prefix of this family has at most %u bits", text, most);
        return;
    }
    struct address first = address_prefix(base, bits).first;
    if (!address_equal(first, base)) {
        /* Said and not silently masked: the address or the length is a slip, and only its author knows which. */
        text_init(&network, buffer, sizeof buffer);
        address_to_text(&network, first);
        CHECK_ERROR(check, at, CODE_RANGE, "'%s' has bits set behind its prefix; the network is %s/%u", text,
                    network.data, bits);
        return;
    }
    add_prefix(ranges, base, bits);
}

static void check_range(struct check *check, struct location at, const char *text, struct address_range range,
                        struct ranges *ranges)
{
    if (address_is_v4(range.first) != address_is_v4(range.last))
        CHECK_ERROR(check, at, CODE_FAMILY, "'%s' begins in one address family and ends in the other", text);
    else if (address_compare(range.first, range.last) > 0)
        CHECK_ERROR(check, at, CODE_RANGE, "'%s' ends before it begins", text);
    else
        ranges_add(ranges, range);
}

static void add_set(struct check *check, struct location at, struct definition *definition, struct ranges *ranges)
{
    if (definition->progress == RESOLVING) {
        CHECK_ERROR(check, at, CODE_CYCLE, "the set '%s' holds itself", definition->node->name.text);
        return;
    }
    if (check->nesting == PARSER_NESTING_MAX) {
        CHECK_ERROR(check, at, CODE_RANGE, "sets stand at most %d deep in sets", PARSER_NESTING_MAX);
        return;
    }
    check_set_resolve(check, definition);
    if (check->depth <= definition->depth)
        check->depth = definition->depth + 1;
    ranges->inner = list_grow(ranges->inner, ranges->inner_count, &ranges->inner_size, sizeof *ranges->inner);
    ranges->inner[ranges->inner_count++] = definition->set;
    ranges->silent = true;
    for (size_t i = 0; i < definition->set->members.count; i++)
        ranges_add(ranges, definition->set->members.ranges[i]);
    ranges->silent = false;
    for (size_t i = 0; i < definition->set->moving_count; i++)
        add_moving(check, at, definition->set->moving[i], ranges);
}

void check_member_ranges(struct check *check, const struct member_node *member, struct ranges *ranges)
{
    written_at(check, ranges, member->at);
    if (member->zone.text != NULL)
        CHECK_ERROR(check, member->zone.at, CODE_SYNTAX, "'@' stands in rules only, not in sets and networks");
    switch (member->kind) {
    case MEMBER_ANY:
        ranges_add(ranges, (struct address_range){{0, 0}, {UINT64_MAX, UINT64_MAX}});
        break;
    case MEMBER_SELF:
        CHECK_ERROR(check, member->at, CODE_SYNTAX, "'self' stands in rules only: it changes while the gateway runs");
        break;
    case MEMBER_RANGE:
        check_range(check, member->at, member->text, member->range, ranges);
        break;
    case MEMBER_PREFIX:
        check_prefix(check, member->at, member->text, member->base, member->bits, ranges);
        break;
    case MEMBER_MOVING:
        add_moving_prefix(check, member, ranges);
        break;
    case MEMBER_BRACES:
        for (const struct member_node *inner = member->members; inner != NULL; inner = inner->next)
            check_member_ranges(check, inner, ranges);
        break;
    case MEMBER_NAME: {
        struct definition *definition = check_name(check, member);
        if (definition != NULL && definition->kind == DEFINES_ZONE)
            CHECK_ERROR(check, member->at, CODE_UNDEFINED, "'%s' is a zone; a set holds addresses and sets", member->text);
        else if (definition != NULL)
            add_set(check, member->at, definition, ranges);
        break;
    }
    }
}

/* One line of a set's file: an address, a prefix or a range; blanks and a comment around it. */
static void file_line(struct check *check, struct location at, char *line, struct ranges *ranges)
{
    struct address_range range;
    struct address base;
    unsigned bits;
    size_t begin = strspn(line, " \t\r");
    char *end = line + strcspn(line, "#\n");
    while (end > line + begin && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    if (end <= line + begin)
        return;
    *end = '\0';
    at.column = (unsigned)begin + 1;
    at.width = characters_in(line + begin, (size_t)(end - line) - begin);
    written_at(check, ranges, at);
    if (word_is_address_range(line + begin, &range))
        check_range(check, at, line + begin, range, ranges);
    else if (word_is_prefix(line + begin, &base, &bits))
        check_prefix(check, at, line + begin, base, bits, ranges);
    else
        CHECK_ERROR(check, at, CODE_SYNTAX, "'%.60s' is no address, prefix or range (one stands in each line)",
                    line + begin);
}

/* A line of a set's file is at most this long. */
#define FILE_LINE_BYTES_MAX 1000

static void file_ranges(struct check *check, const struct set_node *node, struct ranges *ranges)
{
    const char *path = files_path(check->files, node->file.at.source->path, node->file.text);
    const struct source *source = files_read(check->files, path, &node->file.at);
    char copy[FILE_LINE_BYTES_MAX + 1];
    if (source == NULL)
        return;
    struct location at = {.source = source, .line = 1, .column = 1, .width = 1};
    for (const char *line = source->text, *end = line + source->length, *next; line < end; line = next, at.line++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        next = newline != NULL ? newline + 1 : end;
        size_t length = (size_t)(next - line);
        at.line_text = line;
        at.column = at.width = 1;
        if (length > FILE_LINE_BYTES_MAX) {
            CHECK_ERROR(check, at, CODE_RANGE, "the line is longer than %d bytes", FILE_LINE_BYTES_MAX);
            continue;
        }
        memcpy(copy, line, length);
        copy[length] = '\0';
        file_line(check, at, copy, ranges);
    }
}

void check_set_resolve(struct check *check, struct definition *definition)
{
    struct ranges ranges = {0};
    if (definition->progress != UNRESOLVED)
        return;
    if (definition->node->dynamic || definition->node->names != NULL) {
        definition->progress = RESOLVED; /* what it holds is made with its definition */
        return;
    }
    unsigned outer = check->depth;
    definition->progress = RESOLVING;
    check->depth = 0;
    check->nesting++;
    if (definition->node->file.text != NULL)
        file_ranges(check, definition->node, &ranges);
    for (const struct member_node *member = definition->node->members; member != NULL; member = member->next)
        check_member_ranges(check, member, &ranges);
    ranges_finish_set(&ranges, check->arena, definition->set);
    /* Whichever was looked at first: the same files are refused. */
    if (check->depth > PARSER_NESTING_MAX)
        CHECK_ERROR(check, definition->at, CODE_RANGE, "sets stand at most %d deep in sets", PARSER_NESTING_MAX);
    definition->progress = RESOLVED;
    definition->depth = check->depth;
    check->depth = outer;
    check->nesting--;
}
