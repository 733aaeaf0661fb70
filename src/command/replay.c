/*
 * A capture through the engine. Its time is the capture's: connections expire by it. Fragments are reassembled before, as
 * the kernel does for a live gateway; a line is held back until its datagram's verdict is known, so that the output keeps
 * the frames' order.
 */
#include "command/replay.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "command/report.h"
#include "engine/engine.h"
#include "engine/opener.h"
#include "load/civil.h"
#include "control/explain.h"
#include "io/capture.h"
#include "io/link.h"
#include "io/reassemble.h"
#include "load/load.h"
#include "packet/protocol.h"
#include "rules/moving.h"

/* The engine's clock begins here, so that times before the first frame never are below zero. */
#define CLOCK_START_MS 1000000u

/* Connections that a replay can hold at once. */
#define REPLAY_TABLE_CAPACITY 4194304u

/* Lines that wait for a fragment's datagram; beyond, the oldest fragments are given up. */
#define LINES_HELD_MAX 65536u

/* One frame of the output. */
struct line {
    struct line *next;
    uint64_t number, tag; /* tag: of the datagram it waits for, 0: it waits for none */
    double time;
    bool skipped;         /* no IP packet */
    json_t *path;         /* how the rules were read; NULL: they were not asked, or nobody wants to know */
    struct verdict verdict;
    struct packet packet; /* its bytes are not kept */
};

struct replay {
    const struct replay_options *options;
    const struct ruleset *ruleset;
    struct engine engine;
    struct explanation explanation; /* of the packet in hand */
    struct capture *capture;
    struct reassembly *reassembly;
    int64_t first_us, last_us;
    bool started;
    struct line *first, **last; /* lines not printed yet, in order */
    size_t held;
    uint64_t frames, actions[ACTION_COUNT], skipped;
    uint64_t reasons[REASON_COUNT];
};

static void print_address(struct address address, char buffer[64])
{
    struct text text;
    text_init(&text, buffer, 64);
    address_to_text(&text, address);
}

static const char *protocol_text(uint8_t protocol, char buffer[8])
{
    const char *name = protocol_name(protocol);
    if (name == NULL)
        snprintf(buffer, 8, "%u", protocol);
    return name != NULL ? name : buffer;
}

/* A JSON string, or null. */
static void print_string(const char *key, const char *value)
{
    json_t *string = value != NULL ? json_string(value) : json_null();
    char *dump = json_dumps(string, JSON_ENCODE_ANY);
    printf(",\"%s\":%s", key, dump != NULL ? dump : "null");
    free(dump);
    json_decref(string);
}

static void print_id(const char *key, uint64_t id)
{
    if (id != 0)
        printf(",\"%s\":%llu", key, (unsigned long long)id);
    else
        printf(",\"%s\":null", key);
}

static const struct rule *rule_of(const struct replay *replay, const struct verdict *verdict)
{
    return verdict->rule == RULE_DEFAULT ? NULL : &replay->ruleset->rules[verdict->rule];
}

static void print_rule(const struct rule *rule, char *buffer, size_t size)
{
    snprintf(buffer, size, "%s:%u", rule->file, rule->line);
}

/* How the rules were read. */
static void print_path(const json_t *path)
{
    char *dump = path != NULL ? json_dumps(path, JSON_COMPACT) : NULL;
    if (dump != NULL)
        printf(",\"path\":%s", dump);
    free(dump);
}

static void print_json_line(const struct replay *replay, const struct line *line)
{
    char place[4200], address[64], number[8];
    const struct verdict *verdict = &line->verdict;
    const struct packet *packet = &line->packet;
    printf("{\"packet\":%llu,\"time\":%.6f", (unsigned long long)line->number, line->time);
    if (line->skipped) {
        printf(",\"verdict\":\"skip\"}\n");
        return;
    }
    const struct rule *rule = rule_of(replay, verdict);
    printf(",\"verdict\":\"%s\",\"state\":\"%s\",\"reason\":\"%s\"", action_name(verdict->action),
           state_name(verdict->state), reason_name(verdict->reason));
    if (rule != NULL)
        print_rule(rule, place, sizeof place);
    print_string("rule", rule != NULL ? place : NULL);
    print_string("name", rule != NULL ? rule->name : NULL);
    print_id("connection", verdict->connection);
    print_id("parent", verdict->parent);
    print_address(packet->src, address);
    print_string("src", packet->family != 0 ? address : NULL);
    if (protocol_has_ports(packet->protocol))
        printf(",\"sport\":%u", packet->src_port);
    else
        printf(",\"sport\":null");
    print_address(packet->dst, address);
    print_string("dst", packet->family != 0 ? address : NULL);
    if (protocol_has_ports(packet->protocol))
        printf(",\"dport\":%u", packet->dst_port);
    else
        printf(",\"dport\":null");
    print_string("proto", packet->family != 0 ? protocol_text(packet->protocol, number) : NULL);
    printf(",\"length\":%u", packet->length);
    print_path(line->path);
    printf("}\n");
}

static void print_text_line(const struct replay *replay, const struct line *line)
{
    char src[64], dst[64], place[4200] = "", number[8];
    const struct packet *packet = &line->packet;
    if (line->skipped) {
        printf("%6llu %12.6f  skip\n", (unsigned long long)line->number, line->time);
        return;
    }
    const struct rule *rule = rule_of(replay, &line->verdict);
    if (rule != NULL)
        print_rule(rule, place, sizeof place);
    print_address(packet->src, src);
    print_address(packet->dst, dst);
    printf("%6llu %12.6f  %-6s %-11s %-17s %-5s %s", (unsigned long long)line->number, line->time,
           action_name(line->verdict.action), state_name(line->verdict.state), reason_name(line->verdict.reason),
           protocol_text(packet->protocol, number), src);
    if (protocol_has_ports(packet->protocol))
        printf(" port %u to %s port %u", packet->src_port, dst, packet->dst_port);
    else
        printf(" to %s", dst);
    printf("%s%s%s%s%s\n", place[0] ? "  " : "", place, rule && rule->name ? " \"" : "",
           rule && rule->name ? rule->name : "", rule && rule->name ? "\"" : "");
}

/* Prints the lines at the head whose verdict is known. */
static void flush(struct replay *replay)
{
    while (replay->first != NULL && replay->first->tag == 0) {
        struct line *line = replay->first;
        replay->first = line->next;
        if (replay->first == NULL)
            replay->last = &replay->first;
        if (replay->options->json)
            print_json_line(replay, line);
        else
            print_text_line(replay, line);
        if (line->skipped) {
            replay->skipped++;
        } else {
            replay->actions[line->verdict.action]++;
            replay->reasons[line->verdict.reason]++;
        }
        replay->held--;
        json_decref(line->path);
        free(line);
    }
}

static struct line *line_add(struct replay *replay, const struct frame *frame)
{
    struct line *line = calloc(1, sizeof *line);
    if (line == NULL)
        abort(); /* an offline tool without memory cannot go on */
    line->number = frame->number;
    line->time = (double)(frame->time_us - replay->first_us) / 1e6;
    *replay->last = line;
    replay->last = &line->next;
    replay->held++;
    return line;
}

/* The datagram of these lines will never be whole: each of its fragments arrived alone. */
static void lines_lost(void *context, uint64_t tag)
{
    struct replay *replay = context;
    for (struct line *line = replay->first; line != NULL; line = line->next)
        if (line->tag == tag)
            line->tag = 0; /* its verdict is bad-fragment already */
}

static bool is_self(const struct replay *replay, struct address address)
{
    return rangeset_holds(&replay->engine.surroundings->self, address);
}

/* What goes to or comes from the gateway itself has only one interface. */
static uint32_t interface_of(const struct replay *replay, struct address address)
{
    return is_self(replay, address) ? 0 : ruleset_zone_by_address(replay->ruleset, address);
}

/* The schedules hold by the capture's time, in this machine's time zone. */
static void follow_schedules(struct replay *replay, uint64_t now_ms)
{
    const struct ruleset *ruleset = replay->ruleset;
    uint64_t active = ruleset->schedule_count > 0
                          ? ruleset_schedules_at(ruleset, civil_at((time_t)(replay->last_us / 1000000)))
                          : 0;
    uint64_t changed = active ^ replay->engine.surroundings->schedules;
    if (changed == 0)
        return;
    struct surroundings *surroundings = surroundings_at(replay->engine.surroundings, active);
    if (surroundings == NULL)
        abort();
    surroundings_free((struct surroundings *)replay->engine.surroundings);
    replay->engine.surroundings = replay->explanation.surroundings = surroundings;
    opener_schedule_edge(replay->engine.table, ruleset, changed, now_ms);
}

static void judge(struct replay *replay, struct line *line, const uint8_t *bytes, size_t captured, size_t length,
                  uint64_t now_ms)
{
    struct arrival arrival = {
        .now_ms = now_ms,
        .checksum = replay->options->ignore_checksums ? CHECKSUM_UNFILLED : CHECKSUM_VERIFY,
        .length = (uint32_t)length,
    };
    struct packet addresses;
    packet_decode(&addresses, bytes, captured, length, CHECKSUM_UNFILLED);
    arrival.chain = is_self(replay, addresses.src)   ? CHAIN_OUTPUT
                    : is_self(replay, addresses.dst) ? CHAIN_INPUT
                                                     : CHAIN_FORWARD;
    arrival.in_interface = interface_of(replay, addresses.src);
    arrival.out_interface = interface_of(replay, addresses.dst);
    while (!engine_expire(&replay->engine, 0, 1, now_ms, 4096))
        ;
    follow_schedules(replay, now_ms);
    engine_packet(&replay->engine, &arrival, bytes, captured, &line->packet, &line->verdict);
    line->path = replay->explanation.path;
    replay->explanation.path = NULL;
    opener_flush(replay->engine.table, replay->ruleset, now_ms);
}

/* The verdict on a whole datagram goes for each of its fragments; each keeps its own length. */
static void lines_decided(struct replay *replay, uint64_t tag, const struct line *decided)
{
    for (struct line *line = replay->first; line != NULL; line = line->next)
        if (line->tag == tag) {
            uint32_t length = line->packet.length;
            line->verdict = decided->verdict;
            line->path = json_incref(decided->path);
            line->packet = decided->packet;
            line->packet.length = length;
            line->tag = 0;
        }
}

/* A fragment whose datagram is not whole: what would be said if it never was. */
static void line_hold(struct line *line, const uint8_t *bytes, size_t captured, size_t length, uint64_t tag)
{
    packet_decode(&line->packet, bytes, captured, length, CHECKSUM_UNFILLED);
    line->verdict = (struct verdict){.action = ACTION_DENY, .reason = REASON_BAD_FRAGMENT, .rule = RULE_DEFAULT};
    line->tag = tag;
}

static uint64_t clock_of(struct replay *replay, int64_t time_us)
{
    if (!replay->started) {
        replay->started = true;
        replay->first_us = replay->last_us = time_us;
    }
    /* Time never runs backwards for the engine, whatever the capture says. */
    if (time_us > replay->last_us)
        replay->last_us = time_us;
    return CLOCK_START_MS + (uint64_t)(replay->last_us - replay->first_us) / 1000;
}

static void take_frame(struct replay *replay, const struct frame *frame)
{
    uint64_t now_ms = clock_of(replay, frame->time_us);
    struct line *line = line_add(replay, frame);
    int offset = link_ip_offset(capture_link_type(replay->capture), frame->bytes, frame->captured);
    replay->frames++;
    if (offset < 0) {
        line->skipped = true;
        return;
    }
    const uint8_t *bytes = frame->bytes + offset;
    size_t captured = frame->captured - (size_t)offset, length = frame->length - (size_t)offset;
    struct datagram datagram;
    switch (reassemble(replay->reassembly, bytes, captured, length, now_ms, &datagram)) {
    case REASSEMBLE_WHOLE:
    case REASSEMBLE_REFUSED:
        judge(replay, line, bytes, captured, length, now_ms);
        break;
    case REASSEMBLE_HELD:
        line_hold(line, bytes, captured, length, datagram.tag);
        break;
    case REASSEMBLE_DONE:
        judge(replay, line, datagram.bytes, datagram.length, datagram.length, now_ms);
        lines_decided(replay, datagram.tag, line);
        break;
    }
    if (replay->held > LINES_HELD_MAX)
        for (struct line *held = replay->first; held != NULL; held = held->next)
            held->tag = 0;
}

static void print_summary(const struct replay *replay)
{
    const char *comma = "";
    unsigned long long connections = (unsigned long long)table_use(replay->engine.table).opened;
    if (!replay->options->json) {
        printf("%llu packets: %llu allowed, %llu denied, %llu rejected, %llu skipped; %llu connections\n",
               (unsigned long long)replay->frames, (unsigned long long)replay->actions[ACTION_ALLOW],
               (unsigned long long)replay->actions[ACTION_DENY], (unsigned long long)replay->actions[ACTION_REJECT],
               (unsigned long long)replay->skipped, connections);
        return;
    }
    printf("{\"summary\":{\"packets\":%llu,\"allow\":%llu,\"deny\":%llu,\"reject\":%llu,\"skip\":%llu,"
           "\"connections\":%llu,\"reasons\":{",
           (unsigned long long)replay->frames, (unsigned long long)replay->actions[ACTION_ALLOW],
           (unsigned long long)replay->actions[ACTION_DENY], (unsigned long long)replay->actions[ACTION_REJECT],
           (unsigned long long)replay->skipped, connections);
    for (unsigned i = 0; i < REASON_COUNT; i++)
        if (replay->reasons[i] > 0) {
            printf("%s\"%s\":%llu", comma, reason_name(i), (unsigned long long)replay->reasons[i]);
            comma = ",";
        }
    printf("}}}\n");
}

/* A zone is its own interface: both have the same number. */
static struct surroundings *surroundings_of(const struct ruleset *ruleset, const struct rangeset *self)
{
    struct interface_zone *interfaces = calloc(ruleset->zone_count, sizeof *interfaces);
    if (interfaces == NULL)
        abort();
    for (size_t zone = 1; zone < ruleset->zone_count; zone++)
        interfaces[zone - 1] = (struct interface_zone){(uint32_t)zone, (uint16_t)zone};
    struct surroundings *surroundings =
        surroundings_new(interfaces, ruleset->zone_count - 1, self->ranges, self->count);
    free(interfaces);
    return surroundings;
}

static bool start(struct replay *replay, const struct ruleset *ruleset, const struct rangeset *self)
{
    struct table_config config = {.capacity = REPLAY_TABLE_CAPACITY, .key = {0, 0}}; /* one capture, one outcome */
    struct table_limits limits = engine_limits(ruleset);
    replay->ruleset = replay->engine.ruleset = ruleset;
    replay->engine.table = table_new(&config);
    replay->engine.surroundings = surroundings_of(ruleset, self);
    replay->engine.rule_counters = calloc(ruleset->rule_count + 1, sizeof *replay->engine.rule_counters);
    replay->reassembly = reassembly_new(lines_lost, replay);
    replay->last = &replay->first;
    explanation_init(&replay->explanation, ruleset, replay->engine.surroundings);
    if (replay->options->verbose)
        replay->engine.trace = &replay->explanation.trace;
    if (replay->engine.table == NULL || replay->engine.surroundings == NULL || replay->engine.rule_counters == NULL ||
        replay->reassembly == NULL) {
        fprintf(stderr, "spid: no memory for the replay\n");
        return false;
    }
    table_limit(replay->engine.table, &limits);
    replay->engine.pickup_until_ms = replay->options->pickup ? UINT64_MAX : 0;
    return true;
}

static void stop(struct replay *replay)
{
    free(replay->engine.rule_counters);
    surroundings_free((struct surroundings *)replay->engine.surroundings);
    table_free(replay->engine.table);
}

static int run(struct replay *replay)
{
    char error[600];
    struct frame frame;
    int result;
    while ((result = capture_next(replay->capture, &frame, error, sizeof error)) == 1) {
        take_frame(replay, &frame);
        flush(replay);
    }
    reassembly_free(replay->reassembly);
    flush(replay);
    print_summary(replay);
    if (result == 0)
        return 0;
    fprintf(stderr, "spid: %s: %s\n", replay->options->capture, error);
    return 1;
}

/* Reads "ADDR,ADDR" into ranges; false, with a message, when one is no address. */
static bool read_self(const char *list, struct rangeset *self)
{
    char word[64];
    self->count = 0;
    self->ranges = NULL;
    for (const char *at = list; at != NULL && *at != '\0';) {
        size_t length = strcspn(at, ",");
        struct address address;
        snprintf(word, sizeof word, "%.*s", (int)(length < 63 ? length : 63), at);
        if (!address_from_text(word, &address)) {
            fprintf(stderr, "spid: --self takes addresses separated by commas; '%s' is none\n", word);
            return false;
        }
        struct address_range *larger = realloc(self->ranges, (self->count + 1) * sizeof *larger);
        if (larger == NULL)
            abort();
        self->ranges = larger;
        self->ranges[self->count++] = (struct address_range){address, address};
        at += length + (at[length] == ',');
    }
    rangeset_normalise(self);
    return true;
}

static int replay_with_rules(const struct replay_options *options, const struct rangeset *self)
{
    struct replay replay = {.options = options};
    struct loaded loaded;
    char error[600];
    int status = 1;
    load_rules(&loaded, options->config, self);
    report_diagnostics(&loaded.diagnostics);
    if (loaded.ruleset != NULL) {
        loaded.ruleset->generation = 1;
        moving_assume(loaded.ruleset);
        replay.capture = capture_open(options->capture, error, sizeof error);
        if (replay.capture == NULL)
            fprintf(stderr, "spid: cannot replay %s: %s\n", options->capture, error);
        else if (start(&replay, loaded.ruleset, self))
            status = run(&replay);
        stop(&replay);
        capture_close(replay.capture);
    }
    load_fini(&loaded);
    return status;
}

int command_replay(const struct replay_options *options)
{
    struct rangeset self;
    int status = 2;
    if (read_self(options->self, &self))
        status = replay_with_rules(options, &self);
    free(self.ranges);
    return status;
}
