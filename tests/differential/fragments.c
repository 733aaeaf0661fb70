/*
 * Fragments through the kernel's reassembly and through the one that captures are read with: both must make the same
 * datagrams of them, and none of the same ones.
 *
 *   fragments FIRST COUNT      COUNT datagrams from the seed FIRST on, cut up in all the ways that attackers have thought of
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/reassemble.h"
#include "tests/differential/kernel.h"

#define SKIP 77
#define PIECES_MAX 40
#define UNITS_MAX 60          /* of 8 bytes, in a datagram */
#define WHOLE_MAX 8           /* datagrams that come of one case, at most */
#define PROTOCOL_OF_NOBODY 99

struct piece {
    uint32_t offset, end; /* in bytes */
    bool more;
    uint8_t fill;
};

/* What came out: each datagram's data. */
struct outcome {
    unsigned count;
    size_t length[WHOLE_MAX];
    uint8_t data[WHOLE_MAX][UNITS_MAX * 8 * 3];
};

static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static void ignore_lost(void *context, uint64_t tag)
{
    (void)context;
    (void)tag;
}

static size_t make_v4(uint8_t *bytes, uint32_t id, const struct piece *piece)
{
    uint32_t total = 20 + piece->end - piece->offset;
    memset(bytes, 0, 20);
    bytes[0] = 0x45;
    bytes[2] = (uint8_t)(total >> 8);
    bytes[3] = (uint8_t)total;
    bytes[4] = (uint8_t)(id >> 8);
    bytes[5] = (uint8_t)id;
    bytes[6] = (uint8_t)((piece->more ? 0x20 : 0) | piece->offset >> 11);
    bytes[7] = (uint8_t)(piece->offset >> 3);
    bytes[8] = 64;
    bytes[9] = PROTOCOL_OF_NOBODY;
    memcpy(bytes + 12, "\x0a\x09\x00\x01\xc6\x33\x64\x05", 8);
    memset(bytes + 20, piece->fill, piece->end - piece->offset);
    return total;
}

static size_t make_v6(uint8_t *bytes, uint32_t id, const struct piece *piece)
{
    uint32_t payload = 8 + piece->end - piece->offset;
    memset(bytes, 0, 48);
    bytes[0] = 0x60;
    bytes[4] = (uint8_t)(payload >> 8);
    bytes[5] = (uint8_t)payload;
    bytes[6] = 44;
    bytes[7] = 64;
    memcpy(bytes + 8, "\x20\x01\x0d\xb8\0\1\0\0\0\0\0\0\0\0\0\1\x20\x01\x0d\xb8\0\2\0\0\0\0\0\0\0\0\0\2", 32);
    bytes[40] = PROTOCOL_OF_NOBODY;
    bytes[42] = (uint8_t)(piece->offset >> 8);
    bytes[43] = (uint8_t)(piece->offset | piece->more);
    bytes[44] = (uint8_t)(id >> 24);
    bytes[45] = (uint8_t)(id >> 16);
    bytes[46] = (uint8_t)(id >> 8);
    bytes[47] = (uint8_t)id;
    memset(bytes + 48, piece->fill, piece->end - piece->offset);
    return 40 + payload;
}

/* A datagram cut up; then pieces are doubled, stretched, shifted, emptied, left out, and all of them shuffled. */
static unsigned make_pieces(struct piece *pieces)
{
    uint32_t units = 2 + draw(UNITS_MAX - 2), at = 0;
    unsigned count = 0, harm = draw(3) == 0 ? 0 : draw(4);
    while (at < units && count < PIECES_MAX / 2) {
        uint32_t width = 1 + draw(count == PIECES_MAX / 2 - 1 ? 1 : 8), end = at + width;
        bool last = end >= units || count == PIECES_MAX / 2 - 1;
        pieces[count] = (struct piece){at * 8, last ? end * 8 - draw(8) : end * 8, !last, (uint8_t)('a' + count)};
        count++;
        at = last ? units : end;
    }
    for (unsigned i = 0; i < harm && count < PIECES_MAX; i++) {
        struct piece piece = pieces[draw(count)];
        piece.fill = (uint8_t)('A' + i);
        switch (draw(8)) {
        case 0: /* again, with other bytes */
            break;
        case 1: /* it reaches into its neighbour */
            piece.end += 8;
            break;
        case 2:
            piece.offset = piece.offset >= 8 ? piece.offset - 8 : 0;
            break;
        case 3: /* a false end */
            piece.more = false;
            break;
        case 4: /* nothing in it */
            piece.end = piece.offset;
            break;
        case 5: /* not the whole of it */
            piece.end = piece.offset + 8;
            piece.more = true;
            break;
        case 6: /* its length is no multiple of 8 */
            piece.end = piece.offset + 4;
            piece.more = true;
            break;
        case 7: /* behind the end */
            piece.offset += units * 8;
            piece.end += units * 8;
            break;
        }
        pieces[count++] = piece;
    }
    if (draw(6) == 0) {
        count--;
        pieces[draw(count + 1)] = pieces[count];
    }
    for (unsigned i = count; draw(2) == 0 && i > 1; i--) {
        unsigned k = draw(i);
        struct piece piece = pieces[k];
        pieces[k] = pieces[i - 1];
        pieces[i - 1] = piece;
    }
    return count;
}

static void add(struct outcome *outcome, const uint8_t *bytes, size_t length)
{
    /* What comes out as a fragment still is none: the daemon denies it as bad-fragment. */
    if (bytes[0] >> 4 == 6 && bytes[6] == 44)
        return;
    size_t header = bytes[0] >> 4 == 6 ? 40 : (bytes[0] & 0x0fu) * 4u;
    if (outcome->count == WHOLE_MAX || length < header || length - header > sizeof outcome->data[0])
        return;
    outcome->length[outcome->count] = length - header;
    memcpy(outcome->data[outcome->count++], bytes + header, length - header);
}

static bool same(const struct outcome *a, const struct outcome *b)
{
    if (a->count != b->count)
        return false;
    for (unsigned i = 0; i < a->count; i++)
        if (a->length[i] != b->length[i] || memcmp(a->data[i], b->data[i], a->length[i]) != 0)
            return false;
    return true;
}

static void tell(uint64_t seed, bool v6, const struct piece *pieces, unsigned count, const struct outcome *ours,
                 const struct outcome *kernels)
{
    printf("seed %llu, %s: %u datagrams of ours, %u of the kernel's, of the pieces", (unsigned long long)seed,
           v6 ? "IPv6" : "IPv4", ours->count, kernels->count);
    for (unsigned i = 0; i < count; i++)
        printf(" %u-%u%s%c", pieces[i].offset, pieces[i].end, pieces[i].more ? "+" : "", pieces[i].fill);
    printf("\n");
}

static bool try_seed(struct reassembly *reassembly, uint64_t seed)
{
    static struct outcome ours, kernels;
    static uint8_t bytes[2000];
    struct piece pieces[PIECES_MAX];
    struct kernel_packet packet;
    struct datagram datagram;
    state = seed * 0x9e3779b97f4a7c15ULL + 1;
    draw(2);
    bool v6 = draw(2);
    unsigned count = make_pieces(pieces);
    ours.count = kernels.count = 0;
    for (unsigned i = 0; i < count; i++) {
        /* An atomic IPv6 fragment is judged as it is, with its header (RFC 6946): there is nothing to compare. */
        if (v6 && pieces[i].offset == 0 && !pieces[i].more)
            continue;
        size_t length = v6 ? make_v6(bytes, (uint32_t)seed, &pieces[i]) : make_v4(bytes, (uint32_t)seed, &pieces[i]);
        enum reassemble_result result = reassemble(reassembly, bytes, length, length, 1000, &datagram);
        if (result == REASSEMBLE_WHOLE)
            add(&ours, bytes, length);
        else if (result == REASSEMBLE_DONE)
            add(&ours, datagram.bytes, datagram.length);
        kernel_send(bytes, length);
    }
    while (kernel_take(&packet))
        add(&kernels, packet.bytes, packet.length);
    if (same(&ours, &kernels))
        return true;
    tell(seed, v6, pieces, count, &ours, &kernels);
    return false;
}

int main(int argc, char **argv)
{
    char error[400];
    unsigned long differ = 0;
    struct reassembly *reassembly = reassembly_new(ignore_lost, NULL);
    if (argc != 3 || reassembly == NULL) {
        fprintf(stderr, "usage: fragments FIRST COUNT\n");
        return 2;
    }
    if (!kernel_enter(error, sizeof error)) {
        printf("skipped: %s\n", error);
        return SKIP;
    }
    uint64_t first = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
    for (uint64_t seed = first; seed < first + count; seed++)
        differ += !try_seed(reassembly, seed);
    printf("%llu datagrams in pieces, %lu differ\n", (unsigned long long)count, differ);
    reassembly_free(reassembly);
    return differ == 0 && count > 0 ? 0 : 1;
}
