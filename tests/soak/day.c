/*
 * A day of a gateway on the engine alone, in seconds: dialogues of all kinds on the scenario's clock, floods, nonsense, and the rules
 * changed each minute.
 *
 *   day HOURS [SEED]
 *
 * The heap counts what malloc keeps at hand of what was freed, so run.sh tells it to keep nothing.
 *
 * When all that has come has expired, nothing of it may be left: no connection, no count, no family, no expectation, no block, and
 * no more in the heap than after the first reloads; and no more memory than after the first sixth. Prints what there was; exits
 * with 1 when something is left. What is counted as it ends (opened = expired + removed + evicted) must add up.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/opener.h"
#include "packet/address.h"
#include "parser/parser.h"
#include "state/family.h"
#include "state/stream.h"
#include "tests/differential/dialogue.h"
#include "tests/unit/build.h"
#include "tests/unit/rules_text.h"

#define CAPACITY 12000
#define EXPIRE_BUDGET 256
#define RELOAD_EVERY_S 60
#define FLOOD_EVERY_S 900
#define FLOOD_PACKETS 40000
#define LAN 1u
#define WAN 2u
#define MS_AN_HOUR UINT64_C(3600000)

/* Longer than any timeout in the rules below, or among the defaults. */
#define ALL_OVER_MS (30 * 24 * MS_AN_HOUR)

/* Keys of rates stay until their place is needed: one for each rule below with a rate. */
#define RATES 1

/* Growth that counts as none, in percent; asked after a day, for the pages of a hash table are first touched one by one. */
#define TOLERANCE 2
#define WHOLE_HOURS 24

/* malloc gives a little more than it is asked for where the rest would be too small for anybody. */
#define HEAP_SLACK_BYTES 1024

#define HEAD "zone lan = eth1\nzone wan = eth0\nlimit connections 12000\nset abusers = dynamic max 200 timeout 10m\ndeny abusers to any\n"
#define TAIL \
    "allow lan to any tcp 21 alg ftp as \"ftp\"\n" \
    "allow lan to any udp 69 alg tftp as \"tftp\"\n" \
    "allow lan to any udp 5060 alg sip as \"sip\" limit connections 200 per source\n" \
    "allow lan to any icmp 8, icmp6 128 as \"ping\"\n" \
    "allow any@lan to any tcp 25 limit connections 30 per source overload abusers flush\n"

static const char *const rules[] = {
    HEAD TAIL "allow any@lan to any tcp 80 limit new 1000/s\nallow any@lan to any udp 53 timeout udp.replied 20s\ndefault deny\n",
    HEAD "deny 10.1.0.0/16 to any udp 53\nallow any@lan to any tcp 80 limit new 1000/s\nallow any@lan to any udp 53\n" TAIL "default reject\n",
    HEAD TAIL "allow any@lan to any tcp 81\n",
};

struct day {
    struct engine engine;
    uint64_t now_ms, random;
    uint32_t generation;
    uint64_t packets, allowed, children;
    uint32_t most_connections, most_waiting, most_blocks;
    uint16_t port; /* of the client, ever new */
    char client[48], server[48];
    unsigned faults;
};

static uint32_t draw(struct day *day, uint32_t below)
{
    day->random ^= day->random << 13;
    day->random ^= day->random >> 7;
    day->random ^= day->random << 17;
    return (uint32_t)(day->random >> 32) % below;
}

/* ---- rules ---- */

static void use_rules(struct day *day, const char *text)
{
    const struct file_access access = rules_text(text);
    const struct interface_zone zones[] = {{LAN, 1}, {WAN, 2}};
    struct engine *engine = &day->engine;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct ruleset *ruleset = parser_read("rules", &access, &diagnostics);
    for (size_t i = 0; ruleset == NULL && i < diagnostics.count; i++)
        printf("rules:%u: %s\n", diagnostics.records[i].line, diagnostics.records[i].message);
    diagnostics_fini(&diagnostics);
    if (ruleset == NULL)
        exit(1);
    ruleset->generation = ++day->generation;
    if (engine->ruleset != NULL)
        ruleset_adopt(ruleset, engine->ruleset, day->now_ms);
    ruleset_free((struct ruleset *)engine->ruleset);
    surroundings_free((struct surroundings *)engine->surroundings);
    free(engine->rule_counters);
    engine->ruleset = ruleset;
    engine->surroundings = surroundings_new(zones, 2, NULL, 0);
    engine->rule_counters = calloc(ruleset->rule_count + 1, sizeof *engine->rule_counters);
    struct table_limits limits = engine_limits(ruleset);
    table_limit(engine->table, &limits);
}

/* ---- packets ---- */

static bool judge(struct day *day, const uint8_t *bytes, size_t length, bool from_server)
{
    struct packet packet;
    struct verdict verdict;
    const struct arrival arrival = {
        .now_ms = day->now_ms,
        .chain = CHAIN_FORWARD,
        .in_interface = from_server ? WAN : LAN,
        .out_interface = from_server ? LAN : WAN,
        .checksum = CHECKSUM_VERIFY,
        .length = (uint32_t)length,
    };
    engine_packet(&day->engine, &arrival, bytes, length, &packet, &verdict);
    day->packets++;
    day->allowed += verdict.action == ACTION_ALLOW;
    day->children += verdict.action == ACTION_ALLOW && verdict.state == STATE_RELATED;
    return verdict.action == ACTION_ALLOW;
}

/* The network spoils a packet now and then. */
static bool send(struct day *day, const struct build *build, bool from_server)
{
    static uint8_t bytes[BUILD_BYTES_MAX];
    size_t length = build_packet(build, bytes);
    if (draw(day, 200) == 0)
        bytes[draw(day, (uint32_t)length)] ^= (uint8_t)(1 + draw(day, 255));
    if (draw(day, 500) == 0)
        length = draw(day, (uint32_t)length);
    return judge(day, bytes, length, from_server);
}

static struct build between(const struct day *day, uint8_t protocol, bool from_server, uint16_t port)
{
    return (struct build){
        .src = from_server ? day->server : day->client,
        .dst = from_server ? day->client : day->server,
        .protocol = protocol,
        .src_port = from_server ? port : day->port,
        .dst_port = from_server ? day->port : port,
    };
}

/* Other hosts, and a port that was not used for a while. */
static void choose_hosts(struct day *day)
{
    bool v6 = draw(day, 3) == 0;
    unsigned client = draw(day, 400), server = draw(day, 50);
    snprintf(day->client, sizeof day->client, v6 ? "2001:db8:9::%x:%x" : "10.0.%u.%u", client / 250, client % 250 + 1);
    snprintf(day->server, sizeof day->server, v6 ? "2001:db8:5::%x" : "198.51.100.%u", server + 1);
    day->port = (uint16_t)(1024 + (day->port - 1023 + draw(day, 3)) % 60000);
}

/* ---- what people do ---- */

static void tell(void *context, const struct segment *segment)
{
    static const uint8_t payload[2048];
    struct day *day = context;
    struct build build = between(day, PROTOCOL_TCP, segment->from_server, 80);
    uint8_t scale[4] = {1, 3, 3, segment->scale};
    build.flags = segment->flags;
    build.seq = segment->seq;
    build.ack = segment->ack;
    build.window = segment->window;
    build.payload = (struct build_bytes){payload, segment->length};
    if (segment->flags & TCP_SYN && segment->scale != DIALOGUE_NO_SCALE)
        build.tcp_options = (struct build_bytes){scale, 4};
    day->now_ms += draw(day, 40) == 0;
    send(day, &build, segment->from_server);
}

static void browse(struct day *day)
{
    dialogue(((uint64_t)draw(day, UINT32_MAX) << 20) + day->packets, tell, day);
}

static void ask_names(struct day *day)
{
    unsigned count = 1 + draw(day, 4);
    for (unsigned i = 0; i < count; i++) {
        struct build build = between(day, PROTOCOL_UDP, i % 2, 53);
        build.payload = (struct build_bytes)BYTES("a name or an address");
        send(day, &build, i % 2);
    }
}

static void ping(struct day *day)
{
    bool v6 = strchr(day->client, ':') != NULL;
    unsigned count = 1 + draw(day, 4);
    for (unsigned i = 0; i < count; i++) {
        struct build build = between(day, v6 ? PROTOCOL_ICMP6 : PROTOCOL_ICMP, i % 2, 0);
        build.type = v6 ? (uint8_t)(128 + i % 2) : i % 2 ? 0 : 8;
        build.id = day->port;
        build.number = (uint16_t)i;
        send(day, &build, i % 2);
    }
}

/* A TCP connection that speaks lines, one after the other. */
struct talk {
    uint16_t port;
    uint32_t next[2];
};

static bool speak(struct day *day, struct talk *talk, bool from_server, uint8_t flags, const char *words)
{
    struct build build = between(day, PROTOCOL_TCP, from_server, talk->port);
    size_t length = strlen(words);
    build.flags = flags;
    build.seq = talk->next[from_server];
    build.ack = flags & TCP_ACK ? talk->next[!from_server] : 0;
    build.window = 60000;
    build.payload = (struct build_bytes){words, length};
    talk->next[from_server] += (uint32_t)length + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
    return send(day, &build, from_server);
}

static bool connect(struct day *day, struct talk *talk, uint16_t port)
{
    *talk = (struct talk){port, {draw(day, UINT32_MAX), draw(day, UINT32_MAX)}};
    return speak(day, talk, false, TCP_SYN, "") && speak(day, talk, true, TCP_SYN | TCP_ACK, "") &&
           speak(day, talk, false, TCP_ACK, "");
}

static void hang_up(struct day *day, struct talk *talk)
{
    switch (draw(day, 3)) {
    case 0: /* he never does */
        break;
    case 1:
        speak(day, talk, draw(day, 2), TCP_RST | TCP_ACK, "");
        break;
    case 2:
        speak(day, talk, false, TCP_FIN | TCP_ACK, "");
        speak(day, talk, true, TCP_FIN | TCP_ACK, "");
        speak(day, talk, false, TCP_ACK, "");
        break;
    }
}

static void fetch_files(struct day *day)
{
    struct talk control, data;
    char words[200];
    unsigned files = draw(day, 4), a, b, c, d;
    bool v4 = sscanf(day->server, "%u.%u.%u.%u", &a, &b, &c, &d) == 4;
    uint16_t own = day->port;
    if (!connect(day, &control, 21))
        return;
    speak(day, &control, true, TCP_ACK | TCP_PSH, "220 welcome\r\n");
    for (unsigned i = 0; i < files; i++) {
        uint16_t port = (uint16_t)(20000 + draw(day, 40000));
        speak(day, &control, false, TCP_ACK | TCP_PSH, v4 ? "PASV\r\n" : "EPSV\r\n");
        if (v4)
            snprintf(words, sizeof words, "227 Entering Passive Mode (%u,%u,%u,%u,%u,%u)\r\n", a, b, c, d, port >> 8, port & 255u);
        else
            snprintf(words, sizeof words, "229 Entering Extended Passive Mode (|||%u|)\r\n", port);
        /* In two pieces: the first must be kept. */
        char first[10] = {0};
        memcpy(first, words, 9);
        speak(day, &control, true, TCP_ACK | TCP_PSH, first);
        speak(day, &control, true, TCP_ACK | TCP_PSH, draw(day, 20) > 0 ? words + 9 : "");
        day->port = (uint16_t)(own + 1 + i);
        if (draw(day, 4) > 0 && connect(day, &data, port))
            hang_up(day, &data);
        day->port = own;
    }
    hang_up(day, &control);
}

static void fetch_boot_file(struct day *day)
{
    struct build build = between(day, PROTOCOL_UDP, false, 69);
    build.payload = (struct build_bytes)BYTES("\0\1boot.img\0octet\0");
    send(day, &build, false);
    uint16_t port = (uint16_t)(30000 + draw(day, 30000));
    for (unsigned i = 0; i < draw(day, 6); i++) {
        build = between(day, PROTOCOL_UDP, i % 2 == 0, port);
        build.payload = (struct build_bytes)BYTES("\0\3\0\1");
        send(day, &build, i % 2 == 0);
    }
}

static void say_sip(struct day *day, bool from_server, const char *first, const char *method, unsigned call, uint16_t media)
{
    char words[1000], body[300] = "";
    const char *host = from_server ? day->server : day->client;
    const char *family = strchr(host, ':') != NULL ? "IP6" : "IP4";
    if (media != 0)
        snprintf(body, sizeof body, "v=0\r\no=- 1 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio %u RTP/AVP 0\r\n", family, host,
                 family, host, media);
    snprintf(words, sizeof words, "%s\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK%u\r\nFrom: <sip:a@a>;tag=1\r\nTo: <sip:b@b>;tag=2\r\n"
                                  "Call-ID: %u\r\nCSeq: 1 %s\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
             first, call, call, method, strlen(body), body);
    struct build build = between(day, PROTOCOL_UDP, from_server, 5060);
    build.payload = (struct build_bytes){words, strlen(words)};
    send(day, &build, from_server);
}

static void call(struct day *day)
{
    unsigned number = draw(day, UINT32_MAX);
    uint16_t own = day->port, theirs = (uint16_t)(20000 + 2 * draw(day, 10000)), ours = (uint16_t)(40000 + 2 * draw(day, 10000));
    say_sip(day, false, "INVITE sip:b@b SIP/2.0", "INVITE", number, ours);
    if (draw(day, 5) == 0)
        return; /* nobody answers */
    say_sip(day, true, "SIP/2.0 200 OK", "INVITE", number, theirs);
    day->port = ours;
    for (unsigned i = 0; i < draw(day, 8); i++) {
        struct build build = between(day, PROTOCOL_UDP, i % 2, theirs);
        build.payload = (struct build_bytes)BYTES("sound");
        send(day, &build, i % 2);
    }
    day->port = own;
    if (draw(day, 3) > 0)
        say_sip(day, false, "BYE sip:b@b SIP/2.0", "BYE", number, 0);
}

/* One source opens more than it may: it lands in the set that is flushed. */
static void spam(struct day *day)
{
    struct talk talk;
    for (unsigned i = 0; i < 40; i++, day->port++)
        connect(day, &talk, 25);
}

static void flood(struct day *day)
{
    struct build build = {.dst = "198.51.100.1", .src = day->client, .protocol = draw(day, 2) ? PROTOCOL_TCP : PROTOCOL_UDP,
                          .flags = TCP_SYN, .window = 1000};
    build.dst_port = build.protocol == PROTOCOL_TCP ? 80 : 53;
    for (unsigned i = 0; i < FLOOD_PACKETS; i++) {
        snprintf(day->client, sizeof day->client, "10.%u.%u.%u", 2 + draw(day, 200), draw(day, 256), draw(day, 256));
        build.src_port = (uint16_t)draw(day, 65536);
        send(day, &build, false);
    }
}

static void (*const deeds[])(struct day *) = {browse, ask_names, ask_names, ask_names, ping, ping, fetch_files, fetch_boot_file, call};

/* ---- time ---- */

static void expire(struct day *day)
{
    while (!engine_expire(&day->engine, 0, 1, day->now_ms, EXPIRE_BUDGET))
        ;
    families_expire(table_families(day->engine.table), day->now_ms, EXPECTATIONS_MAX);
    opener_flush(day->engine.table, day->engine.ruleset, day->now_ms);
}

static void note_most(struct day *day)
{
    struct families *families = table_families(day->engine.table);
    uint32_t connections = table_use(day->engine.table).now, waiting = families_use(families).waiting;
    uint32_t blocks = blocks_used(families_blocks(families));
    day->most_connections = connections > day->most_connections ? connections : day->most_connections;
    day->most_waiting = waiting > day->most_waiting ? waiting : day->most_waiting;
    day->most_blocks = blocks > day->most_blocks ? blocks : day->most_blocks;
}

static void live_a_second(struct day *day, uint64_t second)
{
    uint64_t end_ms = day->now_ms + 1000;
    unsigned count = 1 + draw(day, 3);
    for (unsigned i = 0; i < count; i++) {
        choose_hosts(day);
        deeds[draw(day, sizeof deeds / sizeof deeds[0])](day);
    }
    note_most(day);
    if (second % FLOOD_EVERY_S == 17)
        flood(day);
    if (second % FLOOD_EVERY_S == 600)
        spam(day);
    if (second % RELOAD_EVERY_S == 0)
        use_rules(day, rules[draw(day, sizeof rules / sizeof rules[0])]);
    note_most(day);
    if (day->now_ms < end_ms)
        day->now_ms = end_ms;
    expire(day);
}

/* ---- what is left ---- */

static void expect(struct day *day, bool holds, const char *what, uint64_t got)
{
    if (!holds) {
        printf("left: %llu %s\n", (unsigned long long)got, what);
        day->faults++;
    }
}

static uint64_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static uint64_t resident_kb(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;
    if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

/* Everybody goes home. */
static void end_of_day(struct day *day, uint64_t heap_at_first)
{
    struct table *table = day->engine.table;
    struct families *families = table_families(table);
    use_rules(day, rules[0]);
    /* A parent waits anew when its last child has gone, which may have been a parent, too. */
    for (unsigned i = 0; i < 4; i++) {
        day->now_ms += ALL_OVER_MS;
        expire(day);
    }
    struct table_use use = table_use(table);
    struct families_use kin = families_use(families);
    expect(day, use.now == 0, "connections", use.now);
    for (unsigned i = 0; i < EVICTION_COUNT; i++)
        expect(day, use.in_class[i] == 0, "connections in a class", use.in_class[i]);
    expect(day, use.opened == use.expired + use.removed + use.evicted, "connections opened that did not end in any way",
           use.opened - use.expired - use.removed - use.evicted);
    expect(day, kin.families == 0, "families", kin.families);
    expect(day, kin.waiting == 0, "expectations", kin.waiting);
    expect(day, kin.children == 0, "children", kin.children);
    expect(day, blocks_used(families_blocks(families)) == 0, "blocks", blocks_used(families_blocks(families)));
    expect(day, tally_keys(table_tally(table)) <= RATES, "counts", tally_keys(table_tally(table)));
    uint64_t heap = heap_bytes();
    expect(day, heap <= heap_at_first + HEAP_SLACK_BYTES, "bytes more than after the first reloads", heap - heap_at_first);
    printf("opened %llu, expired %llu, removed %llu, evicted %llu; announced %llu, used %llu, children's packets %llu\n",
           (unsigned long long)use.opened, (unsigned long long)use.expired, (unsigned long long)use.removed,
           (unsigned long long)use.evicted, (unsigned long long)kin.announced, (unsigned long long)kin.used,
           (unsigned long long)day->children);
    expect(day, use.evicted > 0 && use.removed > 0 && use.expired > 0 && kin.used > 0 && day->most_blocks > 0,
           "kinds of ends at most that were seen: the day was too quiet", 4);
}

int main(int argc, char **argv)
{
    static struct day day;
    const struct table_config config = {.capacity = CAPACITY, .key = {1, 2}};
    unsigned hours = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    if (hours == 0) {
        fprintf(stderr, "usage: day HOURS [SEED]\n");
        return 2;
    }
    mallopt(M_MXFAST, 0);
    day.random = (argc > 2 ? strtoull(argv[2], NULL, 10) : 1) * UINT64_C(0x9e3779b97f4a7c15);
    day.now_ms = 1000000;
    day.engine.table = table_new(&config);
    printf("begun\n"); /* stdout has its buffer before the heap is looked at */
    /* What only the first rules of a kind need is no growth. */
    for (unsigned i = 0; i <= sizeof rules / sizeof rules[0]; i++)
        use_rules(&day, rules[i % (sizeof rules / sizeof rules[0])]);
    uint64_t heap = heap_bytes(), base_kb = 0, seconds = (uint64_t)hours * 3600;
    for (uint64_t second = 0; second < seconds; second++) {
        live_a_second(&day, second);
        if (second == seconds / 6)
            base_kb = resident_kb();
    }
    uint64_t end_kb = resident_kb();
    end_of_day(&day, heap);
    printf("%u hours: %llu packets, %llu allowed; at most %u connections, %u expected, %u blocks; %llu kB after a sixth, %llu kB at the "
           "end\n", hours, (unsigned long long)day.packets, (unsigned long long)day.allowed, day.most_connections, day.most_waiting,
           day.most_blocks, (unsigned long long)base_kb, (unsigned long long)end_kb);
    expect(&day, hours < WHOLE_HOURS || end_kb * 100 <= base_kb * (100 + TOLERANCE), "kB more than after a sixth of the time", end_kb - base_kb);
    ruleset_free((struct ruleset *)day.engine.ruleset);
    surroundings_free((struct surroundings *)day.engine.surroundings);
    free(day.engine.rule_counters);
    table_free(day.engine.table);
    return day.faults == 0 ? 0 : 1;
}
