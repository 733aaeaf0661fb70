#include "alg/stream.h"

#include <string.h>

/* One segment on its way into the ALG's ear: all that may change, as copies. */
struct ear {
    const struct alg *alg;
    struct blocks *blocks;
    struct speech *speech;
    struct hearing *hearing;
    struct stream stream;
    const uint8_t *hold;        /* this segment comes too early: its bytes, and where they begin */
    uint32_t hold_seq, hold_length;
    uint32_t kept_block, hold_block; /* taken for what must be kept, and for these */
    uint8_t kept[BLOCK_BYTES];  /* the message that has not ended */
};

static int32_t after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static bool is_over(const struct ear *ear)
{
    return ear->hearing->refused != NULL || ear->hearing->deaf != DEAF_NOT;
}

/* The ALG cannot go on with this segment: it is refused and may come again, or passes as the last that was listened to. */
static void give_up(const struct ear *ear, enum deaf why)
{
    if (ear->speech->closed)
        hearing_refuse(ear->hearing, deaf_error(why));
    else
        ear->hearing->deaf = why;
}

/* Nor with any that follows. */
static void give_up_for_good(const struct ear *ear, enum deaf why)
{
    give_up(ear, why);
    if (ear->speech->closed)
        ear->hearing->broken = why;
}

static void too_long(const struct ear *ear)
{
    if (ear->speech->strict)
        hearing_refuse(ear->hearing, "a message longer than any honest one");
    else
        give_up_for_good(ear, DEAF_TOO_LONG);
}

/* Tells the ALG LENGTH bytes; returns how many it has done with. */
static uint32_t tell(struct ear *ear, const uint8_t *bytes, uint32_t length)
{
    ear->speech->bytes = bytes;
    ear->speech->length = length;
    ear->hearing->skip = 0;
    size_t taken = ear->alg->hear(ear->hearing, ear->speech);
    if (taken > 0)
        ear->stream.skip = ear->hearing->skip;
    return taken < length ? (uint32_t)taken : length;
}

/* The beginning of a message is kept: puts LENGTH bytes behind it and tells both. Returns how many of the LENGTH are done with. */
static uint32_t tell_joined(struct ear *ear, const uint8_t *bytes, uint32_t length)
{
    struct stream *stream = &ear->stream;
    uint32_t before = stream->kept_bytes, more = smaller(length, ear->alg->message_bytes_max - before);
    memcpy(ear->kept + before, bytes, more);
    uint32_t taken = tell(ear, ear->kept, before + more);
    if (taken == 0) {
        stream->kept_bytes = before + more;
        if (stream->kept_bytes == ear->alg->message_bytes_max)
            too_long(ear);
        return more;
    }
    if (taken < before) {
        memmove(ear->kept, ear->kept + taken, before - taken);
        stream->kept_bytes = before - taken;
        return 0;
    }
    stream->kept_bytes = 0;
    return taken - before;
}

/* The next LENGTH bytes of the stream. */
static void feed(struct ear *ear, const uint8_t *bytes, uint32_t length)
{
    struct stream *stream = &ear->stream;
    stream->next += length;
    while (length > 0 && !is_over(ear)) {
        uint32_t taken;
        if (stream->skip > 0) {
            taken = smaller(stream->skip, length);
            stream->skip -= taken;
        } else if (stream->kept_bytes > 0) {
            taken = tell_joined(ear, bytes, length);
        } else if ((taken = tell(ear, bytes, length)) == 0) {
            if (length >= ear->alg->message_bytes_max) {
                too_long(ear);
                return;
            }
            memcpy(ear->kept, bytes, length);
            stream->kept_bytes = taken = length;
        }
        bytes += taken;
        length -= taken;
    }
}

/* Feeds what has waited for the byte that is next. */
static void feed_early(struct ear *ear)
{
    struct stream *stream = &ear->stream;
    for (unsigned i = 0; i < stream->early_count && !is_over(ear);) {
        struct early early = stream->early[i];
        if (after(early.seq, stream->next) > 0) {
            i++;
            continue;
        }
        stream->early[i] = stream->early[--stream->early_count];
        uint32_t seen = stream->next - early.seq;
        if (seen < early.length)
            feed(ear, blocks_at(ear->blocks, early.block) + seen, early.length - seen);
        i = 0;
    }
}

/* The first byte behind the next one that has come already. */
static uint32_t known_from(const struct stream *stream, uint32_t end)
{
    for (unsigned i = 0; i < stream->early_count; i++)
        if (after(stream->early[i].seq, end) < 0)
            end = stream->early[i].seq;
    return end;
}

/* The segment comes too early: what of it nobody has seen is to be held. */
static void hold(struct ear *ear, uint32_t seq, const uint8_t *bytes, uint32_t length)
{
    const struct stream *stream = &ear->stream;
    uint32_t begin = seq, end = seq + length;
    for (unsigned i = 0; i < stream->early_count; i++) {
        const struct early *early = &stream->early[i];
        uint32_t early_end = early->seq + early->length;
        if (after(early->seq, begin) <= 0 && after(early_end, begin) > 0)
            begin = early_end;
        else if (after(early->seq, begin) > 0 && after(early->seq, end) < 0)
            end = early->seq;
    }
    if (after(end, begin) <= 0)
        return;
    if (stream->early_count == STREAM_EARLY_MAX || end - begin > BLOCK_BYTES) {
        if (ear->speech->closed)
            hearing_refuse(ear->hearing, "more segments before their time than are kept");
        else
            ear->hearing->deaf = DEAF_GAP;
        return;
    }
    ear->hold = bytes + (begin - seq);
    ear->hold_seq = begin;
    ear->hold_length = end - begin;
}

/* The segment's bytes, as far as they are new. */
static void take(struct ear *ear, uint32_t seq, const uint8_t *bytes, uint32_t length)
{
    struct stream *stream = &ear->stream;
    if (after(seq, stream->next) > 0) {
        hold(ear, seq, bytes, length);
        return;
    }
    uint32_t end = seq + length;
    while (after(end, stream->next) > 0 && !is_over(ear)) {
        uint32_t until = known_from(stream, end);
        feed(ear, bytes + (stream->next - seq), until - stream->next);
        feed_early(ear);
    }
}

/* Has the speaker acknowledged bytes of the other side that never came by? Then nobody will send them again. */
static bool acknowledges_unseen(const struct stream *other, const struct packet_tcp *tcp)
{
    return other->begun && tcp->flags & TCP_ACK && after(tcp->ack, other->next + other->ended) > 0;
}

static void hear_segment(struct ear *ear, const struct packet *packet, const struct stream *other)
{
    const struct packet_tcp *tcp = &packet->tcp;
    struct stream *stream = &ear->stream;
    uint32_t length = packet->payload_length, seq = tcp->seq + (tcp->flags & TCP_SYN ? 1 : 0);
    if (!stream->begun) {
        stream->begun = true;
        stream->next = seq;
    }
    if (acknowledges_unseen(other, tcp))
        give_up_for_good(ear, DEAF_GAP);
    else if (length > packet->captured - packet->payload)
        give_up(ear, DEAF_CUT);
    else if (length > 0)
        take(ear, seq, packet->bytes + packet->payload, length);
    if (tcp->flags & TCP_FIN && stream->next == seq + length)
        stream->ended = true;
}

/* Takes a block where one is wanted and there is none. */
static bool take_block(struct blocks *blocks, bool wanted, uint32_t *block)
{
    *block = wanted ? blocks_take(blocks) : BLOCK_NONE;
    return !wanted || *block != BLOCK_NONE;
}

/* Takes the blocks for what must be kept beyond this segment. False: there are not as many. */
static bool take_blocks(struct ear *ear)
{
    bool kept = take_block(ear->blocks, ear->stream.kept_bytes > 0 && ear->stream.kept == BLOCK_NONE, &ear->kept_block);
    return take_block(ear->blocks, ear->hold != NULL, &ear->hold_block) && kept;
}

static void give_blocks(const struct ear *ear)
{
    blocks_give(ear->blocks, ear->kept_block);
    blocks_give(ear->blocks, ear->hold_block);
}

/* Puts what must be kept into blocks. */
static void keep(struct ear *ear)
{
    struct stream *stream = &ear->stream;
    if (stream->kept_bytes == 0) {
        blocks_give(ear->blocks, stream->kept);
        stream->kept = BLOCK_NONE;
    } else {
        if (stream->kept == BLOCK_NONE)
            stream->kept = ear->kept_block;
        memcpy(blocks_at(ear->blocks, stream->kept), ear->kept, stream->kept_bytes);
    }
    if (ear->hold == NULL)
        return;
    memcpy(blocks_at(ear->blocks, ear->hold_block), ear->hold, ear->hold_length);
    stream->early[stream->early_count++] = (struct early){ear->hold_seq, ear->hold_length, ear->hold_block};
}

/* Gives back the blocks of early segments that are told now. */
static void give_told(const struct ear *ear, const struct stream *old)
{
    for (unsigned i = 0; i < old->early_count; i++) {
        bool waits = false;
        for (unsigned k = 0; k < ear->stream.early_count; k++)
            waits |= ear->stream.early[k].block == old->early[i].block;
        if (!waits)
            blocks_give(ear->blocks, old->early[i].block);
    }
}

/* Nobody listens any more. */
static void close_ears(struct family *family, struct blocks *blocks, enum deaf why)
{
    family->deaf = (uint8_t)why;
    for (unsigned direction = 0; direction < DIRECTION_COUNT; direction++)
        stream_clear(&family->streams[direction], blocks);
}

static void commit(struct family *family, struct ear *ear)
{
    struct stream *stream = &family->streams[ear->speech->direction];
    const struct hearing *hearing = ear->hearing;
    give_told(ear, stream);
    if (hearing->deaf == DEAF_NOT)
        keep(ear);
    else
        give_blocks(ear);
    *stream = ear->stream;
    memcpy(family->memory, hearing->memory, FAMILY_MEMORY_BYTES);
    family->idle_ms = hearing->idle_ms;
    if (hearing->deaf != DEAF_NOT)
        close_ears(family, ear->blocks, hearing->deaf);
}

/* The segment is refused: it has never happened, unless nothing that follows can be heard either. */
static void refuse(struct family *family, const struct ear *ear)
{
    give_blocks(ear);
    if (ear->hearing->broken != DEAF_NOT)
        close_ears(family, ear->blocks, ear->hearing->broken);
}

bool stream_hear(struct family *family, struct blocks *blocks, const struct packet *packet, struct speech *speech,
                 struct hearing *hearing, bool (*before)(void *context), void *context)
{
    struct ear ear;
    ear.alg = alg_of(family->alg);
    ear.blocks = blocks;
    ear.speech = speech;
    ear.hearing = hearing;
    ear.stream = family->streams[speech->direction];
    ear.hold = NULL;
    ear.kept_block = ear.hold_block = BLOCK_NONE;
    if (ear.stream.kept_bytes > 0)
        memcpy(ear.kept, blocks_at(blocks, ear.stream.kept), ear.stream.kept_bytes);
    if (!(packet->tcp.flags & TCP_RST))
        hear_segment(&ear, packet, &family->streams[direction_other(speech->direction)]);
    if (!is_over(&ear) && !take_blocks(&ear))
        give_up(&ear, DEAF_NO_ROOM);
    if (hearing->refused != NULL || !before(context)) {
        refuse(family, &ear);
        return false;
    }
    commit(family, &ear);
    return true;
}
