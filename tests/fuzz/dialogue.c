#include "tests/fuzz/dialogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "packet/packet.h"
#include "state/stream.h"

#define MUST(condition) ((condition) ? (void)0 : broken(#condition, __LINE__))

enum { CLIENT_SPEAKS = 0xfe, SERVER_SPEAKS = 0xfd };

static _Noreturn void broken(const char *condition, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, line, condition);
    abort();
}

/* One side: what it has said that was not read yet. */
struct mouth {
    size_t kept;
    uint32_t skip;
    uint8_t bytes[BLOCK_BYTES];
};

struct dialogue {
    const struct alg *alg;
    bool strict, media, over;
    struct address hosts[DIRECTION_COUNT];
    struct mouth mouths[DIRECTION_COUNT];
    _Alignas(8) uint8_t memory[FAMILY_MEMORY_BYTES];
};

static bool may_media(const void *context, struct address address)
{
    (void)context;
    (void)address;
    return true;
}

/* What is announced is of the two, at a port that may be. */
static void hold_order(const struct dialogue *dialogue, const struct family_order *order)
{
    const struct expected *expected = &order->expected;
    if (order->kind != ORDER_EXPECT)
        return;
    bool own = address_equal(expected->dst, dialogue->hosts[0]) || address_equal(expected->dst, dialogue->hosts[1]);
    bool known = address_equal(expected->src, dialogue->hosts[0]) || address_equal(expected->src, dialogue->hosts[1]);
    MUST(own || dialogue->media);
    MUST(known || dialogue->media || expected->anybody);
    MUST(expected->dst_port >= ANNOUNCED_PORT_MIN || expected->protocol == PROTOCOL_GRE);
    MUST(expected->wait_ms > 0);
}

/* Bytes in memory of their own and exact size, so that a sanitizer sees the first byte read beyond. */
static size_t hear(const struct dialogue *dialogue, enum direction direction, const uint8_t *bytes, size_t length,
                   struct hearing *hearing)
{
    uint8_t *copy = malloc(length > 0 ? length : 1);
    if (copy == NULL)
        exit(EXIT_FAILURE);
    if (length > 0)
        memcpy(copy, bytes, length);
    const struct speech speech = {
        .direction = direction,
        .speaker = dialogue->hosts[direction],
        .listener = dialogue->hosts[direction_other(direction)],
        .speaker_port = direction == ORIGINAL ? 40000 : 21,
        .listener_port = direction == ORIGINAL ? 21 : 40000,
        .bytes = copy,
        .length = length,
        .now_ms = 1000,
        .wait_ms = 60000,
        .strict = dialogue->strict,
        .may_media = dialogue->media ? may_media : NULL,
    };
    hearing->order_count = 0;
    hearing->refused = NULL;
    hearing->deaf = DEAF_NOT;
    hearing->skip = 0;
    size_t taken = dialogue->alg->hear(hearing, &speech);
    free(copy);
    MUST(hearing->order_count <= HEARING_ORDERS_MAX);
    for (unsigned i = 0; i < hearing->order_count; i++)
        hold_order(dialogue, &hearing->orders[i]);
    return taken;
}

/* What was not read must not matter: the same without it gives the same. */
static void hold_taken(const struct dialogue *dialogue, enum direction direction, const uint8_t *bytes, size_t taken,
                       const struct hearing *first)
{
    static struct hearing again;
    _Alignas(8) uint8_t memory[FAMILY_MEMORY_BYTES];
    memcpy(memory, dialogue->memory, sizeof memory);
    again.memory = memory;
    MUST(hear(dialogue, direction, bytes, taken, &again) == taken);
    MUST(memcmp(memory, first->memory, sizeof memory) == 0);
    MUST(again.order_count == first->order_count && again.refused == first->refused);
    MUST(again.deaf == first->deaf && again.skip == first->skip);
}

/* Tells what the side has said: over TCP together with what was kept, over UDP all of it is one datagram. */
static void tell(struct dialogue *dialogue, enum direction direction, bool datagram)
{
    static struct hearing hearing;
    _Alignas(8) uint8_t memory[FAMILY_MEMORY_BYTES];
    struct mouth *mouth = &dialogue->mouths[direction];
    memcpy(memory, dialogue->memory, sizeof memory);
    hearing.memory = memory;
    size_t taken = hear(dialogue, direction, mouth->bytes, mouth->kept, &hearing);
    MUST(taken <= mouth->kept);
    if (hearing.refused == NULL && !datagram)
        hold_taken(dialogue, direction, mouth->bytes, taken, &hearing);
    if (datagram || hearing.refused != NULL)
        taken = mouth->kept;
    if (hearing.refused == NULL)
        memcpy(dialogue->memory, memory, sizeof memory);
    if (taken > 0)
        mouth->skip = hearing.skip;
    memmove(mouth->bytes, mouth->bytes + taken, mouth->kept - taken);
    mouth->kept -= taken;
    dialogue->over = hearing.deaf != DEAF_NOT ||
                     (!datagram && mouth->kept >= dialogue->alg->message_bytes_max);
    /* One message at a time: there may be more. */
    if (taken > 0 && mouth->kept > 0 && mouth->skip == 0 && !dialogue->over)
        tell(dialogue, direction, datagram);
}

/* One of the two says LENGTH bytes. */
static void say(struct dialogue *dialogue, enum direction direction, const uint8_t *bytes, size_t length)
{
    struct mouth *mouth = &dialogue->mouths[direction];
    bool datagram = dialogue->alg->message_bytes_max == 0;
    while (length > 0 && !dialogue->over) {
        size_t skipped = mouth->skip < length ? mouth->skip : length;
        mouth->skip -= (uint32_t)skipped;
        bytes += skipped;
        length -= skipped;
        size_t most = (datagram ? sizeof mouth->bytes : dialogue->alg->message_bytes_max) - mouth->kept;
        size_t more = most < length ? most : length;
        if (more == 0)
            return;
        memcpy(mouth->bytes + mouth->kept, bytes, more);
        mouth->kept += more;
        bytes += more;
        length -= more;
        tell(dialogue, direction, datagram);
        /* A body that began among what was at hand. */
        size_t within = mouth->skip < mouth->kept ? mouth->skip : mouth->kept;
        memmove(mouth->bytes, mouth->bytes + within, mouth->kept - within);
        mouth->kept -= within;
        mouth->skip -= (uint32_t)within;
    }
}

void dialogue_hear(const struct alg *alg, const uint8_t *data, size_t size)
{
    static struct dialogue dialogue;
    struct reader reader = reader_over(data, size);
    uint8_t flags = reader_u8(&reader);
    memset(&dialogue, 0, sizeof dialogue);
    dialogue.alg = alg;
    dialogue.strict = flags & 0x01;
    dialogue.media = flags & 0x02;
    address_from_text(flags & 0x04 ? "2001:db8::1" : "192.0.2.1", &dialogue.hosts[ORIGINAL]);
    address_from_text(flags & 0x04 ? "2001:db8::2" : "192.0.2.2", &dialogue.hosts[REPLY]);
    enum direction direction = ORIGINAL;
    for (const uint8_t *at = reader.at; at < reader.end;) {
        const uint8_t *end = at;
        while (end < reader.end && *end != CLIENT_SPEAKS && *end != SERVER_SPEAKS)
            end++;
        say(&dialogue, direction, at, (size_t)(end - at));
        if (end < reader.end)
            direction = *end == CLIENT_SPEAKS ? ORIGINAL : REPLY;
        at = end + 1;
    }
}
