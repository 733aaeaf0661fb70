#include "daemon/top.h"

#include <stdlib.h>
#include <string.h>

#include "base/mapping.h"
#include "control/answer.h"
#include "daemon/private.h"
#include "daemon/selection.h"
#include "daemon/views.h"

/* A walk begins so long after the one before began, unless that took longer. */
#define WALK_EVERY_MS 1000u

/* It goes on so often, and for so long at a time: a fifth of the main thread's time. */
#define TURN_SECONDS 0.025
#define TURN_MS 5u

/* Places of the table that are looked at under one lock. */
#define LOCKED_PLACES 64u

#define LINES_TOLD 40

/* What a connection had passed when it was last seen. */
struct top_note {
    uint64_t bytes;
    uint32_t id;      /* the low bits of the connection's: another may have its place */
    uint32_t seen_ms; /* the clock's low bits */
};

/* ---- who comes first ---- */

/* By what connections are ordered; of the same key the one with the higher rate comes first, of the same rate the older one. */
struct place {
    uint64_t key, rate; /* rate: bytes a second */
    uint64_t id;
};

struct top_line {
    struct connection connection;
    struct kinship kinship;
    struct place place;
};

static bool comes_first(struct place one, struct place other)
{
    if (one.key != other.key)
        return one.key > other.key;
    return one.rate != other.rate ? one.rate > other.rate : one.id < other.id;
}

static bool before(const struct top_line *one, const struct top_line *other)
{
    return comes_first(one->place, other->place);
}

static void exchange(struct top_line *lines, unsigned i, unsigned k)
{
    struct top_line line = lines[i];
    lines[i] = lines[k];
    lines[k] = line;
}

/* The line at AT sinks below those that come before it. */
static void sink(struct top_line *lines, unsigned count, unsigned at)
{
    for (;;) {
        unsigned last = at, left = 2 * at + 1;
        for (unsigned child = left; child < count && child <= left + 1; child++)
            if (before(&lines[last], &lines[child]))
                last = child;
        if (last == at)
            return;
        exchange(lines, at, last);
        at = last;
    }
}

static void rise(struct top_line *lines, unsigned at)
{
    for (; at > 0 && before(&lines[(at - 1) / 2], &lines[at]); at = (at - 1) / 2)
        exchange(lines, at, (at - 1) / 2);
}

/* Where a connection of this place goes among the lines; NULL: the others come before it. settle follows. */
static struct top_line *room_for(struct top_viewer *viewer, struct place place)
{
    if (viewer->count < viewer->most)
        return &viewer->lines[viewer->count++];
    return comes_first(place, viewer->lines[0].place) ? &viewer->lines[0] : NULL;
}

static void settle(struct top_viewer *viewer, const struct top_line *line)
{
    unsigned at = (unsigned)(line - viewer->lines);
    if (at == 0)
        sink(viewer->lines, viewer->count, at);
    else
        rise(viewer->lines, at);
}

/* From the first to the last. */
static void sort_lines(struct top_viewer *viewer)
{
    for (unsigned end = viewer->count; end > 1;) {
        exchange(viewer->lines, 0, --end);
        sink(viewer->lines, end, 0);
    }
}

/* ---- the walk ---- */

struct look {
    struct daemon *daemon;
    uint64_t now_ms;
};

/* Bytes a second since the connection was last seen; of a new one since the last walk began, when it was not there. */
static uint64_t rate_of(const struct top *top, const struct connection *connection, struct top_note *note, uint64_t now_ms)
{
    uint64_t bytes = connection->bytes[ORIGINAL] + connection->bytes[REPLY];
    bool known = note->seen_ms != 0 && note->id == (uint32_t)connection->id && bytes >= note->bytes;
    uint64_t passed = known ? bytes - note->bytes : bytes;
    uint64_t ms = known ? (uint32_t)now_ms - note->seen_ms : now_ms - top->last_began_ms;
    *note = (struct top_note){bytes, (uint32_t)connection->id, (uint32_t)now_ms};
    return ms == 0 || top->walks == 0 ? 0 : passed * 1000 / ms;
}

static uint64_t key_of(enum top_order order, const struct connection *connection, uint64_t rate, const struct ruleset *ruleset,
                       uint64_t now_ms)
{
    switch (order) {
    case TOP_BYTES:
        return connection->bytes[ORIGINAL] + connection->bytes[REPLY];
    case TOP_PACKETS:
        return connection->packets[ORIGINAL] + connection->packets[REPLY];
    case TOP_AGE:
        return now_ms / 1000 - connection->created_s;
    case TOP_RULE:
        /* In the file's order; those of no rule come last. */
        return UINT32_MAX - answer_rule(connection, ruleset);
    default:
        return rate;
    }
}

static void see(void *context, struct connection *connection)
{
    struct look *look = context;
    struct daemon *daemon = look->daemon;
    struct top *top = &daemon->top;
    table_catch_up(daemon->table, connection);
    uint64_t rate = rate_of(top, connection, &top->notes[table_index(daemon->table, connection)], look->now_ms);
    for (unsigned i = 0; i < TOP_VIEWERS_MAX; i++) {
        struct top_viewer *viewer = &top->viewers[i];
        if (!viewer->counts || !selection_holds(viewer->selection, connection))
            continue;
        viewer->matching++;
        struct place place = {key_of(viewer->order, connection, rate, daemon->policy->ruleset, look->now_ms), rate, connection->id};
        struct top_line *line = room_for(viewer, place);
        if (line == NULL)
            continue;
        *line = (struct top_line){*connection, family_kinship(table_families(daemon->table), connection), place};
        settle(viewer, line);
    }
}

static void begin_walk(struct top *top, uint64_t now_ms)
{
    top->last_began_ms = top->began_ms;
    top->began_ms = now_ms;
    top->under_way = true;
    top->place = 0;
    for (unsigned i = 0; i < TOP_VIEWERS_MAX; i++) {
        struct top_viewer *viewer = &top->viewers[i];
        viewer->counts = viewer->client != NULL;
        viewer->count = 0;
        viewer->matching = 0;
    }
}

static json_t *lines_answer(const struct daemon *daemon, const struct top_viewer *viewer, uint64_t now_ms)
{
    json_t *lines = json_array();
    for (unsigned i = 0; i < viewer->count; i++) {
        const struct top_line *line = &viewer->lines[i];
        json_t *answer = answer_connection(&line->connection, &line->kinship, daemon->policy->ruleset, now_ms);
        json_object_set_new(answer, "rate", json_integer((json_int_t)line->place.rate));
        json_array_append_new(lines, answer);
    }
    return lines;
}

static void end_walk(struct daemon *daemon, uint64_t now_ms)
{
    struct top *top = &daemon->top;
    top->under_way = false;
    /* By the first walk nobody knows a rate. */
    if (top->walks++ == 0)
        return;
    json_t *status = views_status(daemon, NULL);
    for (unsigned i = 0; i < TOP_VIEWERS_MAX; i++) {
        struct top_viewer *viewer = &top->viewers[i];
        if (!viewer->counts)
            continue;
        sort_lines(viewer);
        control_socket_tell(viewer->client, json_pack("{s:f, s:I, s:o, s:O}", "seconds",
                                                      (double)(top->began_ms - top->last_began_ms) / 1000, "matching",
                                                      (json_int_t)viewer->matching, "connections",
                                                      lines_answer(daemon, viewer, now_ms), "status", status));
    }
    json_decref(status);
}

/* Who has a name in his filter that a reload has taken away ends. */
static void renew_selections(struct daemon *daemon)
{
    for (unsigned i = 0; i < TOP_VIEWERS_MAX; i++) {
        struct top_viewer *viewer = &daemon->top.viewers[i];
        struct client *client = viewer->client;
        json_t *wrong = NULL;
        if (client == NULL || selection_renew(viewer->selection, &wrong))
            continue;
        top_leave(daemon, client);
        control_socket_stream_end(client, wrong);
    }
}

static void on_turn(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct daemon *daemon = watcher->data;
    struct top *top = &daemon->top;
    struct look look = {daemon, clock_now_ms()};
    uint64_t end_ms = look.now_ms + TURN_MS;
    (void)loop;
    (void)events;
    renew_selections(daemon);
    if (top->notes == NULL)
        return;
    if (!top->under_way && look.now_ms - top->began_ms >= WALK_EVERY_MS)
        begin_walk(top, look.now_ms);
    while (top->under_way && look.now_ms < end_ms) {
        top->place = table_walk(daemon->table, top->place, LOCKED_PLACES, look.now_ms, see, &look);
        look.now_ms = clock_now_ms();
        if (top->place == 0)
            end_walk(daemon, look.now_ms);
    }
}

/* ---- who looks ---- */

static struct top_viewer *place_of(struct top *top, const struct client *client)
{
    for (unsigned i = 0; i < TOP_VIEWERS_MAX; i++)
        if (top->viewers[i].client == client)
            return &top->viewers[i];
    return NULL;
}

/* False: there is no memory. */
static bool begin(struct daemon *daemon)
{
    struct top *top = &daemon->top;
    top->notes_bytes = ((size_t)table_use(daemon->table).capacity + 1) * sizeof *top->notes;
    top->notes = mapping_new(top->notes_bytes);
    if (top->notes == NULL)
        return false;
    top->walks = 0;
    top->began_ms = 0;
    ev_timer_init(&top->turn, on_turn, 0., TURN_SECONDS);
    top->turn.data = daemon;
    ev_timer_start(daemon->loop, &top->turn);
    return true;
}

static void end(struct daemon *daemon)
{
    ev_timer_stop(daemon->loop, &daemon->top.turn);
    mapping_free(daemon->top.notes, daemon->top.notes_bytes);
    daemon->top.notes = NULL;
    daemon->top.under_way = false;
}

/* TOP_ORDER_COUNT: it is none. */
static enum top_order order_of(const char *name)
{
    static const char *const names[TOP_ORDER_COUNT] = {"rate", "bytes", "packets", "age", "rule"};
    enum top_order order = TOP_RATE;
    while (name != NULL && order < TOP_ORDER_COUNT && strcmp(names[order], name) != 0)
        order++;
    return order;
}

json_t *top_join(void *context, struct client *client, const json_t *request)
{
    struct daemon *daemon = context;
    struct top *top = &daemon->top;
    struct top_viewer *place = place_of(top, NULL);
    const json_t *wanted = json_object_get(request, "count");
    json_int_t count = wanted != NULL ? json_integer_value(wanted) : LINES_TOLD;
    enum top_order order = order_of(json_string_value(json_object_get(request, "sort")));
    json_t *wrong = NULL;
    if (place == NULL)
        return answer_error("%d clients look at 'top' already; no more can", TOP_VIEWERS_MAX);
    if (order == TOP_ORDER_COUNT)
        return answer_error("'top' sorts by rate, bytes, packets, age or rule");
    if (count < 1 || count > TOP_LINES_MAX)
        return answer_error("'top' shows 1 to %d connections", TOP_LINES_MAX);
    struct selection *selection = selection_new(daemon, json_string_value(json_object_get(request, "filter")), &wrong);
    if (selection == NULL)
        return wrong;
    struct top_line *lines = aligned_alloc(_Alignof(struct top_line), (size_t)count * sizeof *lines);
    if (lines == NULL || (top->notes == NULL && !begin(daemon))) {
        free(lines);
        selection_free(selection);
        return answer_error("no memory");
    }
    *place = (struct top_viewer){.client = client, .selection = selection, .order = order, .most = (unsigned)count, .lines = lines};
    return NULL;
}

void top_leave(void *context, struct client *client)
{
    struct daemon *daemon = context;
    struct top *top = &daemon->top;
    struct top_viewer *viewer = place_of(top, client);
    if (viewer == NULL)
        return;
    selection_free(viewer->selection);
    free(viewer->lines);
    *viewer = (struct top_viewer){.client = NULL};
    for (unsigned i = 0; i < TOP_VIEWERS_MAX; i++)
        if (top->viewers[i].client != NULL)
            return;
    end(daemon);
}
