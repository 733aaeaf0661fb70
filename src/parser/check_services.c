/*
 * Services: the flat list of the grammar, regrouped, with ports and their names, to items of protocol and range.
 */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "packet/packet.h"
#include "parser/check.h"
#include "parser/parser.h"

#define PORT_MAX 65535u
#define TYPE_MAX 255u

static const struct protocol_word {
    const char *word;
    uint8_t number;
    bool has_ports;
    bool has_types;
} protocol_words[] = {
    {"tcp", PROTOCOL_TCP, true, false},   {"udp", PROTOCOL_UDP, true, false},   {"sctp", PROTOCOL_SCTP, true, false},
    {"icmp", PROTOCOL_ICMP, false, true}, {"icmp6", PROTOCOL_ICMP6, false, true}, {"gre", PROTOCOL_GRE, false, false},
    {"esp", PROTOCOL_ESP, false, false},  {"ah", PROTOCOL_AH, false, false},
};

static const struct protocol_word *protocol_find(const char *word)
{
    for (size_t i = 0; i < sizeof protocol_words / sizeof protocol_words[0]; i++)
        if (strcmp(protocol_words[i].word, word) == 0)
            return &protocol_words[i];
    return NULL;
}

/* The port that the system (/etc/services) knows as NAME under PROTOCOL; false when it knows none. */
static bool port_by_name(const char *name, const char *protocol, uint32_t *port)
{
    char buffer[4096];
    struct servent entry, *found = NULL;
    if (getservbyname_r(name, protocol, &entry, buffer, sizeof buffer, &found) != 0 || found == NULL)
        return false;
    *port = (uint32_t)((found->s_port & 0xff) << 8 | (found->s_port >> 8 & 0xff));
    return true;
}

/* A number or range within 0..MOST, or a port's name under PROTOCOL (NULL: no names here). */
static bool check_port(struct check *check, const struct port_node *port, const char *protocol, uint32_t most,
                       struct port_range *range)
{
    uint32_t first = port->first, last = port->last;
    if (port->named) {
        if (protocol == NULL || !port_by_name(port->word.text, protocol, &first)) {
            CHECK_ERROR(check, port->word.at, CODE_UNDEFINED, "'%s' is no %s that this system knows", port->word.text,
                        protocol != NULL ? "port" : "number");
            return false;
        }
        last = first;
    }
    if (first > most || last > most) {
        CHECK_ERROR(check, port->word.at, CODE_RANGE, "'%s' is above %u", port->word.text, most);
        return false;
    }
    if (first > last) {
        CHECK_ERROR(check, port->word.at, CODE_RANGE, "'%s' ends before it begins", port->word.text);
        return false;
    }
    *range = (struct port_range){(uint16_t)first, (uint16_t)last};
    return true;
}

const struct port_range *check_ports(struct check *check, const struct port_node *ports, const char *protocol,
                                     size_t *count)
{
    size_t given = 0;
    for (const struct port_node *port = ports; port != NULL; port = port->next)
        given++;
    struct port_range *ranges = arena_take(check->arena, given, sizeof *ranges);
    *count = 0;
    for (const struct port_node *port = ports; port != NULL; port = port->next)
        *count += check_port(check, port, protocol, PORT_MAX, &ranges[*count]);
    return ranges;
}

/* The items of a service list while it grows. */
struct items {
    struct service_item *list;
    size_t count, size;
};

static void items_add(struct items *items, uint8_t protocol, uint16_t first, uint16_t last)
{
    if (items->count == items->size) {
        items->size = items->size == 0 ? 8 : items->size * 2;
        items->list = realloc(items->list, items->size * sizeof *items->list);
        if (items->list == NULL)
            abort(); /* as an arena does: a compiler cannot go on without memory */
    }
    items->list[items->count++] = (struct service_item){protocol, first, last};
}

void check_service_resolve(struct check *check, struct service_definition *definition)
{
    unsigned outer = check->depth;
    if (definition->items != NULL)
        return;
    definition->resolving = true;
    check->depth = 0;
    check->nesting++;
    definition->items = check_services(check, definition->services, &definition->count);
    if (check->depth > PARSER_NESTING_MAX)
        CHECK_ERROR(check, definition->at, CODE_RANGE, "services stand at most %d deep in services", PARSER_NESTING_MAX);
    definition->resolving = false;
    definition->depth = check->depth;
    check->depth = outer;
    check->nesting--;
}

static void add_named(struct check *check, const struct port_node *port, struct service_definition *definition,
                      struct items *items)
{
    if (definition->resolving) {
        CHECK_ERROR(check, port->word.at, CODE_CYCLE, "the service '%s' holds itself", port->word.text);
        return;
    }
    if (check->nesting == PARSER_NESTING_MAX) {
        CHECK_ERROR(check, port->word.at, CODE_RANGE, "services stand at most %d deep in services", PARSER_NESTING_MAX);
        return;
    }
    check_service_resolve(check, definition);
    if (check->depth <= definition->depth)
        check->depth = definition->depth + 1;
    /* Twice the same in each of some dozens would be more than there is memory for. */
    if (items->count + definition->count > PARSER_SERVICES_MAX) {
        CHECK_ERROR(check, port->word.at, CODE_RANGE, "a list of services has at most %d ports and types", PARSER_SERVICES_MAX);
        return;
    }
    for (size_t i = 0; i < definition->count; i++)
        items_add(items, definition->items[i].protocol, definition->items[i].first, definition->items[i].last);
}

/* How services are written that other languages know by name. */
static const struct {
    const char *name, *written;
} known_elsewhere[] = {{"ping", "icmp 8, icmp6 128"}, {"ssh", "tcp 22"}, {"http", "tcp 80"}, {"https", "tcp 443"}};

/* A word behind the destination that is no service: it may be a misspelt protocol, state or option as well. */
static void undefined_service(struct check *check, const struct port_node *port)
{
    static const char *const others[] = {"tcp", "udp", "sctp", "icmp", "icmp6", "gre", "esp", "proto",
                                         "new", "established", "related", "invalid", "as", "log"};
    struct suggestion suggestion = suggestion_for(port->word.text);
    const char *before = " (did you mean '", *behind = "'?)";
    names_offer(&check->services, &suggestion);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        suggestion_offer(&suggestion, others[i]);
    for (size_t i = 0; i < sizeof known_elsewhere / sizeof known_elsewhere[0]; i++)
        if (strcmp(known_elsewhere[i].name, port->word.text) == 0) {
            suggestion.best = known_elsewhere[i].written;
            before = "; write ";
            behind = "";
        }
    CHECK_ERROR(check, port->word.at, CODE_UNDEFINED, "undefined service '%s'%s%s%s", port->word.text,
                suggestion.best ? before : "", suggestion.best ? suggestion.best : "", suggestion.best ? behind : "");
}

/* One port, type or number behind PROTOCOL ("proto" for numbers); PROTOCOL is NULL where none stands before it. */
static void add_port(struct check *check, const struct port_node *port, const char *protocol, struct items *items)
{
    struct port_range range;
    struct service_definition *definition = port->named ? names_find(&check->services, port->word.text) : NULL;
    const struct protocol_word *word = protocol != NULL ? protocol_find(protocol) : NULL;
    uint32_t number;
    if (definition != NULL) {
        if (word != NULL && word->has_ports && port_by_name(port->word.text, protocol, &number))
            CHECK_ERROR(check, port->word.at, CODE_REDEFINED, "'%s' is a service of this file and a %s port's name; write the number",
                        port->word.text, protocol);
        else
            add_named(check, port, definition, items);
    } else if (protocol == NULL && port->named) {
        undefined_service(check, port);
    } else if (protocol == NULL) {
        CHECK_ERROR(check, port->word.at, CODE_SYNTAX, "'%s' follows no protocol; write tcp, udp, icmp ... before it",
                    port->word.text);
    } else if (word == NULL) {
        if (check_port(check, port, NULL, TYPE_MAX, &range))
            for (unsigned n = range.first; n <= range.last; n++)
                items_add(items, (uint8_t)n, 0, PORT_MAX);
    } else if (word->has_ports) {
        if (check_port(check, port, protocol, PORT_MAX, &range))
            items_add(items, word->number, range.first, range.last);
    } else if (word->has_types) {
        if (check_port(check, port, NULL, TYPE_MAX, &range))
            items_add(items, word->number, range.first, range.last);
    } else {
        CHECK_ERROR(check, port->word.at, CODE_SYNTAX, "%s has no ports", protocol);
    }
}

const struct service_item *check_services(struct check *check, const struct service_node *services, size_t *count)
{
    struct items items = {0};
    const char *protocol = NULL;
    for (const struct service_node *node = services; node != NULL; node = node->next) {
        if (node->protocol != NULL)
            protocol = node->protocol;
        const struct protocol_word *word = protocol != NULL ? protocol_find(protocol) : NULL;
        if (node->ports == NULL && word == NULL)
            CHECK_ERROR(check, node->at, CODE_SYNTAX, "'proto' needs a number, such as 'proto 41'");
        else if (node->ports == NULL)
            items_add(&items, word->number, 0, PORT_MAX);
        /* The name of a service takes no part in what continues: `tcp 80, web, 443` is still about tcp. */
        for (const struct port_node *port = node->ports; port != NULL; port = port->next)
            add_port(check, port, protocol, &items);
    }
    if (items.count > PARSER_SERVICES_MAX)
        CHECK_ERROR(check, services->at, CODE_RANGE, "a list of services has at most %d ports and types", PARSER_SERVICES_MAX);
    struct service_item *kept = arena_take(check->arena, items.count, sizeof *kept);
    if (items.count > 0)
        memcpy(kept, items.list, items.count * sizeof *kept);
    free(items.list);
    *count = items.count;
    return kept;
}
