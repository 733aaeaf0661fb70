/*
 * What is told of packets and connections: which event a verdict is, each as its exact line, rates, and the rings on the way.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/denied.h"
#include "daemon/eve.h"
#include "packet/packet.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void setup(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
}

/* ---- kinds ---- */

static const struct {
    const char *story;
    struct verdict verdict;
    enum event_kind kind;
} kinds[] = {
    {"a connection's first packet", {.action = ACTION_ALLOW, .reason = REASON_RULE, .state = STATE_NEW, .opens = true}, EVENT_FLOW},
    {"an announced one's", {.action = ACTION_ALLOW, .reason = REASON_RULE, .state = STATE_RELATED, .opens = true}, EVENT_FLOW},
    {"the default allows", {.action = ACTION_ALLOW, .reason = REASON_DEFAULT, .state = STATE_NEW, .opens = true}, EVENT_FLOW},
    {"an implicit rule's", {.action = ACTION_ALLOW, .reason = REASON_IMPLICIT, .state = STATE_NEW, .opens = true}, EVENT_NONE},
    {"a connection's next packet", {.action = ACTION_ALLOW, .reason = REASON_RULE, .state = STATE_ESTABLISHED}, EVENT_NONE},
    {"an ICMP error", {.action = ACTION_ALLOW, .reason = REASON_RULE, .state = STATE_RELATED}, EVENT_NONE},
    {"a message without an answer", {.action = ACTION_ALLOW, .reason = REASON_RULE, .state = STATE_NEW}, EVENT_ALERT},
    {"an invalid packet that a rule lets pass", {.action = ACTION_ALLOW, .reason = REASON_RULE, .state = STATE_INVALID}, EVENT_ALERT},
    {"denied by a rule", {.action = ACTION_DENY, .reason = REASON_RULE, .state = STATE_NEW}, EVENT_DROP},
    {"rejected", {.action = ACTION_REJECT, .reason = REASON_RULE, .state = STATE_NEW}, EVENT_DROP},
    {"denied by default", {.action = ACTION_DENY, .reason = REASON_DEFAULT, .state = STATE_NEW}, EVENT_DROP},
    {"out of the window", {.action = ACTION_DENY, .reason = REASON_TCP_WINDOW, .state = STATE_INVALID}, EVENT_DROP},
    {"no room", {.action = ACTION_DENY, .reason = REASON_TABLE_FULL, .state = STATE_NEW}, EVENT_DROP},
    {"cut off", {.action = ACTION_DENY, .reason = REASON_TRUNCATED}, EVENT_ANOMALY},
    {"a wrong header", {.action = ACTION_DENY, .reason = REASON_BAD_HEADER}, EVENT_ANOMALY},
    {"a wrong checksum", {.action = ACTION_DENY, .reason = REASON_BAD_CHECKSUM}, EVENT_ANOMALY},
    {"a fragment", {.action = ACTION_DENY, .reason = REASON_BAD_FRAGMENT}, EVENT_ANOMALY},
    {"flags of nobody", {.action = ACTION_DENY, .reason = REASON_TCP_FLAGS, .state = STATE_INVALID}, EVENT_ANOMALY},
    {"an ALG's refusal", {.action = ACTION_DENY, .reason = REASON_ALG, .state = STATE_ESTABLISHED}, EVENT_ANOMALY},
};

START_TEST(a_verdict_is_an_event_of_this_kind)
{
    ck_assert_msg(event_kind_of(&kinds[_i].verdict) == kinds[_i].kind, "%s", kinds[_i].story);
}
END_TEST

/* ---- lines ---- */

static const struct rule rules[] = {
    {.file = "office.rules", .line = 31, .name = "no \"smtp\"", .identity = 7, .action = ACTION_DENY},
    {.file = "office.rules", .line = 40, .identity = 8, .action = ACTION_ALLOW},
    {.file = "office.rules", .line = 9, .name = "look", .identity = 9, .action = ACTION_AUDIT},
    {.file = "\xff.rules", .line = 1, .identity = 10, .action = ACTION_DENY},
};
static const struct rule_place places[] = {{7, 0}, {8, 1}, {9, 2}, {10, 3}};
static const struct ruleset ruleset = {.rule_count = 4, .rules = rules, .places = places};

/* 2026-11-28 17:00:00 UTC */
static struct eve eve = {.ruleset = &ruleset, .epoch = 1795885200.0};

static struct address address(const char *text)
{
    struct address address;
    ck_assert(address_from_text(text, &address));
    return address;
}

static struct event event_of(struct verdict verdict, uint8_t protocol)
{
    return (struct event){.now_ms = 5250, .verdict = verdict, .src = address("192.0.2.1"), .dst = address("198.51.100.2"),
                          .src_port = 1234, .dst_port = 25, .family = 4, .protocol = protocol, .tcp_flags = TCP_SYN, .length = 60};
}

static void is_line(json_t *event, const char *wanted)
{
    char line[EVE_LINE_BYTES + 1];
    size_t length = eve_line(event, line);
    line[length] = '\0';
    ck_assert_str_eq(line, wanted);
}

START_TEST(a_drop_is_this_line)
{
    struct event event = event_of((struct verdict){.action = ACTION_DENY, .state = STATE_NEW, .reason = REASON_RULE}, PROTOCOL_TCP);
    event.identity = 7;
    is_line(eve_verdict(&eve, &event),
            "{\"timestamp\":\"2026-11-28T17:00:05.250000+0000\",\"event_type\":\"drop\",\"src_ip\":\"192.0.2.1\",\"src_port\":1234,"
            "\"dest_ip\":\"198.51.100.2\",\"dest_port\":25,\"proto\":\"TCP\",\"drop\":{\"len\":60,\"fin\":false,\"syn\":true,"
            "\"rst\":false,\"psh\":false,\"ack\":false,\"urg\":false,\"ece\":false,\"cwr\":false,\"reason\":\"rule\"},"
            "\"spid\":{\"action\":\"deny\",\"state\":\"new\",\"reason\":\"rule\",\"rule\":\"office.rules:31\","
            "\"name\":\"no \\\"smtp\\\"\"}}\n");
}
END_TEST

START_TEST(an_ipv6_drop_of_a_connection_is_this_line)
{
    struct event event = event_of((struct verdict){.action = ACTION_REJECT, .state = STATE_ESTABLISHED, .reason = REASON_DEFAULT,
                                                   .connection = 17, .parent = 3}, PROTOCOL_ICMP6);
    event.src = address("2001:db8::1");
    event.dst = address("fd00::5");
    event.icmp_type = 128;
    event.icmp_code = 1;
    event.in_interface = 1; /* lo */
    is_line(eve_verdict(&eve, &event),
            "{\"timestamp\":\"2026-11-28T17:00:05.250000+0000\",\"event_type\":\"drop\",\"flow_id\":17,\"in_iface\":\"lo\","
            "\"src_ip\":\"2001:db8::1\",\"dest_ip\":\"fd00::5\",\"proto\":\"IPv6-ICMP\",\"icmp_type\":128,\"icmp_code\":1,"
            "\"drop\":{\"len\":60,\"reason\":\"default\"},\"spid\":{\"action\":\"reject\",\"state\":\"established\","
            "\"reason\":\"default\",\"rule\":null,\"name\":null,\"parent\":3}}\n");
}
END_TEST

START_TEST(an_anomaly_is_this_line)
{
    struct event event = event_of((struct verdict){.action = ACTION_DENY, .reason = REASON_TRUNCATED}, 0);
    event.family = 0;
    is_line(eve_verdict(&eve, &event),
            "{\"timestamp\":\"2026-11-28T17:00:05.250000+0000\",\"event_type\":\"anomaly\",\"anomaly\":{\"type\":\"decode\","
            "\"event\":\"truncated\"},\"spid\":{\"action\":\"deny\",\"state\":\"none\",\"reason\":\"truncated\",\"rule\":null,"
            "\"name\":null}}\n");
    event = event_of((struct verdict){.action = ACTION_DENY, .state = STATE_ESTABLISHED, .reason = REASON_ALG, .connection = 2,
                                      .detail = "PORT to another host"}, PROTOCOL_TCP);
    is_line(eve_verdict(&eve, &event),
            "{\"timestamp\":\"2026-11-28T17:00:05.250000+0000\",\"event_type\":\"anomaly\",\"flow_id\":2,\"src_ip\":\"192.0.2.1\","
            "\"src_port\":1234,\"dest_ip\":\"198.51.100.2\",\"dest_port\":25,\"proto\":\"TCP\",\"anomaly\":{\"type\":\"applayer\","
            "\"event\":\"PORT to another host\"},\"spid\":{\"action\":\"deny\",\"state\":\"established\",\"reason\":\"alg\","
            "\"detail\":\"PORT to another host\",\"rule\":null,\"name\":null}}\n");
}
END_TEST

START_TEST(an_audit_is_this_line)
{
    struct event event = event_of((struct verdict){.action = ACTION_DENY, .state = STATE_NEW, .reason = REASON_RULE}, 89);
    event.identity = 7;
    is_line(eve_audit(&eve, &event, 2),
            "{\"timestamp\":\"2026-11-28T17:00:05.250000+0000\",\"event_type\":\"alert\",\"src_ip\":\"192.0.2.1\","
            "\"dest_ip\":\"198.51.100.2\",\"proto\":\"089\",\"alert\":{\"action\":\"allowed\",\"gid\":1,\"signature_id\":9,\"rev\":1,"
            "\"signature\":\"look\",\"category\":\"audit\",\"severity\":3},\"spid\":{\"action\":\"deny\",\"state\":\"new\","
            "\"reason\":\"rule\",\"rule\":\"office.rules:9\",\"name\":\"look\"}}\n");
}
END_TEST

START_TEST(a_flow_begins_with_this_line)
{
    struct event event = event_of((struct verdict){.action = ACTION_ALLOW, .state = STATE_NEW, .reason = REASON_RULE, .opens = true,
                                                   .connection = 5}, PROTOCOL_UDP);
    event.identity = 8;
    is_line(eve_verdict(&eve, &event),
            "{\"timestamp\":\"2026-11-28T17:00:05.250000+0000\",\"event_type\":\"flow\",\"flow_id\":5,\"src_ip\":\"192.0.2.1\","
            "\"src_port\":1234,\"dest_ip\":\"198.51.100.2\",\"dest_port\":25,\"proto\":\"UDP\",\"flow\":{\"pkts_toserver\":1,"
            "\"pkts_toclient\":0,\"bytes_toserver\":60,\"bytes_toclient\":0,\"start\":\"2026-11-28T17:00:05.250000+0000\","
            "\"state\":\"new\"},\"spid\":{\"action\":\"allow\",\"state\":\"new\",\"reason\":\"rule\",\"rule\":\"office.rules:40\","
            "\"name\":null,\"event\":\"start\"}}\n");
}
END_TEST

static struct departure departure_of(uint8_t protocol, uint8_t state, uint8_t flags, enum ending ending)
{
    return (struct departure){
        .connection = {.tuple = {.low = address("192.0.2.1"), .high = address("198.51.100.2"), .low_port = 80, .high_port = 40000,
                                 .protocol = protocol},
                       .flags = flags, .state = state, .id = 6, .opener = 8, .created_s = 10, .seen_ms = 75500,
                       .packets = {12, 34}, .bytes = {1200, 56789}},
        .ending = (uint8_t)ending,
    };
}

START_TEST(a_flow_ends_with_this_line)
{
    struct departure departure =
        departure_of(PROTOCOL_TCP, TCP_TIME_WAIT, CONNECTION_OPENER_HIGH | CONNECTION_REPLIED, ENDING_CLOSED);
    departure.parent = 4;
    is_line(eve_end(&eve, &departure, 100000),
            "{\"timestamp\":\"2026-11-28T17:01:40.000000+0000\",\"event_type\":\"flow\",\"flow_id\":6,\"src_ip\":\"198.51.100.2\","
            "\"src_port\":40000,\"dest_ip\":\"192.0.2.1\",\"dest_port\":80,\"proto\":\"TCP\",\"flow\":{\"pkts_toserver\":12,"
            "\"pkts_toclient\":34,\"bytes_toserver\":1200,\"bytes_toclient\":56789,\"start\":\"2026-11-28T17:00:10.000000+0000\","
            "\"end\":\"2026-11-28T17:01:15.500000+0000\",\"age\":65,\"state\":\"closed\",\"reason\":\"closed\"},"
            "\"spid\":{\"action\":\"allow\",\"state\":\"time-wait\",\"reason\":\"closed\",\"rule\":\"office.rules:40\",\"name\":null,"
            "\"parent\":4,\"event\":\"end\"}}\n");
}
END_TEST

static const struct {
    const char *story;
    uint8_t protocol, state, flags;
    enum ending ending;
    const char *flow_state;
} flow_states[] = {
    {"nobody answered", PROTOCOL_UDP, 0, 0, ENDING_TIMEOUT, "new"},
    {"an answer came", PROTOCOL_UDP, 0, CONNECTION_REPLIED, ENDING_TIMEOUT, "established"},
    {"a handshake that never ended", PROTOCOL_TCP, TCP_SYN_RECEIVED, CONNECTION_REPLIED, ENDING_TIMEOUT, "new"},
    {"a connection that was cut", PROTOCOL_TCP, TCP_ESTABLISHED, CONNECTION_REPLIED, ENDING_KILLED, "established"},
    {"a RST", PROTOCOL_TCP, TCP_CLOSED, CONNECTION_REPLIED, ENDING_RESET, "closed"},
};

START_TEST(a_flow_has_ended_in_this_state)
{
    const struct departure departure =
        departure_of(flow_states[_i].protocol, flow_states[_i].state, flow_states[_i].flags, flow_states[_i].ending);
    json_t *line = eve_end(&eve, &departure, 100000);
    const char *state = json_string_value(json_object_get(json_object_get(line, "flow"), "state"));
    ck_assert_msg(strcmp(state, flow_states[_i].flow_state) == 0, "%s: %s", flow_states[_i].story, state);
    json_decref(line);
}
END_TEST

START_TEST(a_sum_of_what_was_left_out_is_this_line)
{
    is_line(eve_left_out(&eve, 0, 123, 5000),
            "{\"timestamp\":\"2026-11-28T17:00:05.000000+0000\",\"event_type\":\"stats\",\"stats\":{\"left_out\":123},"
            "\"spid\":{\"rule\":\"office.rules:31\",\"name\":\"no \\\"smtp\\\"\"}}\n");
    /* A file's name need not be UTF-8; JSON is. */
    is_line(eve_left_out(&eve, 3, 1, 5000),
            "{\"timestamp\":\"2026-11-28T17:00:05.000000+0000\",\"event_type\":\"stats\",\"stats\":{\"left_out\":1},"
            "\"spid\":{\"rule\":null,\"name\":null}}\n");
}
END_TEST

START_TEST(figures_are_this_line)
{
    const struct queue_view queues[] = {{.packets = 90, .queue_dropped = 2, .user_dropped = 3, .events_left_out = 7, .packets_left_out = 8}};
    const struct log_view logs[] = {{.written = 20, .lost = 1}, {.packets = true, .written = 5}};
    const struct status_view view = {
        .generation = 3, .uptime_ms = 61500, .now_ms = 61500, .table = {.now = 4, .opened = 9, .untold = 5},
        .counters = {.action = {[ACTION_ALLOW] = 70, [ACTION_DENY] = 25, [ACTION_REJECT] = 5}, .reason = {[REASON_DEFAULT] = 25}, .bytes = 12345},
        .fastpath = {.packets = 10}, .queues = queues, .queue_count = 1, .logs = logs, .log_count = 2,
    };
    is_line(eve_stats(&eve, &view),
            "{\"timestamp\":\"2026-11-28T17:01:01.500000+0000\",\"event_type\":\"stats\",\"stats\":{\"uptime\":61,\"capture\":{"
            "\"kernel_packets\":100,\"kernel_drops\":5},\"decoder\":{\"pkts\":100,\"bytes\":12345},\"flow\":{\"active\":4,\"total\":9},"
            "\"ips\":{\"accepted\":70,\"blocked\":25,\"rejected\":5}},\"spid\":{\"generation\":3,\"reasons\":{\"default\":25},"
            "\"events\":{\"written\":25,\"lost\":1,\"left_out\":12,\"packets_left_out\":8}}}\n");
}
END_TEST

START_TEST(a_line_that_is_too_long_is_none)
{
    char line[EVE_LINE_BYTES], words[EVE_LINE_BYTES];
    memset(words, 'x', sizeof words);
    /* {"a":"..."} and the newline: nine characters. */
    words[EVE_LINE_BYTES - 9] = '\0';
    ck_assert_uint_eq(eve_line(json_pack("{s:s}", "a", words), line), EVE_LINE_BYTES);
    ck_assert_int_eq(line[EVE_LINE_BYTES - 2], '}');
    ck_assert_int_eq(line[EVE_LINE_BYTES - 1], '\n');
    words[EVE_LINE_BYTES - 9] = 'x';
    words[EVE_LINE_BYTES - 8] = '\0';
    ck_assert_uint_eq(eve_line(json_pack("{s:s}", "a", words), line), 0);
    ck_assert_uint_eq(eve_line(NULL, line), 0);
}
END_TEST

/* ---- rates and rings ---- */

struct drawing {
    struct log_meter *meter;
    pthread_barrier_t *begin;
    unsigned passed;
};

static void *draw(void *argument)
{
    struct drawing *drawing = argument;
    pthread_barrier_wait(drawing->begin);
    for (unsigned i = 0; i < 300000; i++)
        drawing->passed += log_meter_pass(drawing->meter, (struct rate){1000000, 1000}, 10000);
    return NULL;
}

START_TEST(a_rate_is_one_for_all_workers)
{
    static struct log_meter meter;
    struct drawing drawings[4];
    pthread_t threads[4];
    unsigned passed = 0;
    pthread_barrier_t begin;
    pthread_barrier_init(&begin, NULL, 4);
    for (unsigned i = 0; i < 4; i++) {
        drawings[i] = (struct drawing){&meter, &begin, 0};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, draw, &drawings[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        passed += drawings[i].passed;
    }
    pthread_barrier_destroy(&begin);
    ck_assert_uint_eq(passed, 1000000);
}
END_TEST

START_TEST(denied_packets_keep_their_first_bytes)
{
    static struct denials denials;
    static struct denied denied;
    static uint8_t bytes[DENIED_BYTES + 100];
    struct event event = {.now_ms = 1000, .length = 77};
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    denials_put(&denials, &event, bytes, 20);
    denials_put(&denials, &event, bytes, sizeof bytes);
    ck_assert(denials_take(&denials, &denied));
    ck_assert_uint_eq(denied.captured, 20);
    ck_assert_uint_eq(denied.event.length, 77);
    ck_assert(denials_take(&denials, &denied));
    ck_assert_uint_eq(denied.captured, DENIED_BYTES);
    ck_assert_mem_eq(denied.bytes, bytes, DENIED_BYTES);
    ck_assert(!denials_take(&denials, &denied));
}
END_TEST

START_TEST(more_denied_packets_than_there_is_room_for_are_counted)
{
    static struct denials denials;
    static struct denied denied;
    const uint8_t byte = 0x45;
    unsigned taken = 0;
    for (unsigned i = 0; i < 2500; i++) {
        const struct event event = {.now_ms = 1000 + i};
        denials_put(&denials, &event, &byte, 1);
    }
    while (denials_take(&denials, &denied))
        taken++;
    ck_assert_uint_eq(taken, DENIED_MAX);
    ck_assert_uint_eq(ring_left_out(&denials.ring), 2500 - DENIED_MAX);
    for (unsigned i = 0; i < 3 * DENIED_A_SECOND / 2; i++) {
        const struct event event = {.now_ms = 100000};
        denials_put(&denials, &event, &byte, 1);
        taken += denials_take(&denials, &denied);
    }
    ck_assert_uint_eq(taken, DENIED_MAX + DENIED_A_SECOND);
    ck_assert_uint_eq(ring_left_out(&denials.ring), 2500 - DENIED_MAX + DENIED_A_SECOND / 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("events");
    TCase *tests = tcase_create("events");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_loop_test(tests, a_verdict_is_an_event_of_this_kind, 0, COUNT(kinds));
    tcase_add_test(tests, a_drop_is_this_line);
    tcase_add_test(tests, an_ipv6_drop_of_a_connection_is_this_line);
    tcase_add_test(tests, an_anomaly_is_this_line);
    tcase_add_test(tests, an_audit_is_this_line);
    tcase_add_test(tests, a_flow_begins_with_this_line);
    tcase_add_test(tests, a_flow_ends_with_this_line);
    tcase_add_loop_test(tests, a_flow_has_ended_in_this_state, 0, COUNT(flow_states));
    tcase_add_test(tests, a_sum_of_what_was_left_out_is_this_line);
    tcase_add_test(tests, figures_are_this_line);
    tcase_add_test(tests, a_line_that_is_too_long_is_none);
    tcase_add_test(tests, a_rate_is_one_for_all_workers);
    tcase_add_test(tests, denied_packets_keep_their_first_bytes);
    tcase_add_test(tests, more_denied_packets_than_there_is_room_for_are_counted);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
