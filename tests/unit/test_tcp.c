/*
 * The TCP table: that every cell was written, and what the computed answers make of the sides. The source is included to
 * see the table itself; how it behaves in time is what the scenarios show.
 */
#include "../../src/state/tcp.c"

#include <check.h>

START_TEST(no_cell_of_the_table_was_forgotten)
{
    for (unsigned state = 0; state < TCP_STATE_COUNT; state++)
        for (unsigned direction = 0; direction < DIRECTION_COUNT; direction++)
            for (unsigned segment = 0; segment < SEGMENT_COUNT; segment++) {
                struct cell cell = cells[state][direction][segment];
                ck_assert_msg(cell.outcome != OUTCOME_FORGOTTEN, "%s, direction %u, segment %u", tcp_state_name(state),
                              direction, segment);
                ck_assert_msg((cell.outcome == OUTCOME_DENY) == (cell.reason != REASON_NONE), "%s: a reason for deny alone",
                              tcp_state_name(state));
            }
}
END_TEST

/* All 256 combinations of flags: valid are those of RFC 9293, with PSH, ECE and CWR in any of them. */
START_TEST(flags_that_no_sender_makes)
{
    unsigned valid = 0;
    for (unsigned flags = 0; flags < 256; flags++) {
        bool ok = tcp_flags_valid((uint8_t)flags);
        valid += ok;
        if (flags & TCP_SYN && flags & (TCP_FIN | TCP_RST))
            ck_assert_msg(!ok, "%02x", flags);
        if (!(flags & (TCP_SYN | TCP_RST | TCP_ACK)))
            ck_assert_msg(!ok, "%02x", flags);
        if (ok)
            ck_assert_int_ne(segment_of((uint8_t)flags), SEGMENT_NONE);
    }
    ck_assert_uint_eq(valid, 9 * 8);
}
END_TEST

static const struct {
    const char *story;
    struct tcp_peer original, reply;
    enum tcp_state state;
} closings[] = {
    {"one FIN", {.end = 101, .flags = TCP_PEER_FIN}, {.ack = 100}, TCP_FIN_WAIT},
    {"one FIN, acknowledged", {.end = 101, .flags = TCP_PEER_FIN}, {.ack = 101}, TCP_CLOSE_WAIT},
    {"the other's FIN, acknowledged", {.ack = 51}, {.end = 51, .flags = TCP_PEER_FIN}, TCP_CLOSE_WAIT},
    {"two FINs, none acknowledged", {.end = 101, .ack = 50, .flags = TCP_PEER_FIN}, {.end = 51, .ack = 100, .flags = TCP_PEER_FIN},
     TCP_LAST_ACK},
    {"two FINs, one acknowledged", {.end = 101, .ack = 50, .flags = TCP_PEER_FIN}, {.end = 51, .ack = 101, .flags = TCP_PEER_FIN},
     TCP_LAST_ACK},
    {"two FINs, both acknowledged", {.end = 101, .ack = 51, .flags = TCP_PEER_FIN}, {.end = 51, .ack = 101, .flags = TCP_PEER_FIN},
     TCP_TIME_WAIT},
    {"over the end of the numbers", {.end = 1, .flags = TCP_PEER_FIN}, {.ack = 0xffffffff}, TCP_FIN_WAIT},
};

START_TEST(where_a_closing_connection_stands)
{
    struct tcp_peer peers[DIRECTION_COUNT] = {closings[_i].original, closings[_i].reply};
    ck_assert_msg(closing_state(peers) == closings[_i].state, "%s", closings[_i].story);
}
END_TEST

/* A side that sent up to 10000, may send up to 20000; the other sent up to 5000 and offered 3000. */
static const struct {
    const char *story;
    uint32_t seq, length, ack;
    enum tcp_bound bound;
} segments[] = {
    {"in order", 10000, 100, 5000, TCP_BOUND_NONE},
    {"begins where the window ends", 20000, 1, 5000, TCP_BOUND_NONE},
    {"begins above it", 20001, 0, 5000, TCP_BOUND_SEQ_HIGH},
    {"ends where the receiver still can want it", 6900, 100, 5000, TCP_BOUND_NONE},
    {"ends below", 6899, 100, 5000, TCP_BOUND_SEQ_LOW},
    {"acknowledges all", 10000, 0, 5000, TCP_BOUND_NONE},
    {"acknowledges what was never sent", 10000, 0, 5001, TCP_BOUND_ACK_HIGH},
    {"an acknowledgement that is just not too old", 10000, 0, 5000u - TCP_ACK_WINDOW, TCP_BOUND_NONE},
    {"one older", 10000, 0, 5000u - TCP_ACK_WINDOW - 1, TCP_BOUND_ACK_LOW},
};

/* Every case at several places of the number space: where it begins says nothing. */
START_TEST(the_bounds_of_the_window)
{
    static const uint32_t bases[] = {0, 0x7ffffff0, 0x80000000, 0xfffffff0, 0xffffd8f0, 0xfffff000};
    for (unsigned i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        uint32_t base = bases[i];
        struct tcp_peer sender = {.end = base + 10000, .end_max = base + 20000, .window = 1000, .ack = base, .flags = TCP_PEER_ACKED};
        struct tcp_peer receiver = {.end = base + 5000, .end_max = base + 6000, .window = 3000, .flags = TCP_PEER_ACKED};
        struct tcp_peer sender_before = sender, receiver_before = receiver;
        struct packet packet = {
            .payload_length = segments[_i].length,
            .tcp = {.seq = base + segments[_i].seq, .ack = base + segments[_i].ack, .sack_end = base + segments[_i].ack,
                    .window = 1000, .flags = TCP_ACK, .scale = TCP_NO_SCALE},
        };
        enum tcp_bound bound = tcp_window_check(&sender, &receiver, &packet);
        ck_assert_msg(bound == segments[_i].bound, "%s, from %u: bound %d", segments[_i].story, base, bound);
        if (bound != TCP_BOUND_NONE) {
            ck_assert_mem_eq(&sender, &sender_before, sizeof sender);
            ck_assert_mem_eq(&receiver, &receiver_before, sizeof receiver);
        }
    }
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("tcp");
    TCase *tests = tcase_create("tcp");
    tcase_add_test(tests, no_cell_of_the_table_was_forgotten);
    tcase_add_test(tests, flags_that_no_sender_makes);
    tcase_add_loop_test(tests, where_a_closing_connection_stands, 0, COUNT(closings));
    tcase_add_loop_test(tests, the_bounds_of_the_window, 0, COUNT(segments));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
