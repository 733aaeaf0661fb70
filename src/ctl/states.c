#include "ctl/states.h"

#include <stdio.h>

#include "ctl/ask.h"
#include "ctl/columns.h"
#include "ctl/field.h"

static const struct column titled[] = {
    {"proto", false}, {"state", false}, {"source", false}, {"  destination", false}, {"packets", true},
    {"age", true},    {"expires", true}, {"rule", false},  {"", false},
};
static const struct column bare[sizeof titled / sizeof titled[0]];

#define COUNT (sizeof titled / sizeof titled[0])

const char *states_protocol(const json_t *connection)
{
    static const struct {
        int number;
        const char *name;
    } protocols[] = {{1, "icmp"}, {6, "tcp"}, {17, "udp"}, {47, "gre"}, {50, "esp"}, {58, "icmp6"}, {132, "sctp"}};
    static char number[24];
    long long protocol = number_of(connection, "proto");
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
        if (protocols[i].number == protocol)
            return protocols[i].name;
    snprintf(number, sizeof number, "%lld", protocol);
    return number;
}

bool states_has_ports(const json_t *connection)
{
    long long protocol = number_of(connection, "proto");
    return protocol == 6 || protocol == 17 || protocol == 132;
}

/* "192.0.2.1 port 80"; the address alone where there are no ports. */
static const char *end_text(char *text, size_t size, const json_t *connection, const char *key, const char *port)
{
    if (states_has_ports(connection))
        snprintf(text, size, "%s port %lld", text_of(connection, key), number_of(connection, port));
    else
        snprintf(text, size, "%s", text_of(connection, key));
    return text;
}

static void add_row(struct columns *table, const json_t *connection, unsigned depth)
{
    char end[100];
    const json_t *packets = json_object_get(connection, "packets");
    columns_cell(table, "%*s%s", (int)depth * 2, "", states_protocol(connection));
    columns_cell(table, "%s", text_of(connection, "state"));
    columns_cell(table, "%s", end_text(end, sizeof end, connection, "src", "sport"));
    columns_cell(table, "> %s", end_text(end, sizeof end, connection, "dst", "dport"));
    columns_cell(table, "%lld/%lld", (long long)json_integer_value(json_array_get(packets, 0)),
                 (long long)json_integer_value(json_array_get(packets, 1)));
    columns_cell(table, "%llds", number_of(connection, "age"));
    columns_cell(table, "%.0fs", json_number_value(json_object_get(connection, "expires")));
    columns_cell(table, "%s%s%s", text_of(connection, "rule"), json_is_true(json_object_get(connection, "cut")) ? " (cut)" : "",
                 json_is_true(json_object_get(connection, "picked_up")) ? " (picked-up)" : "");
    if (json_object_get(connection, "alg") != NULL)
        columns_cell(table, "alg %s: %s, %lld expected", text_of(connection, "alg"), text_of(connection, "hears"),
                     number_of(connection, "expected"));
    else
        columns_cell(table, "%s", "");
}

void states_show_one(const json_t *connection)
{
    struct columns *table = columns_new(stdout, 0, bare, COUNT);
    add_row(table, connection, 0);
    columns_end(table);
}

/* Parents and children stand together, children indented; a line has no more than two of them below each other. */
#define TREE_DEPTH_MAX 2

static void add_family(struct columns *table, const json_t *kin, long long parent, unsigned depth)
{
    size_t index;
    json_t *connection;
    json_array_foreach(kin, index, connection) {
        if (number_of(connection, "parent") != parent)
            continue;
        add_row(table, connection, depth);
        if (depth < TREE_DEPTH_MAX)
            add_family(table, kin, number_of(connection, "connection"), depth + 1);
    }
}

/* Is nobody in KIN the parent of CONNECTION (any more)? */
static bool is_orphan(const json_t *kin, const json_t *connection)
{
    size_t index;
    json_t *other;
    json_array_foreach(kin, index, other)
        if (number_of(other, "connection") == number_of(connection, "parent"))
            return false;
    return number_of(connection, "parent") != 0;
}

static void add_families(struct columns *table, const json_t *kin)
{
    size_t index;
    json_t *connection;
    add_family(table, kin, 0, 0);
    json_array_foreach(kin, index, connection)
        if (is_orphan(kin, connection))
            add_row(table, connection, 0);
}

/* Connections that have parents or children wait until all are there. */
struct listing {
    struct columns *table;
    json_t *kin;
};

static void take_connection(void *context, const json_t *connection)
{
    struct listing *listing = context;
    if (json_object_get(connection, "alg") != NULL || json_object_get(connection, "parent") != NULL)
        json_array_append_new(listing->kin, json_copy((json_t *)connection));
    else
        add_row(listing->table, connection, 0);
}

static void end_listing(void *context, const json_t *answer)
{
    struct listing *listing = context;
    add_families(listing->table, listing->kin);
    columns_end(listing->table);
    listing->table = NULL;
    printf("%lld connections\n", number_of(answer, "connections"));
}

int states_run(const struct given *given)
{
    struct listing listing = {columns_new(stdout, columns_width(stdout), titled, COUNT), json_array()};
    const struct ask_shows shows = {.line = take_connection, .last = end_listing, .context = &listing};
    int status = ask(given, ask_request(given, "filter"), "filter", &shows);
    columns_end(listing.table);
    json_decref(listing.kin);
    return status;
}

static void show_killed(void *context, const json_t *answer)
{
    (void)context;
    printf("%lld connections cut\n", number_of(answer, "killed"));
}

int states_kill_run(const struct given *given)
{
    static const struct ask_shows shows = {.last = show_killed};
    if (given->count == 0)
        return usage_error("'kill' takes a filter, such as \"lan to any tcp 22\"; \"any to any\" is everything");
    return ask(given, ask_request(given, "filter"), "filter", &shows);
}
