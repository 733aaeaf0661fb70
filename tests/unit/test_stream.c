/*
 * The stream reader: a text in segments that are lost, doubled, reordered, overlap and lie is heard as it was said, or the
 * listening ends.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/recital.h"

static struct recital recital;

#define BEGIN(text) recital_begin(&recital, (const uint8_t *)(text), strlen(text))
#define SAY(offset, text) recital_say(&recital, offset, (const uint8_t *)(text), strlen(text))

static void hears(const char *text)
{
    ck_assert_msg(recital.heard_bytes == strlen(text) && memcmp(recital.heard, text, recital.heard_bytes) == 0,
                  "heard %.*s", (int)recital.heard_bytes, (const char *)recital.heard);
}

static void teardown(void)
{
    recital_end(&recital);
}

START_TEST(lines_over_segments_and_segments_of_lines)
{
    BEGIN("one\ntwo\nthree\n");
    ck_assert(SAY(0, "o"));
    ck_assert(SAY(1, "ne"));
    hears("");
    ck_assert_uint_eq(blocks_used(recital.blocks), 1);
    ck_assert(SAY(3, "\ntwo\nthr"));
    hears("one\ntwo\n");
    ck_assert(SAY(11, "ee\n"));
    hears("one\ntwo\nthree\n");
    ck_assert_uint_eq(blocks_used(recital.blocks), 0);
}
END_TEST

START_TEST(what_was_seen_first_counts)
{
    BEGIN("aaa\nbbb\nccc\n");
    ck_assert(SAY(0, "aaa\nb"));
    /* The same numbers again with other bytes, and new ones behind. */
    ck_assert(SAY(0, "XXX\nXbb"));
    hears("aaa\n");
    /* Early bytes are held, and count against those that come later in order. */
    ck_assert(SAY(8, "ccc\n"));
    hears("aaa\n");
    ck_assert(SAY(7, "\nXXX\n"));
    hears("aaa\nbbb\nccc\n");
    ck_assert_int_eq(recital.family.deaf, DEAF_NOT);
    ck_assert_uint_eq(blocks_used(recital.blocks), 0);
}
END_TEST

START_TEST(what_was_held_first_counts)
{
    BEGIN("aaa\nbbb\nccc\nddd\n");
    ck_assert(SAY(8, "ccc\n"));
    ck_assert(SAY(4, "bbb\nXXX\nXXX\n"));
    ck_assert(SAY(10, "XX"));
    ck_assert(SAY(0, "aaa\n"));
    hears("aaa\nbbb\nccc\n");
    ck_assert(SAY(12, "ddd\n"));
    hears("aaa\nbbb\nccc\nddd\n");
}
END_TEST

START_TEST(four_segments_may_wait_and_no_more)
{
    BEGIN("0\n1\n2\n3\n4\n5\n");
    ck_assert(SAY(8, "4\n") && SAY(4, "2\n") && SAY(6, "3\n") && SAY(2, "1\n"));
    ck_assert(SAY(4, "2\n"));
    ck_assert_uint_eq(blocks_used(recital.blocks), STREAM_EARLY_MAX);
    hears("");
    ck_assert(SAY(0, "0\n"));
    hears("0\n1\n2\n3\n4\n");
    ck_assert_uint_eq(blocks_used(recital.blocks), 0);
    ck_assert(SAY(12, "x") && SAY(14, "x") && SAY(16, "x") && SAY(18, "x"));
    ck_assert_int_eq(recital.family.deaf, DEAF_NOT);
    ck_assert(SAY(20, "x"));
    ck_assert_int_eq(recital.family.deaf, DEAF_GAP);
    ck_assert_uint_eq(blocks_used(recital.blocks), 0);
    ck_assert(SAY(10, "5\n"));
    hears("0\n1\n2\n3\n4\n");
}
END_TEST

START_TEST(a_gap_that_is_acknowledged_ends_the_listening)
{
    BEGIN("one\ntwo\n");
    ck_assert(SAY(0, "one\n") && recital_acknowledge(&recital, 4));
    ck_assert_int_eq(recital.family.deaf, DEAF_NOT);
    ck_assert(recital_acknowledge(&recital, 5));
    ck_assert_int_eq(recital.family.deaf, DEAF_GAP);
}
END_TEST

START_TEST(a_message_that_is_too_long)
{
    char text[RECITAL_LINE_MAX + 2];
    memset(text, 'x', sizeof text);
    text[RECITAL_LINE_MAX] = '\0';
    for (unsigned strict = 0; strict < 2; strict++) {
        for (unsigned pieces = 1; pieces <= 3; pieces++) {
            BEGIN(text);
            recital.strict = strict;
            bool passes = true;
            for (unsigned i = 0; i < pieces; i++)
                passes &= recital_say(&recital, i * RECITAL_LINE_MAX / pieces, (const uint8_t *)text,
                                      RECITAL_LINE_MAX / pieces);
            ck_assert_int_eq(passes, !strict);
            ck_assert_int_eq(recital.family.deaf, strict ? DEAF_NOT : DEAF_TOO_LONG);
            ck_assert((recital.refused != NULL) == strict);
            /* What was refused has never happened: the sender may go on otherwise. */
            ck_assert_uint_eq(recital_offset(&recital), strict ? RECITAL_LINE_MAX * (pieces - 1) / pieces
                                                               : RECITAL_LINE_MAX);
            teardown();
        }
    }
    text[RECITAL_LINE_MAX - 1] = '\n';
    BEGIN(text);
    ck_assert(SAY(0, "xx") && recital_say(&recital, 2, (const uint8_t *)text + 2, RECITAL_LINE_MAX - 2));
    hears(text);
}
END_TEST

/* Takes all blocks; the last of them. */
static uint32_t take_all(void)
{
    uint32_t last = BLOCK_NONE, block;
    while ((block = blocks_take(recital.blocks)) != BLOCK_NONE)
        last = block;
    return last;
}

START_TEST(without_a_block_nobody_listens_or_it_comes_again)
{
    BEGIN("one\ntwo\n");
    take_all();
    ck_assert(SAY(0, "on"));
    ck_assert_int_eq(recital.family.deaf, DEAF_NO_ROOM);
    teardown();
    BEGIN("one\ntwo\n");
    recital.closed = true;
    uint32_t last = take_all();
    ck_assert(!SAY(0, "on") && !SAY(4, "two\n"));
    ck_assert_str_eq(recital.refused, deaf_error(DEAF_NO_ROOM));
    ck_assert_int_eq(recital.family.deaf, DEAF_NOT);
    /* What needs none is heard all the same, and one that is given back will do. */
    ck_assert(SAY(0, "one\n"));
    blocks_give(recital.blocks, last);
    ck_assert(SAY(4, "tw") && SAY(6, "o\n"));
    hears("one\ntwo\n");
    ck_assert_uint_eq(blocks_used(recital.blocks), BLOCKS_MAX - 1);
}
END_TEST

START_TEST(what_cannot_be_heard_is_refused)
{
    BEGIN("0\n1\n2\n3\n4\n5\n");
    recital.closed = true;
    ck_assert(SAY(2, "1\n") && SAY(4, "2\n") && SAY(6, "3\n") && SAY(8, "4\n"));
    ck_assert(!SAY(10, "5\n"));
    ck_assert_int_eq(recital.family.deaf, DEAF_NOT);
    ck_assert(SAY(0, "0\n") && SAY(10, "5\n"));
    hears("0\n1\n2\n3\n4\n5\n");
    /* Nothing that follows can be heard: what waited for it is given back. */
    ck_assert(SAY(14, "x"));
    ck_assert(!recital_acknowledge(&recital, 13));
    ck_assert_int_eq(recital.family.deaf, DEAF_GAP);
    ck_assert_uint_eq(blocks_used(recital.blocks), 0);
}
END_TEST

START_TEST(bodies_are_stepped_over)
{
    BEGIN("#5\na\nb\nconly\n#70\n");
    ck_assert(SAY(0, "#") && SAY(1, "5\na\n") && SAY(5, "b\nco"));
    hears("#5\n");
    ck_assert(SAY(9, "nly\n#0\nx\n"));
    hears("#5\nonly\n#0\nx\n");
}
END_TEST

/* ---- at random ---- */

#define RUNS 3000u
#define TEXT_BYTES 1200u

static uint32_t dice;

static uint32_t roll(uint32_t sides)
{
    dice = dice * 1664525u + 1013904223u;
    return (dice >> 8) % sides;
}

static size_t make_text(uint8_t *text)
{
    size_t length = 0;
    while (length < TEXT_BYTES) {
        char line[RECITAL_LINE_MAX];
        uint32_t body = roll(4) == 0 ? roll(200) : 0;
        int bytes = body > 0 ? snprintf(line, sizeof line, "#%u\n", body)
                             : snprintf(line, sizeof line, "%.*s%zu\n", (int)roll(60), "----------------------------------------"
                                        "--------------------", length);
        memcpy(text + length, line, (size_t)bytes);
        length += (size_t)bytes;
        for (; body > 0; body--)
            text[length++] = "\n#9x"[roll(4)];
    }
    return length;
}

/* Some segment near where the reader is; bytes that were read are lies now and then. */
static void say_something(const uint8_t *text, size_t length)
{
    uint8_t bytes[400];
    uint32_t next = recital_offset(&recital), from = next + roll(160);
    from = from > 100 ? from - 100 : 0;
    if (roll(3) == 0 || from > length)
        from = next;
    size_t count = 1 + roll(roll(5) == 0 ? 390 : 60);
    if (from + count > length)
        count = length - from;
    memcpy(bytes, text + from, count);
    if (roll(2) == 0)
        for (uint32_t i = 0; i < count && from + i < next; i++)
            bytes[i] = '\n';
    ck_assert(recital_say(&recital, from, bytes, count));
}

START_TEST(a_text_at_random)
{
    static uint8_t text[RECITAL_TEXT_MAX];
    unsigned whole = 0, gaps = 0, waited = 0, lines = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        dice = run;
        size_t length = make_text(text);
        recital_begin(&recital, text, length);
        bool held = false;
        while (recital.family.deaf == DEAF_NOT && recital_offset(&recital) < length) {
            say_something(text, length);
            held |= recital.family.streams[ORIGINAL].early_count > 0;
            ck_assert_msg(recital_true(&recital, false), "run %u: other than it was said", run);
            if (roll(400) == 0)
                recital_acknowledge(&recital, recital_offset(&recital) + roll(2));
        }
        whole += recital.family.deaf == DEAF_NOT;
        gaps += recital.family.deaf == DEAF_GAP;
        waited += held && recital.family.deaf == DEAF_NOT;
        lines += recital.heard_lines;
        ck_assert_msg(recital_true(&recital, recital.family.deaf == DEAF_NOT), "run %u: not all of it", run);
        ck_assert_uint_eq(blocks_used(recital.blocks), 0);
        recital_end(&recital);
    }
    recital_begin(&recital, text, 0);
    /* The dice have come upon all of it. */
    ck_assert_uint_eq(whole + gaps, RUNS);
    ck_assert_uint_gt(whole, RUNS / 4);
    ck_assert_uint_gt(gaps, RUNS / 20);
    ck_assert_uint_gt(waited, RUNS / 10);
    ck_assert_uint_gt(lines, RUNS * 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream");
    TCase *tests = tcase_create("stream");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, lines_over_segments_and_segments_of_lines);
    tcase_add_test(tests, what_was_seen_first_counts);
    tcase_add_test(tests, what_was_held_first_counts);
    tcase_add_test(tests, four_segments_may_wait_and_no_more);
    tcase_add_test(tests, a_gap_that_is_acknowledged_ends_the_listening);
    tcase_add_test(tests, a_message_that_is_too_long);
    tcase_add_test(tests, without_a_block_nobody_listens_or_it_comes_again);
    tcase_add_test(tests, what_cannot_be_heard_is_refused);
    tcase_add_test(tests, bodies_are_stepped_over);
    tcase_add_test(tests, a_text_at_random);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
