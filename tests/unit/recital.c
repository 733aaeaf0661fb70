#include "tests/unit/recital.h"

#include <stdlib.h>
#include <string.h>

/* The reader itself, with this file's ALG in place of the protocols. */
#define alg_of recital_alg_of
#include "src/alg/stream.c"

#include "alg/lines.h"

static struct recital *now; /* the recital that hears */

static uint32_t body_bytes(struct span line)
{
    uint32_t bytes = 0;
    return span_take(&line, '#') && span_number(&line, RECITAL_TEXT_MAX, &bytes) ? bytes : 0;
}

static size_t hear(struct hearing *hearing, const struct speech *speech)
{
    struct span line;
    size_t done = 0, length;
    while (hearing->skip == 0 && (length = lines_first(speech->bytes + done, speech->length - done, &line)) > 0) {
        if (now->heard_bytes + length <= sizeof now->heard)
            memcpy(now->heard + now->heard_bytes, speech->bytes + done, length);
        now->heard_bytes += length;
        now->heard_lines++;
        hearing->skip = body_bytes(line);
        done += length;
    }
    return done;
}

const struct alg *alg_of(uint8_t dialect)
{
    static const struct alg alg = {.name = "recital", .message_bytes_max = RECITAL_LINE_MAX, .hear = hear};
    (void)dialect;
    return &alg;
}

static bool nothing_to_do(void *context)
{
    (void)context;
    return true;
}

static bool segment(struct recital *recital, enum direction direction, const struct packet_tcp *tcp, const uint8_t *bytes,
                    size_t length)
{
    /* In memory of its own and exact size, so that a sanitizer sees the first byte read beyond. */
    uint8_t *copy = malloc(length > 0 ? length : 1), memory[FAMILY_MEMORY_BYTES] = {0};
    if (copy == NULL)
        abort();
    if (length > 0)
        memcpy(copy, bytes, length);
    const struct packet packet = {
        .protocol = PROTOCOL_TCP,
        .bytes = copy,
        .length = (uint32_t)length,
        .captured = (uint32_t)length,
        .payload_length = (uint32_t)length,
        .tcp = *tcp,
    };
    struct speech speech = {.direction = direction, .strict = recital->strict, .closed = recital->closed};
    struct hearing hearing = {.memory = memory};
    now = recital;
    bool passes = recital->family.deaf != DEAF_NOT ||
                  stream_hear(&recital->family, recital->blocks, &packet, &speech, &hearing, nothing_to_do, NULL);
    recital->refused = hearing.refused;
    free(copy);
    return passes;
}

/* What should be heard: the lines that end, without bodies. */
static void want(struct recital *recital, const uint8_t *text, size_t length)
{
    struct span line;
    size_t bytes;
    for (size_t done = 0; done < length && (bytes = lines_first(text + done, length - done, &line)) > 0;) {
        memcpy(recital->wanted + recital->wanted_bytes, text + done, bytes);
        recital->wanted_bytes += bytes;
        done += bytes + body_bytes(line);
    }
}

void recital_begin(struct recital *recital, const uint8_t *text, size_t length)
{
    memset(recital, 0, sizeof *recital);
    recital->blocks = blocks_new();
    if (recital->blocks == NULL)
        abort();
    want(recital, text, length);
    segment(recital, ORIGINAL, &(struct packet_tcp){.seq = RECITAL_START - 1, .flags = TCP_SYN}, NULL, 0);
}

void recital_end(struct recital *recital)
{
    blocks_free(recital->blocks);
}

bool recital_say(struct recital *recital, uint32_t offset, const uint8_t *bytes, size_t length)
{
    return segment(recital, ORIGINAL, &(struct packet_tcp){.seq = RECITAL_START + offset, .flags = TCP_ACK}, bytes, length);
}

bool recital_acknowledge(struct recital *recital, uint32_t offset)
{
    return segment(recital, REPLY, &(struct packet_tcp){.ack = RECITAL_START + offset, .flags = TCP_ACK}, NULL, 0);
}

uint32_t recital_offset(const struct recital *recital)
{
    return recital->family.streams[ORIGINAL].next - RECITAL_START;
}

bool recital_true(const struct recital *recital, bool read)
{
    return recital->heard_bytes <= recital->wanted_bytes && (!read || recital->heard_bytes == recital->wanted_bytes) &&
           memcmp(recital->heard, recital->wanted, recital->heard_bytes) == 0;
}
