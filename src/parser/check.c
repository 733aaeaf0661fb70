/*
 * Statements to a ruleset, in passes: what is defined; settings; what the definitions hold; rules; tests.
 */
#include "parser/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "parser/parser.h"
#include "rules/classifier.h"
#include "rules/dynamic_set.h"

static void redefined(struct check *check, const struct word *name, const struct location *first)
{
    CHECK_ERROR(check, name->at, CODE_REDEFINED, "'%s' is defined already, at %s:%u", name->text, first->source->path,
                first->line);
}

/* Makes room for everything that the statements define; zone 0 is "no zone". */
static void count_statements(struct check *check, const struct statement *statements)
{
    size_t zones = 1, sets = 0, rules = 0, tests = 0, protects = 0;
    for (const struct statement *s = statements; s != NULL; s = s->next) {
        zones += s->kind == STATEMENT_ZONE;
        sets += s->kind == STATEMENT_SET;
        rules += s->kind == STATEMENT_RULE;
        protects += s->kind == STATEMENT_PROTECT;
        tests += s->kind == STATEMENT_TEST;
    }
    check->zone_list = arena_take(check->arena, zones, sizeof *check->zone_list);
    check->set_list = arena_take(check->arena, sets, sizeof *check->set_list);
    check->moving_list = arena_take(check->arena, RULESET_MOVING_MAX, sizeof *check->moving_list);
    check->schedule_list = arena_take(check->arena, RULESET_SCHEDULES_MAX, sizeof *check->schedule_list);
    check->protect_list = arena_take(check->arena, protects, sizeof *check->protect_list);
    check->rule_list = arena_take(check->arena, rules, sizeof *check->rule_list);
    check->test_list = arena_take(check->arena, tests, sizeof *check->test_list);
    check->zone_list[0] = (struct zone){.name = ""};
    check->zones = 1;
}

const char *check_keep(struct check *check, const char *text)
{
    return text == NULL ? NULL : arena_text(check->arena, text, strlen(text));
}

const struct quote *check_quote(struct check *check, struct location at)
{
    struct quote *quote = arena_take(check->arena, 1, sizeof *quote);
    *quote = location_quote(check->arena, at);
    return quote;
}

/* Adds a definition under NAME; NULL, reported, when the name is taken. */
static struct definition *define(struct check *check, const struct word *name, int kind)
{
    const struct definition *first = names_find(&check->names, name->text);
    if (first != NULL) {
        redefined(check, name, &first->at);
        return NULL;
    }
    if (name->text[0] == '\0') {
        CHECK_ERROR(check, name->at, CODE_SYNTAX, "a name is not empty");
        return NULL;
    }
    struct definition *definition = arena_take(check->files->arena, 1, sizeof *definition);
    definition->at = name->at;
    definition->kind = kind;
    names_add(&check->names, name->text, definition);
    return definition;
}

static void define_interface(struct check *check, struct zone *zone, struct quote *quotes, const struct word *interface)
{
    for (size_t z = 1; z < check->zones; z++)
        for (size_t i = 0; i < check->zone_list[z].interface_count; i++)
            if (strcmp(check->zone_list[z].interfaces[i], interface->text) == 0)
                CHECK_ERROR(check, interface->at, CODE_REDEFINED, "the interface '%s' is in the zone '%s' already",
                            interface->text, check->zone_list[z].name);
    quotes[zone->interface_count] = location_quote(check->arena, interface->at);
    zone->interfaces[zone->interface_count++] = check_keep(check, interface->text);
}

static void define_zone(struct check *check, const struct zone_node *node)
{
    struct definition *definition = define(check, &node->name, DEFINES_ZONE);
    if (definition == NULL)
        return;
    if (check->zones > RULESET_ZONES_MAX) {
        CHECK_ERROR(check, node->name.at, CODE_RANGE, "there are at most %d zones", RULESET_ZONES_MAX);
        return;
    }
    definition->zone = (uint16_t)check->zones;
    struct zone *zone = &check->zone_list[check->zones++];
    size_t count = 0;
    for (const struct word_node *i = node->interfaces; i != NULL; i = i->next)
        count++;
    zone->name = check_keep(check, node->name.text);
    zone->dhcp = node->dhcp;
    zone->interfaces = arena_take(check->arena, count, sizeof *zone->interfaces);
    struct quote *quotes = arena_take(check->arena, count, sizeof *quotes);
    zone->quotes = quotes;
    for (const struct word_node *i = node->interfaces; i != NULL; i = i->next)
        define_interface(check, zone, quotes, &i->word);
}

/* How many members a dynamic set has room for when its definition does not say. */
#define DYNAMIC_MOST_DEFAULT 65536

/* A set that is filled while spid runs: it holds itself alone. */
static void define_dynamic(struct check *check, const struct set_node *node, struct set *set)
{
    uint64_t most = node->most_given ? node->most : DYNAMIC_MOST_DEFAULT;
    uint16_t *moving = arena_take(check->arena, 1, sizeof *moving);
    set->moving = moving;
    set->moving_count = 1;
    if (most == 0 || most > DYNAMIC_SET_MAX) {
        CHECK_ERROR(check, node->at, CODE_RANGE, "a dynamic set has room for from 1 to %u members", DYNAMIC_SET_MAX);
        return;
    }
    struct moving_set *made = check_moving_new(check, node->name.at, MOVING_DYNAMIC, set->name, (uint32_t)most);
    if (made == NULL)
        return;
    made->timeout_ms = node->timeout_ms;
    *moving = (uint16_t)(made - check->moving_list);
}

static void define_set(struct check *check, const struct set_node *node)
{
    struct definition *definition = define(check, &node->name, DEFINES_SET);
    if (definition == NULL)
        return;
    definition->node = node;
    definition->set = arena_take(check->arena, 1, sizeof *definition->set);
    definition->set->name = check_keep(check, node->name.text);
    check->set_list[check->sets++] = definition->set;
    if (node->dynamic)
        define_dynamic(check, node, definition->set);
    else if (node->names != NULL)
        check_dns(check, node, definition->set);
}

static void define_service(struct check *check, const struct word *name, const struct service_node *services)
{
    const struct service_definition *first = names_find(&check->services, name->text);
    if (first != NULL) {
        redefined(check, name, &first->at);
        return;
    }
    struct service_definition *definition = arena_take(check->files->arena, 1, sizeof *definition);
    definition->at = name->at;
    definition->services = services;
    names_add(&check->services, name->text, definition);
}

static void define_all(struct check *check, const struct statement *statements)
{
    for (const struct statement *s = statements; s != NULL; s = s->next) {
        if (s->kind == STATEMENT_ZONE)
            define_zone(check, &s->zone);
        else if (s->kind == STATEMENT_SET)
            define_set(check, &s->set);
        else if (s->kind == STATEMENT_SERVICE)
            define_service(check, &s->service.name, s->service.services);
        else if (s->kind == STATEMENT_SCHEDULE)
            check_schedule(check, s);
    }
}

static void set_limit(struct check *check, const struct statement *s)
{
    if (check->limit_given)
        CHECK_ERROR(check, s->at, CODE_REDEFINED, "'limit connections' stands twice");
    check->limit_given = true;
    if (s->limit.connections == 0 || s->limit.connections > CONNECTIONS_MAX)
        CHECK_ERROR(check, s->limit.at, CODE_RANGE, "a table holds from 1 to %u connections", CONNECTIONS_MAX);
    else
        check->ruleset->connections_max = (uint32_t)s->limit.connections;
    if (s->limit.per_source > CONNECTIONS_MAX)
        CHECK_ERROR(check, s->limit.per_source_at, CODE_RANGE, "a source may have from 1 to %u connections", CONNECTIONS_MAX);
    else if (s->limit.per_source > 0)
        check->ruleset->per_source_max = (uint32_t)s->limit.per_source;
    if (s->limit.reserve > 100)
        CHECK_ERROR(check, s->limit.at, CODE_RANGE, "at most 100%% can be reserved");
    else
        check->ruleset->reserve_percent = s->limit.reserve;
}

static void set_half_open(struct check *check, const struct statement *s)
{
    if (s->limit.connections == 0 || s->limit.connections > CONNECTIONS_MAX)
        CHECK_ERROR(check, s->limit.at, CODE_RANGE, "half-open connections are limited to from 1 to %u", CONNECTIONS_MAX);
    else
        check->ruleset->half_open_max = (uint32_t)s->limit.connections;
}

static void set_adaptive(struct check *check, const struct statement *s)
{
    if (s->adaptive.start >= s->adaptive.end)
        CHECK_ERROR(check, s->adaptive.at, CODE_RANGE, "'adaptive' starts below its end");
    check->ruleset->adaptive_start_percent = s->adaptive.start;
    check->ruleset->adaptive_end_percent = s->adaptive.end;
}

static void set_hooks(struct check *check, const struct statement *s)
{
    if (check->hook_given)
        CHECK_ERROR(check, s->at, CODE_REDEFINED, "'hook' stands twice");
    check->hook_given = true;
    check->ruleset->hooks = 0;
    for (const struct word_node *hook = s->hooks; hook != NULL; hook = hook->next) {
        struct suggestion suggestion = suggestion_for(hook->word.text);
        unsigned chain = 0;
        while (chain < CHAIN_COUNT && strcmp(chain_name(chain), hook->word.text) != 0)
            suggestion_offer(&suggestion, chain_name(chain++));
        if (chain == CHAIN_COUNT)
            CHECK_ERROR(check, hook->word.at, CODE_UNDEFINED, "unknown chain '%s', expected forward, input or output%s%s%s",
                        hook->word.text, suggestion.best ? " (did you mean '" : "",
                        suggestion.best ? suggestion.best : "", suggestion.best ? "'?)" : "");
        else
            check->ruleset->hooks = (uint8_t)(check->ruleset->hooks | CHAIN_BIT(chain));
    }
}

static void set_queue(struct check *check, const struct statement *s)
{
    struct ruleset *ruleset = check->ruleset;
    uint32_t first = s->queue.first, last = s->queue.last;
    if (ruleset->queue_given)
        CHECK_ERROR(check, s->at, CODE_REDEFINED, "'queue' stands twice");
    ruleset->queue_given = true;
    if (first > 65535 || last > 65535)
        CHECK_ERROR(check, s->queue.at, CODE_RANGE, "queue numbers are from 0 to 65535");
    else if (first > last)
        CHECK_ERROR(check, s->queue.at, CODE_RANGE, "the range of queues ends before it begins");
    else if (last - first >= RULESET_QUEUES_MAX)
        CHECK_ERROR(check, s->queue.at, CODE_RANGE, "there are at most %d queues, one worker each", RULESET_QUEUES_MAX);
    ruleset->queue_first = (uint16_t)first;
    ruleset->queue_last = (uint16_t)last;
}

/* Which of the COUNT words at WORDS is WORD? COUNT, reported, when none is. */
static unsigned choose(struct check *check, const struct word *word, const char *what, const char *const *words, unsigned count)
{
    char list[100];
    struct text text;
    unsigned chosen = 0;
    while (chosen < count && strcmp(words[chosen], word->text) != 0)
        chosen++;
    if (chosen < count)
        return chosen;
    text_init(&text, list, sizeof list);
    for (unsigned i = 0; i < count; i++)
        text_add(&text, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", words[i]);
    CHECK_ERROR(check, word->at, CODE_UNDEFINED, "unknown %s '%s', expected %s", what, word->text, list);
    return count;
}

static void set_fastpath(struct check *check, const struct statement *s)
{
    static const char *const modes[] = {[FASTPATH_AUTO] = "auto", [FASTPATH_ON] = "on", [FASTPATH_OFF] = "off"};
    if (check->fastpath_given)
        CHECK_ERROR(check, s->at, CODE_REDEFINED, "'fastpath' stands twice");
    check->fastpath_given = true;
    check->ruleset->fastpath = choose(check, &s->fastpath.mode, "setting", modes, 3);
    if (!s->fastpath.max_given)
        return;
    if (s->fastpath.max == 0 || s->fastpath.max > CONNECTIONS_MAX)
        CHECK_ERROR(check, s->fastpath.max_at, CODE_RANGE, "the fast path has from 1 to %u entries", CONNECTIONS_MAX);
    else
        check->ruleset->fastpath_max = s->fastpath.max;
}

static void set_on(struct check *check, const struct statement *s)
{
    static const char *const events[] = {"daemon-down", "overload", "inspect-error"};
    static const char *const choices[] = {"drop", "accept", "existing"};
    unsigned event = choose(check, &s->on.event, "event", events, FAILURE_SETTINGS);
    if (event == FAILURE_SETTINGS)
        return;
    if (check->on[event] != NULL)
        CHECK_ERROR(check, s->at, CODE_REDEFINED, "'on %s' stands twice", s->on.event.text);
    check->on[event] = &s->on.choice;
    /* An ALG knows its own connection only: there are no others that exist. */
    unsigned count = event == FAILURE_INSPECT_ERROR ? 2 : 3;
    unsigned choice = choose(check, &s->on.choice, "choice", choices, count);
    if (choice < count)
        check->ruleset->on[event] = ON_DROP + choice;
}

/* Without the fast path nobody knows the connections that exist. */
static void check_existing(struct check *check)
{
    for (unsigned i = 0; i < FAILURE_SETTINGS; i++)
        if (check->ruleset->on[i] == ON_EXISTING && check->ruleset->fastpath == FASTPATH_OFF)
            CHECK_ERROR(check, check->on[i]->at, CODE_RANGE,
                        "'existing' needs the fast path, which is off: write 'drop', or 'fastpath auto'");
}

static void set_default(struct check *check, const struct statement *s)
{
    if (check->default_given)
        CHECK_ERROR(check, s->at, CODE_REDEFINED, "'default' stands twice");
    check->default_given = true;
    check->ruleset->default_action = s->default_.action;
    check->ruleset->default_log = check_log(&s->default_.log);
}

static void set_no_implicit(struct check *check, const struct statement *s)
{
    if (strcmp(s->no_implicit.text, "nd") == 0)
        check->ruleset->implicit_nd = false;
    else if (strcmp(s->no_implicit.text, "dhcp") == 0)
        check->ruleset->implicit_dhcp = false;
    else
        CHECK_ERROR(check, s->no_implicit.at, CODE_UNDEFINED, "unknown implicit rule '%s', expected nd or dhcp",
                    s->no_implicit.text);
}

static void settings(struct check *check, const struct statement *statements)
{
    for (const struct statement *s = statements; s != NULL; s = s->next) {
        switch (s->kind) {
        case STATEMENT_TIMEOUT:
            for (const struct timeout_node *node = s->timeouts; node != NULL; node = node->next)
                check_timeout(check, node, &check->ruleset->timeouts);
            break;
        case STATEMENT_LIMIT:
            set_limit(check, s);
            break;
        case STATEMENT_HALF_OPEN:
            set_half_open(check, s);
            break;
        case STATEMENT_ADAPTIVE:
            set_adaptive(check, s);
            break;
        case STATEMENT_HOOK:
            set_hooks(check, s);
            break;
        case STATEMENT_QUEUE:
            set_queue(check, s);
            break;
        case STATEMENT_DEFAULT:
            set_default(check, s);
            break;
        case STATEMENT_NO_IMPLICIT:
            set_no_implicit(check, s);
            break;
        case STATEMENT_FASTPATH:
            set_fastpath(check, s);
            break;
        case STATEMENT_ON:
            set_on(check, s);
            break;
        case STATEMENT_LOG:
            check_log_place(check, s);
            break;
        default:
            break;
        }
    }
    check_existing(check);
}

/* The IPv6 prefixes that are written in a zone's `net`; NULL for LIST: counts them. */
static size_t net_prefixes(const struct member_node *members, struct prefix *list)
{
    size_t count = 0;
    for (const struct member_node *member = members; member != NULL; member = member->next) {
        if (member->kind == MEMBER_BRACES) {
            count += net_prefixes(member->members, list != NULL ? list + count : NULL);
        } else if (member->kind == MEMBER_PREFIX && !address_is_v4(member->base)) {
            if (list != NULL)
                list[count] = (struct prefix){member->base, member->bits};
            count++;
        }
    }
    return count;
}

static void zone_nets(struct check *check, const struct zone_node *node)
{
    struct ranges ranges = {0};
    struct definition *definition = names_find(&check->names, node->name.text);
    size_t errors = check->diagnostics->errors;
    for (const struct member_node *member = node->nets; member != NULL; member = member->next)
        check_member_ranges(check, member, &ranges);
    if (ranges.moving_count > 0)
        CHECK_ERROR(check, node->name.at, CODE_SYNTAX, "the networks of a zone stand still: no set that moves is one of them");
    struct rangeset nets = ranges_finish(&ranges, check->arena);
    if (definition == NULL || definition->kind != DEFINES_ZONE)
        return;
    struct zone *zone = &check->zone_list[definition->zone];
    definition->nets_wrong = check->diagnostics->errors > errors;
    zone->nets = nets;
    struct prefix *prefixes = arena_take(check->arena, net_prefixes(node->nets, NULL), sizeof *prefixes);
    zone->prefix_count = net_prefixes(node->nets, prefixes);
    zone->prefixes = prefixes;
}

static void set_antispoof(struct check *check, const struct word_node *zones)
{
    for (; zones != NULL; zones = zones->next) {
        uint16_t zone = check_zone(check, &zones->word);
        if (zone == 0)
            continue;
        const struct definition *definition = names_find(&check->names, zones->word.text);
        if (check->zone_list[zone].nets.count == 0 && !definition->nets_wrong)
            CHECK_ERROR(check, zones->word.at, CODE_SYNTAX, "the zone '%s' has no networks of its own: write 'net' behind its interfaces",
                        zones->word.text);
        check->zone_list[zone].antispoof = true;
        check->ruleset->antispoof = true;
    }
}

/* Everything that is defined is resolved, used or not: an error in it is an error. What has no name is not defined. */
static void resolve_all(struct check *check, const struct statement *statements)
{
    /* The networks first: a moving prefix is held against those of its zone. */
    for (const struct statement *s = statements; s != NULL; s = s->next)
        if (s->kind == STATEMENT_ZONE)
            zone_nets(check, &s->zone);
    for (const struct statement *s = statements; s != NULL; s = s->next) {
        if (s->kind == STATEMENT_SET) {
            struct definition *definition = names_find(&check->names, s->set.name.text);
            if (definition != NULL && definition->kind == DEFINES_SET && definition->node == &s->set)
                check_set_resolve(check, definition);
        } else if (s->kind == STATEMENT_SERVICE) {
            struct service_definition *definition = names_find(&check->services, s->service.name.text);
            if (definition != NULL && definition->services == s->service.services)
                check_service_resolve(check, definition);
        }
    }
    for (const struct statement *s = statements; s != NULL; s = s->next)
        if (s->kind == STATEMENT_ANTISPOOF)
            set_antispoof(check, s->antispoof);
}

static void publish(struct check *check)
{
    struct ruleset *ruleset = check->ruleset;
    ruleset->rules = check->rule_list;
    ruleset->rule_count = check->rule_count;
    ruleset->zones = check->zone_list;
    ruleset->zone_count = check->zones;
    ruleset->sets = check->set_list;
    ruleset->set_count = check->sets;
    ruleset->schedules = check->schedule_list;
    ruleset->schedule_count = check->schedules;
    ruleset->protects = check->protect_list;
    ruleset->protect_count = check->protects;
    ruleset->moving = check->moving_list;
    ruleset->moving_count = check->moving;
    ruleset->tests = check->test_list;
    ruleset->test_count = check->tests;
}

static void check_statements(struct check *check, const struct statement *statements)
{
    count_statements(check, statements);
    define_all(check, statements);
    settings(check, statements);
    resolve_all(check, statements);
    for (const struct statement *s = statements; s != NULL; s = s->next)
        if (s->kind == STATEMENT_RULE)
            check_rule(check, s);
    for (const struct statement *s = statements; s != NULL; s = s->next)
        if (s->kind == STATEMENT_PROTECT)
            check_protect(check, s);
    check_all_hooked(check, statements);
    check_identities(check);
    publish(check); /* tests look zones up by address */
    /* Names that an error has left undefined would be reported again here, and mean nothing. */
    if (check->diagnostics->errors > 0)
        return;
    for (const struct statement *s = statements; s != NULL; s = s->next)
        if (s->kind == STATEMENT_TEST)
            check_test(check, s);
    publish(check);
}

static struct ruleset *ruleset_new(struct arena *arena)
{
    struct ruleset *ruleset = arena_take(arena, 1, sizeof *ruleset);
    ruleset->arena = arena;
    ruleset->default_action = ACTION_DENY;
    ruleset->default_log.rate = LOG_RATE_DEFAULT;
    ruleset->timeouts = timeouts_default;
    ruleset->connections_max = CONNECTIONS_MAX_DEFAULT;
    ruleset->half_open_max = CONNECTIONS_MAX;
    ruleset->fastpath_max = FASTPATH_MAX_DEFAULT;
    ruleset->hooks = CHAIN_BIT(CHAIN_FORWARD);
    ruleset->implicit_nd = true;
    ruleset->implicit_dhcp = true;
    return ruleset;
}

struct ruleset *parser_read(const char *path, const struct file_access *access, struct diagnostics *diagnostics)
{
    struct arena *tree = arena_new(), *arena = arena_new();
    size_t errors_before = diagnostics->errors;
    if (tree == NULL || arena == NULL)
        abort(); /* as an arena does */
    struct files files = {.arena = tree, .access = access, .diagnostics = diagnostics};
    struct check check = {
        .files = &files,
        .diagnostics = diagnostics,
        .arena = arena,
        .ruleset = ruleset_new(arena),
        .names = {.arena = tree},
        .services = {.arena = tree},
        .rules = {.arena = tree},
        .schedule_names = {.arena = tree},
    };
    struct statement *statements = files_statements(&files, path);
    check_statements(&check, statements);
    arena_free(tree);
    diagnostics_sort(diagnostics);
    if (diagnostics->errors == errors_before) {
        check.ruleset->classifier = classifier_new(check.ruleset);
        return check.ruleset;
    }
    ruleset_free(check.ruleset);
    return NULL;
}
