/*
 * Packets in batches get the verdicts that they get one by one: random packets under random rules, new ones, again, and answers, in
 * any order within a batch.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "build.h"
#include "engine/engine.h"
#include "packet/packet.h"
#include "random_rules.h"

enum { RULESETS = 24, BATCHES = 60, PACKET_BYTES = 80 };

/* One engine of its own for each way of judging: what it remembers must not help the other. */
struct judge {
    struct engine engine;
    struct ruleset *ruleset;
    struct surroundings *surroundings;
};

struct sent {
    uint8_t bytes[PACKET_BYTES];
    uint16_t length;
    struct arrival arrival;
};

static void judge_init(struct judge *judge, const char *text, struct random random)
{
    const struct table_config config = {.capacity = 4096, .key = {1, 2}};
    judge->ruleset = random_rules_read(text);
    ck_assert_ptr_nonnull(judge->ruleset);
    judge->ruleset->generation = 1;
    judge->surroundings = random_surroundings(&random, judge->ruleset);
    judge->engine = (struct engine){.table = table_new(&config), .ruleset = judge->ruleset, .surroundings = judge->surroundings,
                                   .rule_counters = calloc(judge->ruleset->rule_count + 1, sizeof(struct rule_counter))};
    ck_assert(judge->engine.table != NULL && judge->engine.rule_counters != NULL);
    struct table_limits limits = engine_limits(judge->ruleset);
    table_limit(judge->engine.table, &limits);
}

static void judge_fini(struct judge *judge)
{
    table_free(judge->engine.table);
    free(judge->engine.rule_counters);
    surroundings_free(judge->surroundings);
    ruleset_free(judge->ruleset);
}

static const char *words(struct address address, char *bytes, size_t size)
{
    struct text text;
    text_init(&text, bytes, size);
    address_to_text(&text, address);
    return bytes;
}

/* A packet as QUERY has it; ANSWER: the way back. */
static void make(struct sent *sent, const struct query *query, bool answer, uint16_t port, uint64_t now_ms)
{
    static uint8_t bytes[BUILD_BYTES_MAX];
    char src[64], dst[64];
    bool tcp = query->protocol == PROTOCOL_TCP;
    struct build build = {.src = words(answer ? query->dst : query->src, src, sizeof src),
                          .dst = words(answer ? query->src : query->dst, dst, sizeof dst),
                          .protocol = query->protocol,
                          .src_port = answer ? query->service : port,
                          .dst_port = answer ? port : query->service,
                          .flags = tcp ? (answer ? TCP_SYN | TCP_ACK : TCP_SYN) : 0,
                          .seq = answer ? 5000 : 1000,
                          .ack = answer ? 1001 : 0,
                          .window = 65535};
    size_t length = build_packet(&build, bytes);
    ck_assert_uint_le(length, PACKET_BYTES);
    memcpy(sent->bytes, bytes, length);
    sent->length = (uint16_t)length;
    sent->arrival = (struct arrival){.now_ms = now_ms, .checksum = CHECKSUM_GOOD, .length = (uint32_t)length,
                                     .in_interface = answer ? query->dst_zone : query->src_zone,
                                     .out_interface = answer ? query->src_zone : query->dst_zone};
}

static void make_batch(struct random *random, const struct ruleset *ruleset, struct sent *sent, unsigned count, uint64_t now_ms)
{
    for (unsigned i = 0; i < count;) {
        struct query query = random_query_in(random, ruleset, random_below(random, (uint32_t)ruleset->rule_count));
        uint16_t port = (uint16_t)(30000 + random_below(random, 4));
        if ((query.protocol != PROTOCOL_TCP && query.protocol != PROTOCOL_UDP) || query.service == 0 ||
            address_is_v4(query.src) != address_is_v4(query.dst))
            continue;
        for (unsigned k = 0; k < 3 && i < count; k++, i++)
            make(&sent[i], &query, random_below(random, 3) == 0, port, now_ms);
    }
}

static void judge_both(struct judge *alone, struct judge *together, const struct sent *sent, unsigned count, unsigned *allowed)
{
    static struct engine_job jobs[ENGINE_BATCH_MAX];
    for (unsigned i = 0; i < count; i++)
        jobs[i] = (struct engine_job){.arrival = sent[i].arrival, .bytes = sent[i].bytes, .captured = sent[i].length};
    engine_batch(&together->engine, jobs, count);
    for (unsigned i = 0; i < count; i++) {
        struct packet packet;
        struct verdict verdict;
        engine_packet(&alone->engine, &sent[i].arrival, sent[i].bytes, sent[i].length, &packet, &verdict);
        ck_assert_msg(verdict.action == jobs[i].verdict.action && verdict.rule == jobs[i].verdict.rule &&
                          verdict.reason == jobs[i].verdict.reason && verdict.state == jobs[i].verdict.state &&
                          verdict.connection == jobs[i].verdict.connection,
                      "packet %u of %u: alone %s by %d, together %s by %d", i, count, reason_name(verdict.reason),
                      (int)verdict.rule, reason_name(jobs[i].verdict.reason), (int)jobs[i].verdict.rule);
        *allowed += verdict.action == ACTION_ALLOW;
    }
}

START_TEST(in_batches_as_one_by_one)
{
    static struct sent sent[ENGINE_BATCH_MAX];
    struct random random = {88172645463325252u};
    unsigned allowed = 0, packets = 0;
    for (unsigned i = 0; i < RULESETS; i++) {
        char *text = random_rules(&random, i % 2 ? RANDOM_OFFICE : RANDOM_WILD, i % 6 == 0 ? 10 : 150);
        struct judge alone, together;
        judge_init(&alone, text, random);
        judge_init(&together, text, random);
        for (unsigned batch = 0; batch < BATCHES; batch++) {
            unsigned count = 1 + random_below(&random, ENGINE_BATCH_MAX);
            make_batch(&random, alone.ruleset, sent, count, 1000 + batch * 10);
            judge_both(&alone, &together, sent, count, &allowed);
            packets += count;
        }
        judge_fini(&alone);
        judge_fini(&together);
        free(text);
    }
    ck_assert_uint_gt(allowed, packets / 10);
    ck_assert_uint_lt(allowed, packets - packets / 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch");
    TCase *cases = tcase_create("batch");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, in_batches_as_one_by_one);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
