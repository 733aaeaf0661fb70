/*
 * The base room: reader, text, arena and hash.
 */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/reader.h"
#include "base/siphash.h"
#include "base/text.h"

START_TEST(reader_reads_network_order)
{
    static const uint8_t bytes[] = {1, 2, 3, 0x84, 5, 6, 7, 0x88, 9, 10, 11, 12, 13, 14, 15, 16};
    struct reader reader = reader_over(bytes, sizeof bytes);
    ck_assert_uint_eq(reader_u8(&reader), 0x01);
    ck_assert_uint_eq(reader_u16(&reader), 0x0203);
    ck_assert_uint_eq(reader_u32(&reader), 0x84050607);
    ck_assert_uint_eq(reader_u64(&reader), 0x88090a0b0c0d0e0f);
    ck_assert_uint_eq(reader_left(&reader), 1);
    ck_assert_ptr_eq(reader_bytes(&reader, 1), bytes + 15);
    ck_assert_ptr_eq(reader_bytes(&reader, 0), bytes + 16);
    ck_assert(!reader.failed);
}
END_TEST

/* Each of these asks for one byte more than there is, in memory of its own. */
START_TEST(reader_never_reads_behind_the_end)
{
    for (size_t length = 0; length < 8; length++) {
        uint8_t *bytes = malloc(length + 1);
        memset(bytes, 0xff, length + 1);
        struct reader reader = reader_over(bytes, length);
        ck_assert_ptr_null(reader_bytes(&reader, length + 1));
        ck_assert(reader.failed);
        reader = reader_over(bytes, length);
        ck_assert_ptr_null(reader_bytes(&reader, SIZE_MAX));
        reader = reader_over(bytes, length < 2 ? length : 1);
        ck_assert_uint_eq(reader_u16(&reader), 0);
        reader = reader_over(bytes, length < 4 ? length : 3);
        ck_assert_uint_eq(reader_u32(&reader), 0);
        reader = reader_over(bytes, length);
        reader_u64(&reader);
        ck_assert(reader.failed);
        free(bytes);
    }
}
END_TEST

START_TEST(reader_stays_failed)
{
    static const uint8_t bytes[] = {1, 2, 3};
    struct reader reader = reader_over(bytes, sizeof bytes);
    reader_u32(&reader);
    ck_assert_uint_eq(reader_u8(&reader), 0);
    ck_assert_ptr_null(reader_bytes(&reader, 0));
    ck_assert_uint_eq(reader_left(&reader), 3);
}
END_TEST

START_TEST(text_appends)
{
    char data[32];
    struct text text;
    text_init(&text, data, sizeof data);
    ck_assert_str_eq(data, "");
    text_add(&text, "%d ", 17);
    ck_assert_str_eq(text_add(&text, "%s", "four"), "17 four");
    ck_assert_uint_eq(text.length, 7);
    ck_assert(!text.cut);
}
END_TEST

START_TEST(text_is_cut_not_overrun)
{
    char *data = malloc(8);
    struct text text;
    text_init(&text, data, 8);
    text_add(&text, "1234567");
    ck_assert(!text.cut);
    text_add(&text, "%s", "");
    ck_assert(!text.cut);
    text_add(&text, "8");
    ck_assert(text.cut);
    ck_assert_str_eq(data, "1234567");
    ck_assert_uint_eq(text.length, 7);
    text_init(&text, data, 8);
    text_add(&text, "123456789");
    ck_assert(text.cut);
    ck_assert_str_eq(data, "1234567");
    text_init(&text, data, 1);
    text_add(&text, "1");
    ck_assert(text.cut);
    ck_assert_str_eq(data, "");
    free(data);
}
END_TEST

START_TEST(arena_gives_zeroed_aligned_memory)
{
    struct arena *arena = arena_new();
    size_t taken = 0;
    for (size_t size = 1; size < 20000; size = size * 3 + 1) {
        unsigned char *memory = arena_take(arena, 2, size);
        ck_assert_uint_eq((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < 2 * size; i++)
            ck_assert_uint_eq(memory[i], 0);
        memset(memory, 0xff, 2 * size);
        taken += 2 * size;
    }
    ck_assert_uint_ge(arena_bytes(arena), taken);
    arena_free(arena);
    arena_free(NULL);
}
END_TEST

START_TEST(arena_takes_what_is_larger_than_a_block)
{
    struct arena *arena = arena_new();
    char *large = arena_take(arena, 5, 1u << 20);
    large[(5u << 20) - 1] = 1;
    char *copy = arena_text(arena, "spider", 4);
    ck_assert_str_eq(copy, "spid");
    ck_assert_str_eq(arena_text(arena, "", 0), "");
    arena_free(arena);
}
END_TEST

/* A product that overflows would give less memory than asked for. */
START_TEST(arena_aborts_on_overflow)
{
    struct arena *arena = arena_new();
    arena_take(arena, SIZE_MAX / 2, 3);
}
END_TEST

/*
 * Key 00 01 .. 0f, message 00 01 .. of whole words. Computed with an independent implementation that gives the paper's
 * vector for SipHash-2-4 and runs 1 and 3 rounds here.
 */
static const struct {
    size_t words;
    uint64_t hash;
} siphash_cases[] = {
    {0, 0xabac0158050fc4dcu}, {1, 0x369095118d299a8eu}, {2, 0xcc4fdd1a7d908b66u},
    {3, 0xf464aeb267349c8cu}, {5, 0xc1d2363299e41531u}, {32, 0x75b3e64e167de370u},
};

START_TEST(siphash_gives_known_values)
{
    const struct siphash_key key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
    uint64_t words[32];
    for (unsigned i = 0; i < 32; i++)
        words[i] = 0x0706050403020100u + 0x0808080808080808u * i;
    ck_assert_uint_eq(siphash_words(&key, words, siphash_cases[_i].words), siphash_cases[_i].hash);
}
END_TEST

START_TEST(siphash_depends_on_its_key)
{
    const uint64_t words[5] = {0};
    const struct siphash_key none = {0, 0}, low = {1, 0}, high = {0, 1};
    ck_assert_uint_eq(siphash_words(&none, words, 5), 0x8a0d55ebcf29c4b2u);
    ck_assert_uint_ne(siphash_words(&none, words, 5), siphash_words(&low, words, 5));
    ck_assert_uint_ne(siphash_words(&none, words, 5), siphash_words(&high, words, 5));
}
END_TEST

int main(void)
{
    TCase *all = tcase_create("base");
    tcase_add_test(all, reader_reads_network_order);
    tcase_add_test(all, reader_never_reads_behind_the_end);
    tcase_add_test(all, reader_stays_failed);
    tcase_add_test(all, text_appends);
    tcase_add_test(all, text_is_cut_not_overrun);
    tcase_add_test(all, arena_gives_zeroed_aligned_memory);
    tcase_add_test(all, arena_takes_what_is_larger_than_a_block);
    tcase_add_test_raise_signal(all, arena_aborts_on_overflow, 6);
    tcase_add_loop_test(all, siphash_gives_known_values, 0, sizeof siphash_cases / sizeof siphash_cases[0]);
    tcase_add_test(all, siphash_depends_on_its_key);
    Suite *suite = suite_create("base");
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
