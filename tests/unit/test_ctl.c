/* What spidctl shows at each width of a terminal: tables that fold, and the lines of the live view. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/columns.h"
#include "ctl/top_view.h"

static const struct column three[] = {{"name", false}, {"number", true}, {"what", false}};

/* The table of two lines at WIDTH; the caller's. */
static char *table_at(unsigned width)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    struct columns *table = columns_new(out, width, three, 3);
    ck_assert_ptr_nonnull(table);
    columns_cell(table, "short");
    columns_cell(table, "%d", 7);
    columns_cell(table, "a word");
    columns_cell(table, "much längér");
    columns_cell(table, "%d", 12345678);
    columns_cell(table, "%s", "");
    columns_end(table);
    fclose(out);
    return text;
}

START_TEST(columns_are_as_wide_as_their_words)
{
    char *text = table_at(0);
    ck_assert_str_eq(text, "name           number  what\n"
                           "short               7  a word\n"
                           "much längér  12345678\n");
    free(text);
}
END_TEST

START_TEST(what_does_not_fit_stands_below)
{
    char *text = table_at(28);
    ck_assert_str_eq(text, "name           number\n    what\n"
                           "short               7\n    a word\n"
                           "much längér  12345678\n");
    free(text);
    text = table_at(29);
    ck_assert_ptr_null(strstr(text, "\n    "));
    free(text);
    text = table_at(20);
    ck_assert_str_eq(text, "name\n      number  what\n"
                           "short\n           7  a word\n"
                           "much längér\n    12345678\n");
    free(text);
}
END_TEST

START_TEST(a_long_table_is_printed_in_parts)
{
    char *text = NULL;
    size_t length, lines = 0;
    FILE *out = open_memstream(&text, &length);
    struct columns *table = columns_new(out, 0, three, 3);
    for (int i = 0; i < 1700; i++) {
        columns_cell(table, "n");
        columns_cell(table, "%d", i);
        columns_cell(table, "w");
    }
    columns_end(table);
    fclose(out);
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    ck_assert_uint_eq(lines, 1701);
    ck_assert_ptr_nonnull(strstr(text, "n       1699  w\n"));
    free(text);
}
END_TEST

START_TEST(cutting)
{
    static const struct {
        const char *text;
        unsigned places;
        const char *cut;
    } cases[] = {
        {"abc", 3, "abc"}, {"abcd", 3, "ab~"}, {"äöü", 3, "äöü"}, {"äöüx", 3, "äö~"}, {"ab", 0, ""},
        {"", 5, ""},       {"a\x1b[2J\x7f", 9, "a?[2J?"},         {"abcd", 1, "~"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[40];
        snprintf(text, sizeof text, "%s", cases[i].text);
        top_view_cut(text, cases[i].places);
        ck_assert_str_eq(text, cases[i].cut);
    }
}
END_TEST

static json_t *read_json(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    ck_assert_msg(json != NULL, "%s", error.text);
    return json;
}

static json_t *answer(double uptime, int allow, int lost, int fast)
{
    return json_pack("{s:{s:f, s:{s:i, s:i, s:i}, s:{s:i, s:i}, s:[{s:i, s:i, s:i, s:i}, {s:n, s:i}], s:{s:b, s:i}}}", "status",
                     "uptime", uptime, "verdicts", "allow", allow, "deny", allow / 10, "reject", 0, "table", "connections", 250, "limit",
                     1000, "queues", "waiting", 3, "kernel_queue_dropped", lost, "kernel_user_dropped", 0, "lost", 1, "waiting", "lost", 1,
                     "fastpath", "on", 1, "packets", fast);
}

START_TEST(the_head_says_what_is_a_second)
{
    static char lines[8][TOP_LINE_BYTES];
    json_t *before = answer(100, 1000, 4, 500), *now = answer(102, 4000, 24, 1850);
    ck_assert_uint_eq(top_view_head(NULL, before, 200, lines, 8), 1);
    ck_assert_str_eq(lines[0], "up 1m40   allow -/s   deny -/s   reject -/s   fast path 0 %   table 250 of 1000 (25 %)   waiting 3   "
                               "lost 6 (+-/s)");
    ck_assert_uint_eq(top_view_head(before, now, 200, lines, 8), 1);
    ck_assert_str_eq(lines[0], "up 1m42   allow 1.5k/s   deny 150/s   reject 0/s   fast path 41 %   table 250 of 1000 (25 %)   waiting 3   "
                               "lost 26 (+10/s)");
    /* Counters that begin anew, as after a restart. */
    ck_assert_uint_eq(top_view_head(now, before, 200, lines, 8), 1);
    ck_assert_ptr_nonnull(strstr(lines[0], "allow -/s"));
    /* No line is longer than the terminal, and nothing is torn. */
    for (unsigned width = 20; width < 130; width++) {
        unsigned count = top_view_head(before, now, width, lines, 8);
        ck_assert_uint_le(count, 8);
        for (unsigned i = 0; i < count; i++)
            ck_assert_uint_le(columns_places(lines[i]), width);
    }
    ck_assert_uint_eq(top_view_head(before, now, 40, lines, 2), 2);
    json_decref(before);
    json_decref(now);
}
END_TEST

#define WEB                                                                                                                  \
    "{\"proto\":6,\"src\":\"192.168.10.20\",\"sport\":45668,\"dst\":\"203.0.113.5\",\"dport\":80,\"packets\":[60,40],"     \
    "\"bytes\":[6000000,4000],\"age\":3725,\"rule\":\"/etc/spid/spid.rules:36\",\"rate\":52345}"
#define PING                                                                                                            \
    "{\"proto\":58,\"src\":\"fd00:10::20\",\"sport\":0,\"dst\":\"2001:db8:1::5\",\"dport\":0,\"packets\":[1,1],"      \
    "\"bytes\":[64,64],\"age\":5,\"rule\":null,\"rate\":0}"

START_TEST(the_columns_that_fit)
{
    char titles[TOP_LINE_BYTES], row[TOP_LINE_BYTES];
    json_t *web = read_json(WEB), *ping = read_json(PING);
    top_view_titles(titles, 100, SORT_RATE);
    ck_assert_str_eq(titles, "   RATE   bytes packets    age rule           connection");
    top_view_row(row, 100, SORT_RATE, web);
    ck_assert_str_eq(row, "    52k    6.0M     100   1h02 spid.rules:36  tcp 192.168.10.20:45668 > 203.0.113.5:80");
    top_view_row(row, 100, SORT_RATE, ping);
    ck_assert_str_eq(row, "      0     128       2     5s default        icmp6 fd00:10::20 > 2001:db8:1::5");
    /* What is sorted by is always there. */
    top_view_titles(titles, 40, SORT_RULE);
    ck_assert_str_eq(titles, "RULE           connection");
    top_view_row(row, 40, SORT_RULE, web);
    ck_assert_str_eq(row, "spid.rules:36  tcp 192.168.10.20:45668 ~");
    for (unsigned sort = 0; sort < SORT_COUNT; sort++)
        for (unsigned width = 20; width < 260; width++) {
            top_view_titles(titles, width, sort);
            top_view_row(row, width, sort, web);
            ck_assert_uint_le(columns_places(titles), width);
            ck_assert_uint_le(columns_places(row), width);
            /* They stand below their titles. */
            if (width >= 40)
                ck_assert_ptr_eq(strstr(row, "tcp ") - (strstr(titles, "connection") - titles), row);
        }
    json_decref(web);
    json_decref(ping);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl");
    TCase *tcase = tcase_create("ctl");
    tcase_add_test(tcase, columns_are_as_wide_as_their_words);
    tcase_add_test(tcase, what_does_not_fit_stands_below);
    tcase_add_test(tcase, a_long_table_is_printed_in_parts);
    tcase_add_test(tcase, cutting);
    tcase_add_test(tcase, the_head_says_what_is_a_second);
    tcase_add_test(tcase, the_columns_that_fit);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
