/*
 * Aligned PER: the encodings of X.691 and of H.225.0's real messages, and any bytes.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "alg/h225_types.h"
#include "alg/per.h"

#define PER_OF(...) per_over((struct span){(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})

/* Bits, then what needs whole bytes is aligned (10.5.7.1 to 10.5.7.4). */
START_TEST(numbers_take_as_many_bits_as_their_bounds_say)
{
    struct per per = PER_OF(0xb0, 0x7f, 0xff, 0x12, 0x34, 0x80, 0x01, 0x00, 0x01, 0x40);
    ck_assert_uint_eq(per_bits(&per, 1), 1);
    ck_assert_uint_eq(per_integer(&per, 5, 5), 5); /* no bit */
    ck_assert_uint_eq(per_integer(&per, 1, 4), 2);
    ck_assert_uint_eq(per_bits(&per, 1), 1);
    ck_assert_uint_eq(per_integer(&per, 0, 255), 0x7f);    /* one byte */
    ck_assert_uint_eq(per_integer(&per, 1, 256), 0x100);
    ck_assert_uint_eq(per_integer(&per, 0, 65535), 0x1234); /* two */
    ck_assert_uint_eq(per_integer(&per, 0, UINT32_MAX), 0x010001); /* its length in two bits: three */
    ck_assert_uint_eq(per_integer(&per, 0, 254), 0x40);     /* eight bits, wherever they stand */
    ck_assert(!per.failed);
    ck_assert_uint_eq(per_bits(&per, 1), 0);
    ck_assert(per.failed && per.beyond);
}
END_TEST

START_TEST(a_number_out_of_its_bounds_fails)
{
    struct per per = PER_OF(0xe0, 0xff);
    ck_assert_uint_eq(per_integer(&per, 0, 6), 0);
    ck_assert(per.failed && !per.beyond);
    ck_assert_uint_eq(per_bits(&per, 1), 0);
    ck_assert(!per.beyond);
}
END_TEST

START_TEST(lengths_are_short_long_or_fragments)
{
    struct per per = PER_OF(0x80, 0x7f, 0x81, 0x02, 0xc1, 0x00);
    per_bits(&per, 1);
    ck_assert_uint_eq(per_length(&per), 0x7f);
    ck_assert_uint_eq(per_length(&per), 0x102);
    ck_assert(!per.failed);
    per_length(&per);
    ck_assert(per.failed && !per.beyond);
}
END_TEST

START_TEST(strings_stand_behind_their_lengths)
{
    struct per per = PER_OF(0xff, 'a', 'b', 'c', 'd', 0x02, 'e', 'f', 0x10, 'g', 'h', 'i', 0x03, 'j');
    per_bits(&per, 1);
    ck_assert_int_eq(memcmp(per_octets(&per, 4, 4).at, "abcd", 4), 0);
    struct span span = per_octets(&per, 0, UINT32_MAX);
    ck_assert_uint_eq(span.length, 2);
    ck_assert_int_eq(memcmp(span.at, "ef", 2), 0);
    span = per_octets(&per, 1, 20); /* its length in five bits: three */
    ck_assert_uint_eq(span.length, 3);
    ck_assert_int_eq(memcmp(span.at, "ghi", 3), 0);
    ck_assert(!per.failed);
    ck_assert_ptr_null(per_octets(&per, 0, UINT32_MAX).at);
    ck_assert(per.beyond);
}
END_TEST

START_TEST(additions_are_stepped_over_or_read)
{
    /* Extended, the second of two OPTIONAL fields; three additions, of which the second and the third are here. */
    struct per per = PER_OF(0xa0, 0x98, 0x02, 0xaa, 0xbb, 0x01, 0xcc, 0xdd);
    struct per_head head = per_head(&per, true, 2);
    ck_assert(head.extended && !per_has(&head, 0) && per_has(&head, 1));
    struct per additions[2];
    struct per copy = per;
    per_additions(&per, &head, additions, 2);
    ck_assert(!per.failed);
    ck_assert_uint_eq(per_bits(&additions[1], 16), 0xaabb);
    ck_assert_ptr_null(additions[0].bytes);
    ck_assert_uint_eq(per_bits(&per, 8), 0xdd);
    per_additions(&copy, &head, NULL, 0);
    ck_assert_uint_eq(per_bits(&copy, 8), 0xdd);
}
END_TEST

START_TEST(a_choice_is_a_root_or_an_addition)
{
    struct per per = PER_OF(0x30, 0x85, 0x01, 0xee, 0xc0);
    ck_assert_uint_eq(per_choice(&per, true, 7), 3);
    per_bits(&per, 4);
    ck_assert_uint_eq(per_choice(&per, true, 7), 7 + 5);
    struct per inner = per_open(&per);
    ck_assert_uint_eq(per_bits(&inner, 8), 0xee);
    ck_assert(!inner.failed);
    ck_assert_uint_eq(per_bits(&inner, 1), 0);
    ck_assert(inner.failed && !per.failed);
    per_choice(&per, true, 7); /* the 64th addition, or a later one */
    ck_assert(per.failed && !per.beyond);
    per_join(&per, &inner);
    ck_assert(per.beyond);
}
END_TEST

/* A VendorIdentifier as in a real SETUP, behind three bits: t35 181, 0, 21324; productId of 20 bytes, versionId of 3. */
START_TEST(types_are_stepped_over)
{
    static const char product[] = "Intel Internet Phone";
    uint8_t bytes[64] = {0x2c, 0xb5, 0x00, 0x53, 0x4c, 0x13};
    size_t length = 6;
    memcpy(bytes + length, product, 20);
    length += 20;
    memcpy(bytes + length, "\x02" "1.0\x99", 5);
    length += 5;
    struct per per = per_over((struct span){bytes, length});
    per_bits(&per, 3);
    per_skip(&per, &h225_vendor);
    ck_assert(!per.failed);
    ck_assert_uint_eq(per_bits(&per, 8), 0x99);
}
END_TEST

static const struct per_type one = PER_TYPE_BITS(1);
static const struct per_type list = PER_TYPE_LIST(one);
static const struct per_type nothing = PER_TYPE_BITS(0);
static const struct per_type empty_list = PER_TYPE_LIST(nothing);
static struct per_type endless; /* a choice between itself and nothing */

START_TEST(lists_and_depth_have_bounds)
{
    uint8_t bytes[64] = {0x81, 0x00};
    struct per per = per_over((struct span){bytes, sizeof bytes});
    per_skip(&per, &list); /* 256 */
    ck_assert(!per.failed);
    bytes[1] = 1;
    per = per_over((struct span){bytes, sizeof bytes});
    per_skip(&per, &empty_list);
    ck_assert(per.failed && !per.beyond);

    const struct per_field fields[] = {{&nothing, false}, {&endless, false}};
    endless = (struct per_type){.kind = PER_CHOICE, .count = 2, .fields = fields};
    memset(bytes, 0, sizeof bytes);
    bytes[0] = 0xff, bytes[1] = 0xc0; /* ten times itself */
    per = per_over((struct span){bytes, sizeof bytes});
    per_skip(&per, &endless);
    ck_assert(!per.failed);
    bytes[1] = 0xe0;
    per = per_over((struct span){bytes, sizeof bytes});
    per_skip(&per, &endless);
    ck_assert(per.failed && !per.beyond);
}
END_TEST

/* Any bytes, in memory of their own, end; nothing is read beyond them. */
START_TEST(any_bytes_are_read)
{
    static const struct per_type *const types[] = {&h225_aliases, &h225_endpoint, &h225_non_standard, &h225_vendor,
                                                   &h225_call_services};
    uint64_t random = 88172645463325252u;
    for (unsigned turn = 0; turn < 20000; turn++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        size_t length = random % 40;
        uint8_t *bytes = malloc(length + (length == 0));
        for (size_t i = 0; i < length; i++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            bytes[i] = (uint8_t)(random >> 20);
        }
        struct per per = per_over((struct span){bytes, length});
        struct place places[2];
        per_skip(&per, types[turn % 5]);
        ck_assert_uint_le(h225_places(&per, places, 2), 2);
        ck_assert_uint_le(per.at, per.bits);
        ck_assert(per.failed || !per.beyond);
        free(bytes);
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("per");
    tcase_add_test(cases, numbers_take_as_many_bits_as_their_bounds_say);
    tcase_add_test(cases, a_number_out_of_its_bounds_fails);
    tcase_add_test(cases, lengths_are_short_long_or_fragments);
    tcase_add_test(cases, strings_stand_behind_their_lengths);
    tcase_add_test(cases, additions_are_stepped_over_or_read);
    tcase_add_test(cases, a_choice_is_a_root_or_an_addition);
    tcase_add_test(cases, types_are_stepped_over);
    tcase_add_test(cases, lists_and_depth_have_bounds);
    tcase_add_test(cases, any_bytes_are_read);
    Suite *suite = suite_create("per");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
