/*
 * Runs scenarios: dialogues in time, on the engine alone, with real packet bytes and rules in the real language.
 *
 *   rules {                                    the ruleset; `reload {` begins another one
 *     zone lan = eth1
 *     allow lan to any tcp 80
 *   }
 *   host client 192.168.1.10@lan port 1234
 *   +0.5s client > server SA seq=1000 ack=1 win=65535 len=100 ws=7 sack=5-9 => allow established
 *   +0s client > server udp len=10 => deny new default
 *   +0s client > server ping id=7 => allow new           and pong
 *   +0s router > client unreachable quoting client > server tcp seq=1000 => allow related
 *   +0s client > server sctp init tag=0 itag=5 => allow new
 *   +0s client > server proto 47 => allow new
 *   +0s client > server A seq=1 cut=4 => deny none truncated      also version=1, sum=1 and frag=1 spoil a packet
 *   connect client > server                    the handshake of a TCP connection, which is to be allowed; behind it stands
 *                                              `related` where it was announced, behind `reset` too
 *   say client > server "PORT 1,2,3,4,5,6\r\n" => allow established     in such a connection; the next bytes in order,
 *                                              or, with from=-20 or from=100, others; \r \n \t \" \\ \x00 in the text
 *   reset client > server                      ends such a connection by a RST, which is to be allowed
 *   +0s client > server udp "text" => allow new
 *   expectations 1                             so many wait now
 *   deaf gap                                   why nobody listens any more to the last packet's connection
 *   connections 1                              so many are in the table now
 *   clock mon 12:30                            on the wall: schedules begin and end
 *   rehearse inspect-error                     every ALG is taken to be at its end, until `rehearse nothing`
 *   pickup 60                                  connections are picked up midway for so many seconds from now on
 *   state established                          of the connection of the last packet that had one
 *
 * What is expected of a packet: verdict, state, and, where it matters, the reason.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/opener.h"
#include "parser/parser.h"
#include "parser/words.h"
#include "rules/moving.h"
#include "state/session.h"
#include "state/family.h"
#include "tests/scenario/packets.h"
#include "tests/unit/rules_text.h"

#define TALKS_MAX 16
#define WORDS_MAX 40
#define PHOTO_MAX 256

/* Two hosts that talk over TCP, and where each is in what it says. */
struct talk {
    const struct host *hosts[2];
    uint32_t next[2];
};

struct scenario {
    const char *path;
    unsigned line, failures, packets;
    char rules[16384];
    struct engine engine;
    uint64_t now_us;
    uint32_t generation;
    uint64_t connection; /* of the last packet that had one */
    struct hosts hosts;
    struct talk talks[TALKS_MAX];
    unsigned talk_count;
    enum action action; /* of the last packet */
};

static void __attribute__((format(printf, 2, 3))) complain(struct scenario *scenario, const char *format, ...)
{
    va_list arguments;
    scenario->failures++;
    printf("%s:%u: ", scenario->path, scenario->line);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

/* ---- rules ---- */

/* A zone is its own interface: both have the same number. The gateway itself is 192.0.2.1 and 2001:db8::1. */
static const struct surroundings *surroundings_of(const struct ruleset *ruleset)
{
    struct interface_zone zones[RULESET_ZONES_MAX];
    struct address_range self[2];
    for (size_t zone = 1; zone < ruleset->zone_count; zone++)
        zones[zone - 1] = (struct interface_zone){(uint32_t)zone, (uint16_t)zone};
    address_from_text("192.0.2.1", &self[0].first);
    address_from_text("2001:db8::1", &self[1].first);
    self[0].last = self[0].first;
    self[1].last = self[1].first;
    return surroundings_new(zones, ruleset->zone_count - 1, self, 2);
}

static void drop_rules(struct scenario *scenario)
{
    ruleset_free((struct ruleset *)scenario->engine.ruleset);
    surroundings_free((struct surroundings *)scenario->engine.surroundings);
    free(scenario->engine.rule_counters);
}

static uint16_t zone_called(const struct scenario *scenario, const char *name)
{
    const struct ruleset *ruleset = scenario->engine.ruleset;
    for (uint16_t zone = 1; ruleset != NULL && zone < ruleset->zone_count; zone++)
        if (strcmp(ruleset->zones[zone].name, name) == 0)
            return zone;
    return 0;
}

static void use_rules(struct scenario *scenario)
{
    const struct file_access access = rules_text(scenario->rules);
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct ruleset *ruleset = parser_read("rules", &access, &diagnostics);
    for (size_t i = 0; i < diagnostics.count; i++)
        complain(scenario, "rules:%u: %s", diagnostics.records[i].line, diagnostics.records[i].message);
    diagnostics_fini(&diagnostics);
    if (ruleset == NULL)
        return;
    if (scenario->engine.ruleset != NULL)
        ruleset_adopt(ruleset, scenario->engine.ruleset, scenario->now_us / 1000);
    drop_rules(scenario);
    moving_assume(ruleset);
    ruleset->generation = ++scenario->generation;
    scenario->engine.ruleset = ruleset;
    scenario->engine.surroundings = surroundings_of(ruleset);
    scenario->engine.rule_counters = calloc(ruleset->rule_count + 1, sizeof *scenario->engine.rule_counters);
    struct table_limits limits = engine_limits(ruleset);
    table_limit(scenario->engine.table, &limits);
    for (unsigned i = 0; i < scenario->hosts.count; i++)
        scenario->hosts.list[i].zone = zone_called(scenario, scenario->hosts.list[i].zone_name);
}

/* ---- hosts ---- */

static const struct host *host_called(struct scenario *scenario, const char *name)
{
    for (unsigned i = 0; i < scenario->hosts.count; i++)
        if (strcmp(scenario->hosts.list[i].name, name) == 0)
            return &scenario->hosts.list[i];
    complain(scenario, "no host is called '%s'", name);
    return NULL;
}

/* All connections at one time. */
struct photo {
    struct connection list[PHOTO_MAX];
    unsigned count;
};

static void see(void *context, struct connection *connection)
{
    struct photo *photo = context;
    if (photo->count < PHOTO_MAX)
        photo->list[photo->count++] = *connection;
}

static void take_photo(struct scenario *scenario, struct photo *photo)
{
    uint32_t place = 0;
    photo->count = 0;
    do
        place = table_walk(scenario->engine.table, place, UINT32_MAX, scenario->now_us / 1000, see, photo);
    while (place != 0);
}

static struct connection connection_now(struct scenario *scenario, uint64_t id)
{
    static struct photo photo;
    take_photo(scenario, &photo);
    for (unsigned i = 0; i < photo.count; i++)
        if (photo.list[i].id == id)
            return photo.list[i];
    return (struct connection){.id = 0};
}

/* A denied packet has never happened: all connections are what they were. Only the cached decision may be new. */
static void hold_unchanged(struct scenario *scenario, const struct photo *before)
{
    static struct photo after;
    /* Under adaptive timeouts one entry that is forgotten gives the others more time: then there is nothing to compare. */
    if (scenario->engine.ruleset->adaptive_end_percent > 0)
        return;
    take_photo(scenario, &after);
    if (before->count != after.count) {
        complain(scenario, "a packet that was denied left %u connections of %u", after.count, before->count);
        return;
    }
    for (unsigned i = 0; i < after.count; i++) {
        struct connection was = before->list[i];
        was.generation = after.list[i].generation;
        was.action = after.list[i].action;
        was.rule = after.list[i].rule;
        if (memcmp(&was, &after.list[i], sizeof was) != 0)
            complain(scenario, "a packet that was denied changed a connection");
    }
}

/* ---- what all scenarios together have reached ---- */

enum segment { SEGMENT_SYN, SEGMENT_SYN_ACK, SEGMENT_FIN, SEGMENT_ACK, SEGMENT_RST, SEGMENT_NONE, SEGMENT_COUNT };

static bool cells_reached[TCP_STATE_COUNT][DIRECTION_COUNT][SEGMENT_COUNT];
static bool reasons_reached[REASON_COUNT]; /* of packets that were denied while a connection stood in the table */

static enum segment segment_of(uint8_t flags)
{
    if (flags & TCP_RST)
        return SEGMENT_RST;
    if (flags & TCP_SYN)
        return flags & TCP_ACK ? SEGMENT_SYN_ACK : SEGMENT_SYN;
    if (flags & TCP_FIN)
        return SEGMENT_FIN;
    return flags & TCP_ACK ? SEGMENT_ACK : SEGMENT_NONE;
}

/* Notes the cell of the TCP table that the packet comes to. */
static void note_cell(const struct photo *photo, const struct packet *packet)
{
    struct tuple tuple;
    if (packet->protocol != PROTOCOL_TCP)
        return;
    enum side side = tuple_of(&tuple, packet);
    for (unsigned i = 0; i < photo->count; i++)
        if (tuple_equal(&photo->list[i].tuple, &tuple))
            cells_reached[photo->list[i].state][connection_direction(&photo->list[i], side)]
                         [segment_of(packet->tcp.flags)] = true;
}

static unsigned tell_unreached(void)
{
    static const char *const segments[] = {"SYN", "SYN+ACK", "FIN", "ACK", "RST", "no ACK"};
    static const uint8_t without_connection[] = {REASON_NONE, REASON_IMPLICIT};
    unsigned missing = 0;
    for (unsigned state = 0; state < TCP_STATE_COUNT; state++)
        for (unsigned direction = 0; direction < DIRECTION_COUNT; direction++)
            for (unsigned segment = 0; segment < SEGMENT_COUNT; segment++)
                if (!cells_reached[state][direction][segment]) {
                    printf("no scenario has %s in %s from the %s\n", segments[segment],
                           session_state_name(&(struct connection){.tuple.protocol = PROTOCOL_TCP, .state = (uint8_t)state}),
                           direction == ORIGINAL ? "opener" : "other side");
                    missing++;
                }
    for (unsigned reason = 0; reason < REASON_COUNT; reason++)
        if (!reasons_reached[reason] && memchr(without_connection, (int)reason, sizeof without_connection) == NULL) {
            printf("no scenario has a packet denied as %s beside a connection\n", reason_name(reason));
            missing++;
        }
    return missing;
}

static void judge(struct scenario *scenario, const struct made *made, const struct host *src, const struct host *dst,
                  char **wanted, unsigned wanted_count)
{
    struct packet packet;
    struct verdict verdict;
    bool from_self = strcmp(src->zone_name, "self") == 0, to_self = strcmp(dst->zone_name, "self") == 0;
    struct arrival arrival = {
        .now_ms = scenario->now_us / 1000,
        .chain = from_self ? CHAIN_OUTPUT : to_self ? CHAIN_INPUT : CHAIN_FORWARD,
        .in_interface = from_self ? 0 : src->zone,
        .out_interface = to_self ? 0 : dst->zone,
        .checksum = CHECKSUM_VERIFY,
        .length = (uint32_t)made->length,
    };
    while (!engine_expire(&scenario->engine, 0, 1, arrival.now_ms, 64))
        ;
    static struct photo before;
    take_photo(scenario, &before);
    engine_packet(&scenario->engine, &arrival, made->bytes, made->length, &packet, &verdict);
    opener_flush(scenario->engine.table, scenario->engine.ruleset, arrival.now_ms);
    scenario->packets++;
    scenario->action = verdict.action;
    if (verdict.connection != 0)
        scenario->connection = verdict.connection;
    note_cell(&before, &packet);
    if (verdict.action != ACTION_ALLOW) {
        hold_unchanged(scenario, &before);
        reasons_reached[verdict.reason] |= before.count > 0;
    }
    bool fits = wanted_count >= 2 && strcmp(wanted[0], action_name(verdict.action)) == 0 &&
                strcmp(wanted[1], state_name(verdict.state)) == 0 &&
                (wanted_count < 3 || strcmp(wanted[2], reason_name(verdict.reason)) == 0);
    if (!fits)
        complain(scenario, "got %s %s %s%s%s", action_name(verdict.action), state_name(verdict.state),
                 reason_name(verdict.reason), verdict.detail != NULL ? ": " : "", verdict.detail != NULL ? verdict.detail : "");
}

/* ---- lines ---- */

/* The end of the word at AT: at a blank, or behind the second quote. */
static char *word_end(char *at)
{
    if (*at != '"')
        return at + strcspn(at, " \t\r\n");
    for (at++; *at != '"' && *at != '\0'; at++)
        if (*at == '\\' && at[1] != '\0')
            at++;
    return *at == '"' ? at + 1 : at;
}

static unsigned split(char *line, char **words)
{
    unsigned count = 0;
    char *at = line + strspn(line, " \t\r\n");
    while (*at != '\0' && *at != '#' && count < WORDS_MAX) {
        words[count++] = at;
        at = word_end(at);
        if (*at != '\0')
            *at++ = '\0';
        at += strspn(at, " \t\r\n");
    }
    return count;
}

static void take_packet(struct scenario *scenario, char **words, unsigned count)
{
    static struct made made;
    unsigned arrow = 0;
    while (arrow < count && strcmp(words[arrow], "=>") != 0)
        arrow++;
    if (arrow < 5 || arrow == count || strcmp(words[2], ">") != 0) {
        complain(scenario, "a packet's line is: +TIME SRC > DST KIND ... => VERDICT STATE [REASON]");
        return;
    }
    scenario->now_us += (uint64_t)(strtod(words[0] + 1, NULL) * 1e6 + 0.5);
    const struct host *src = host_called(scenario, words[1]), *dst = host_called(scenario, words[3]);
    if (src == NULL || dst == NULL)
        return;
    if (packets_make(&scenario->hosts, &made, src, dst, words + 4, arrow - 4))
        judge(scenario, &made, src, dst, words + arrow + 1, count - arrow - 1);
    else
        complain(scenario, "these words make no packet (an error is: KIND quoting SRC > DST KIND ...)");
}

/* ---- talks ---- */

/* The talk between SRC and DST, and which of its two SRC is; made where there is none. */
static struct talk *talk_of(struct scenario *scenario, const struct host *src, const struct host *dst, unsigned *who)
{
    for (unsigned i = 0; i < scenario->talk_count; i++) {
        struct talk *talk = &scenario->talks[i];
        *who = talk->hosts[1] == src;
        if ((talk->hosts[0] == src && talk->hosts[1] == dst) || (talk->hosts[0] == dst && talk->hosts[1] == src))
            return talk;
    }
    if (scenario->talk_count == TALKS_MAX)
        return NULL;
    *who = 0;
    struct talk *talk = &scenario->talks[scenario->talk_count++];
    talk->hosts[0] = src;
    talk->hosts[1] = dst;
    return talk;
}

/* Sends one segment of a talk: what FLAGS and TEXT (in quotes, or NULL) say. */
static void segment(struct scenario *scenario, const struct talk *talk, unsigned who, const char *flags, int32_t from,
                    char *text, char **wanted, unsigned wanted_count)
{
    static struct made made;
    char letters[8], seq[32], ack[32];
    char *words[] = {letters, seq, ack, text};
    snprintf(letters, sizeof letters, "%s", flags);
    snprintf(seq, sizeof seq, "seq=%u", talk->next[who] + (uint32_t)from);
    snprintf(ack, sizeof ack, "ack=%u", talk->next[!who]);
    packets_make(&scenario->hosts, &made, talk->hosts[who], talk->hosts[!who], words, text != NULL ? 4 : 3);
    judge(scenario, &made, talk->hosts[who], talk->hosts[!who], wanted, wanted_count);
}

static void take_connect(struct scenario *scenario, char **words, char *announced)
{
    static char allow[] = "allow", fresh[] = "new", established[] = "established";
    char *opening[] = {allow, announced ? announced : fresh}, *answer[] = {allow, announced ? announced : established};
    const struct host *src = host_called(scenario, words[1]), *dst = host_called(scenario, words[3]);
    unsigned who;
    struct talk *talk = src != NULL && dst != NULL ? talk_of(scenario, src, dst, &who) : NULL;
    if (talk == NULL)
        return;
    talk->next[who] = 1000;
    talk->next[!who] = 900000;
    segment(scenario, talk, who, "S", 0, NULL, opening, 2);
    talk->next[who]++;
    segment(scenario, talk, !who, "SA", 0, NULL, answer, 2);
    talk->next[!who]++;
    segment(scenario, talk, who, "A", 0, NULL, answer, 2);
}

static void take_reset(struct scenario *scenario, char **words, char *announced)
{
    static char allow[] = "allow", established[] = "established";
    char *wanted[] = {allow, announced ? announced : established};
    const struct host *src = host_called(scenario, words[1]), *dst = host_called(scenario, words[3]);
    unsigned who;
    struct talk *talk = src != NULL && dst != NULL ? talk_of(scenario, src, dst, &who) : NULL;
    if (talk != NULL)
        segment(scenario, talk, who, "RA", 0, NULL, wanted, 2);
}

static void take_say(struct scenario *scenario, char **words, unsigned count)
{
    const struct host *src = host_called(scenario, words[1]), *dst = host_called(scenario, words[3]);
    unsigned who, arrow = 5;
    struct talk *talk = src != NULL && dst != NULL ? talk_of(scenario, src, dst, &who) : NULL;
    while (arrow < count && strcmp(words[arrow], "=>") != 0)
        arrow++;
    if (talk == NULL || arrow == count) {
        complain(scenario, "a saying's line is: say SRC > DST \"TEXT\" [from=N] => VERDICT STATE [REASON]");
        return;
    }
    uint8_t bytes[16384];
    bool elsewhere = strncmp(words[5], "from=", 5) == 0;
    int32_t from = elsewhere ? (int32_t)strtol(words[5] + 5, NULL, 0) : 0;
    segment(scenario, talk, who, "PA", from, words[4], words + arrow + 1, count - arrow - 1);
    if (!elsewhere && scenario->action == ACTION_ALLOW)
        talk->next[who] += (uint32_t)packets_text(words[4], bytes, sizeof bytes);
}

/* Why nobody listens to the connection of the last packet that had one. */
static void take_deaf(struct scenario *scenario, const char *wanted)
{
    struct connection connection = connection_now(scenario, scenario->connection);
    const struct family *family = family_of(table_families(scenario->engine.table), &connection);
    const char *got = family == NULL ? "none" : deaf_name(family->deaf);
    if (strcmp(got, wanted) != 0)
        complain(scenario, "it is %s", got);
}

static void take_host(struct scenario *scenario, char **words, unsigned count)
{
    struct host *host = &scenario->hosts.list[scenario->hosts.count++];
    char *at = strchr(words[2], '@');
    if (at != NULL)
        *at = '\0';
    snprintf(host->name, sizeof host->name, "%s", words[1]);
    snprintf(host->address, sizeof host->address, "%s", words[2]);
    snprintf(host->zone_name, sizeof host->zone_name, "%s", at != NULL ? at + 1 : "");
    host->zone = zone_called(scenario, host->zone_name);
    host->port = count >= 5 ? (uint16_t)strtoul(words[4], NULL, 0) : 0;
}

static void set_clock(struct scenario *scenario, const char *day, const char *time)
{
    struct engine *engine = &scenario->engine;
    unsigned first, last;
    uint32_t second;
    struct civil civil = {20000, 0};
    bool dated = word_is_date(day, &civil.day);
    if ((!dated && !word_is_days(day, &first, &last)) || !word_is_time(time, &second)) {
        complain(scenario, "a clock shows a day or a date, and a time");
        return;
    }
    /* 1970-01-01 was a Thursday. */
    civil.second_of_week = (dated ? (uint32_t)(civil.day + 3) % 7 : first) * 86400 + second;
    struct surroundings *surroundings =
        surroundings_at(engine->surroundings, ruleset_schedules_at(engine->ruleset, civil));
    uint64_t changed = surroundings->schedules ^ engine->surroundings->schedules;
    surroundings_free((struct surroundings *)engine->surroundings);
    engine->surroundings = surroundings;
    opener_schedule_edge(engine->table, engine->ruleset, changed, scenario->now_us / 1000);
}

static void take_line(struct scenario *scenario, char **words, unsigned count)
{
    if (words[0][0] == '+') {
        take_packet(scenario, words, count);
    } else if (strcmp(words[0], "host") == 0 && count >= 3 && scenario->hosts.count < HOSTS_MAX) {
        take_host(scenario, words, count);
    } else if (strcmp(words[0], "connections") == 0 && count == 2) {
        uint32_t now = table_use(scenario->engine.table).now;
        if (now != strtoul(words[1], NULL, 0))
            complain(scenario, "there are %u connections", now);
    } else if (strcmp(words[0], "connect") == 0 && count >= 4) {
        take_connect(scenario, words, count > 4 ? words[4] : NULL);
    } else if (strcmp(words[0], "reset") == 0 && count >= 4) {
        take_reset(scenario, words, count > 4 ? words[4] : NULL);
    } else if (strcmp(words[0], "say") == 0 && count >= 7) {
        take_say(scenario, words, count);
    } else if (strcmp(words[0], "expectations") == 0 && count == 2) {
        uint32_t waiting = families_use(table_families(scenario->engine.table)).waiting;
        if (waiting != strtoul(words[1], NULL, 0))
            complain(scenario, "%u expectations wait", waiting);
    } else if (strcmp(words[0], "deaf") == 0 && count == 2) {
        take_deaf(scenario, words[1]);
    } else if (strcmp(words[0], "clock") == 0 && count == 3) {
        set_clock(scenario, words[1], words[2]);
    } else if (strcmp(words[0], "rehearse") == 0 && count == 2) {
        scenario->engine.inspect_error = strcmp(words[1], "inspect-error") == 0;
    } else if (strcmp(words[0], "pickup") == 0 && count == 2) {
        scenario->engine.pickup_until_ms = scenario->now_us / 1000 + strtoul(words[1], NULL, 0) * 1000;
    } else if (strcmp(words[0], "state") == 0 && count == 2) {
        struct connection connection = connection_now(scenario, scenario->connection);
        if (strcmp(session_state_name(&connection), words[1]) != 0)
            complain(scenario, "the connection is %s", session_state_name(&connection));
    } else {
        complain(scenario, "this line means nothing");
    }
}

static void run(struct scenario *scenario, FILE *file)
{
    static char line[8192];
    char *words[WORDS_MAX];
    bool in_rules = false;
    while (fgets(line, sizeof line, file) != NULL) {
        scenario->line++;
        if (in_rules && line[0] == '}') {
            in_rules = false;
            use_rules(scenario);
        } else if (in_rules) {
            strncat(scenario->rules, line, sizeof scenario->rules - strlen(scenario->rules) - 1);
        } else if (strncmp(line, "rules {", 7) == 0 || strncmp(line, "reload {", 8) == 0) {
            in_rules = true;
            scenario->rules[0] = '\0';
        } else {
            unsigned count = split(line, words);
            if (count > 0)
                take_line(scenario, words, count);
        }
    }
    if (scenario->packets == 0)
        complain(scenario, "there is no packet in this scenario");
}

int main(int argc, char **argv)
{
    unsigned failures = 0, packets = 0;
    bool all = argc > 1 && strcmp(argv[1], "--all") == 0; /* these are all scenarios: what do they not reach? */
    for (int i = 1 + all; i < argc; i++) {
        static struct scenario scenario;
        const struct table_config config = {.capacity = 4096, .key = {1, 2}};
        FILE *file = fopen(argv[i], "r");
        if (file == NULL) {
            perror(argv[i]);
            return 1;
        }
        memset(&scenario, 0, sizeof scenario);
        scenario.path = argv[i];
        scenario.now_us = 1000000000;
        scenario.engine.table = table_new(&config);
        run(&scenario, file);
        fclose(file);
        drop_rules(&scenario);
        table_free(scenario.engine.table);
        failures += scenario.failures;
        packets += scenario.packets;
    }
    if (all)
        failures += tell_unreached();
    printf("%d scenarios, %u packets, %u failures\n", argc - 1 - all, packets, failures);
    return failures == 0 && argc > 1 ? 0 : 1;
}
