/*
 * Any text in any segments through the stream reader: what is heard is the text, or the listening ends.
 *
 * The input is the length of the text (2 bytes), the text, and steps of 5 bytes: what happens, an offset and a length in the
 * text. What happens: bit 0 asks for an acknowledgement of the offset in place of a segment, bit 1 puts other bytes in place
 * of those that were read already; with bit 2 the offset counts from there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "tests/unit/recital.h"

#define MUST(condition) ((condition) ? (void)0 : broken(#condition, __LINE__))

#define STEP_BYTES 5u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Noreturn void broken(const char *condition, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, line, condition);
    abort();
}

static void step(struct recital *recital, struct reader *reader, const uint8_t *text, uint32_t length)
{
    static uint8_t bytes[RECITAL_TEXT_MAX];
    uint8_t what = reader_u8(reader);
    uint32_t from = reader_u16(reader), count = reader_u16(reader), next = recital_offset(recital);
    from = (from + (what & 4 ? next : 0)) % (length + 1);
    if (what & 1) {
        MUST(recital_acknowledge(recital, from));
        return;
    }
    count %= length - from + 1;
    memcpy(bytes, text + from, count);
    for (uint32_t i = 0; what & 2 && i < count && from + i < next; i++)
        bytes[i] ^= '\n';
    MUST(recital_say(recital, from, bytes, count));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct recital recital;
    struct reader reader = reader_over(data, size);
    uint32_t length = reader_u16(&reader);
    if (length > reader_left(&reader))
        length = (uint32_t)reader_left(&reader);
    const uint8_t *text = reader_bytes(&reader, length);
    if (reader.failed)
        return 0;
    recital_begin(&recital, text, length);
    while (reader_left(&reader) >= STEP_BYTES && recital.family.deaf == DEAF_NOT) {
        step(&recital, &reader, text, length);
        MUST(recital_true(&recital, false));
    }
    uint32_t next = recital_offset(&recital);
    if (recital.family.deaf == DEAF_NOT && next < length)
        MUST(recital_say(&recital, next, text + next, length - next));
    MUST(recital_true(&recital, recital.family.deaf == DEAF_NOT));
    MUST(recital.family.deaf == DEAF_NOT || blocks_used(recital.blocks) == 0);
    recital_end(&recital);
    return 0;
}
