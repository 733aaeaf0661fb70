/* Which text a reader of the figures wants: from whole headers, and from every beginning and every hole of one. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "control/accept.h"

#define PROMETHEUS                                                                                                                       \
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3," \
    "*/*;q=0.2"

static const struct {
    const char *accept;
    enum metrics_format format;
} cases[] = {
    {NULL, METRICS_PROMETHEUS},
    {"", METRICS_PROMETHEUS},
    {"*/*", METRICS_PROMETHEUS},
    {"text/plain", METRICS_PROMETHEUS},
    {PROMETHEUS, METRICS_OPENMETRICS},
    {"application/openmetrics-text", METRICS_OPENMETRICS},
    {"application/OPENMETRICS-text ; version=\"1.0.0\"", METRICS_OPENMETRICS},
    {"application/openmetrics-text;version=0.0.1", METRICS_PROMETHEUS},
    {"application/openmetrics-text;version=1.0.0x", METRICS_PROMETHEUS},
    {"application/openmetrics-textual", METRICS_PROMETHEUS},
    {"text/plain;q=0.5,application/openmetrics-text;q=0.499", METRICS_PROMETHEUS},
    {"text/plain;q=0.5,application/openmetrics-text;q=0.5", METRICS_OPENMETRICS},
    {"application/openmetrics-text;q=0", METRICS_PROMETHEUS},
    {"application/openmetrics-text;q=0.000", METRICS_PROMETHEUS},
    {"application/openmetrics-text;Q=0.001", METRICS_OPENMETRICS},
    {"application/openmetrics-text;q=0.0001", METRICS_OPENMETRICS}, /* no weight: RFC 9110 has three digits at most */
    {"application/openmetrics-text;q=1.9,text/plain", METRICS_OPENMETRICS},
    {" \t application/openmetrics-text \t ; \t q=0.9 , text/plain;q=0.8", METRICS_OPENMETRICS},
    {",,;,;=;application/openmetrics-text,", METRICS_PROMETHEUS},
    {",,application/openmetrics-text,;", METRICS_OPENMETRICS},
};

START_TEST(what_is_asked_for)
{
    ck_assert_msg(accept_format(cases[_i].accept) == cases[_i].format, "%s", cases[_i].accept);
}
END_TEST

/* Each in memory of just its size, so that a sanitizer sees whoever reads on. */
START_TEST(no_byte_behind_the_end_is_read)
{
    static const char odd[] = ";,=\"q \t";
    for (size_t length = 0; length <= sizeof PROMETHEUS - 1; length++)
        for (size_t k = 0; k < sizeof odd; k++) {
            char *text = malloc(length + 1);
            ck_assert_ptr_nonnull(text);
            memcpy(text, PROMETHEUS, length);
            text[length] = '\0';
            if (length > 0)
                text[length / 2] = odd[k];
            accept_format(text);
            free(text);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("accept");
    TCase *tcase = tcase_create("accept");
    tcase_add_loop_test(tcase, what_is_asked_for, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tcase, no_byte_behind_the_end_is_read);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
