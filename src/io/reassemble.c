#include "io/reassemble.h"

#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "packet/checksum.h"
#include "packet/packet.h"

#define DATAGRAM_BYTES_MAX 65535u
#define HEADER_BYTES_MAX 512u /* of the IP header with its options, or the headers before the fragment header */
#define RUNS_MAX 8192u        /* pieces of 8 bytes in a datagram */

/* One piece, as its headers say. */
struct piece {
    struct key {
        uint8_t addresses[32];
        uint32_t id;
        uint8_t family, protocol; /* IPv6: 0, the first piece alone says which */
        uint8_t zero[2];
    } key;
    const uint8_t *header; /* what stands before the fragmented part */
    size_t header_length;
    size_t next_header_at; /* IPv6: where in the header the fragment header is announced */
    uint8_t next_header;   /* IPv6: what the fragment header announces */
    const uint8_t *bytes;
    uint32_t offset, end;
    bool more;
};

struct run {
    uint32_t first, end;
};

struct pending {
    uint64_t tag, deadline_ms;
    struct key key;
    bool has_first, has_last;
    uint32_t length;          /* of the fragmented part, as far as it is known */
    size_t header_length, next_header_at;
    uint8_t next_header;
    unsigned run_count;
    uint32_t held;             /* bytes that are there */
    struct run runs[RUNS_MAX]; /* what is there: sorted, without overlap */
    uint8_t header[HEADER_BYTES_MAX];
    uint8_t bytes[DATAGRAM_BYTES_MAX];
};

struct reassembly {
    reassemble_lost lost;
    void *context;
    uint64_t last_tag;
    struct pending *pending[REASSEMBLE_DATAGRAMS_MAX];
    uint8_t whole[HEADER_BYTES_MAX + DATAGRAM_BYTES_MAX];
};

struct reassembly *reassembly_new(reassemble_lost lost, void *context)
{
    struct reassembly *reassembly = calloc(1, sizeof *reassembly);
    if (reassembly != NULL) {
        reassembly->lost = lost;
        reassembly->context = context;
    }
    return reassembly;
}

static void drop(struct reassembly *reassembly, unsigned slot, bool lost)
{
    struct pending *pending = reassembly->pending[slot];
    if (lost)
        reassembly->lost(reassembly->context, pending->tag);
    free(pending);
    reassembly->pending[slot] = NULL;
}

void reassembly_free(struct reassembly *reassembly)
{
    if (reassembly == NULL)
        return;
    for (unsigned i = 0; i < REASSEMBLE_DATAGRAMS_MAX; i++)
        if (reassembly->pending[i] != NULL)
            drop(reassembly, i, true);
    free(reassembly);
}

void reassemble_expire(struct reassembly *reassembly, uint64_t now_ms)
{
    for (unsigned i = 0; i < REASSEMBLE_DATAGRAMS_MAX; i++)
        if (reassembly->pending[i] != NULL && now_ms >= reassembly->pending[i]->deadline_ms)
            drop(reassembly, i, true);
}

/* Reads an IPv4 fragment; false when it is none. BAD is set when it is one that cannot be used. */
static bool read_ipv4(struct piece *piece, const uint8_t *bytes, size_t captured, bool *bad)
{
    struct reader reader = reader_over(bytes, captured);
    size_t header_length = (size_t)(reader_u8(&reader) & 0xf) * 4;
    reader_u8(&reader);
    uint16_t total = reader_u16(&reader), id = reader_u16(&reader), fragment = reader_u16(&reader);
    reader_u8(&reader);
    uint8_t protocol = reader_u8(&reader);
    reader_u16(&reader);
    const uint8_t *addresses = reader_bytes(&reader, 8);
    if (reader.failed || (fragment & 0x3fff) == 0)
        return false;
    *bad = header_length < 20 || total < header_length || captured < total;
    if (*bad)
        return true;
    *piece = (struct piece){
        .key = {.id = id, .family = 4, .protocol = protocol},
        .header = bytes,
        .header_length = header_length,
        .bytes = bytes + header_length,
        .offset = (uint32_t)(fragment & 0x1fff) * 8,
        .more = fragment & 0x2000,
    };
    memcpy(piece->key.addresses, addresses, 8);
    piece->end = piece->offset + (uint32_t)(total - header_length);
    *bad = header_length + piece->end > DATAGRAM_BYTES_MAX;
    return true;
}

/* Steps over the extension headers before a fragment header; false when there is none. */
static bool find_fragment_header(struct reader *reader, const uint8_t *bytes, uint8_t next, size_t *next_header_at)
{
    *next_header_at = 6;
    for (unsigned i = 0; i < 8 && next != 44; i++) {
        if (next != 0 && next != 43 && next != 60)
            return false;
        *next_header_at = (size_t)(reader->at - bytes);
        next = reader_u8(reader);
        reader_bytes(reader, (size_t)reader_u8(reader) * 8 + 6);
        if (reader->failed)
            return false;
    }
    return next == 44;
}

static bool read_ipv6(struct piece *piece, const uint8_t *bytes, size_t captured, bool *bad)
{
    struct reader reader = reader_over(bytes, captured);
    reader_u32(&reader);
    size_t total = (size_t)reader_u16(&reader) + 40, next_header_at;
    uint8_t next = reader_u8(&reader);
    reader_u8(&reader);
    const uint8_t *addresses = reader_bytes(&reader, 32);
    if (reader.failed || !find_fragment_header(&reader, bytes, next, &next_header_at))
        return false;
    size_t header_length = (size_t)(reader.at - bytes);
    uint8_t next_header = reader_u8(&reader);
    reader_u8(&reader);
    uint16_t fragment = reader_u16(&reader);
    uint32_t id = reader_u32(&reader);
    /* An atomic fragment is a whole packet (RFC 6946). */
    if (reader.failed || (fragment & 0xfff9) == 0)
        return false;
    size_t data = header_length + 8;
    *bad = captured < total || total < data || header_length > HEADER_BYTES_MAX;
    if (*bad)
        return true;
    *piece = (struct piece){
        .key = {.id = id, .family = 6},
        .header = bytes,
        .header_length = header_length,
        .next_header_at = next_header_at,
        .next_header = next_header,
        .bytes = bytes + data,
        .offset = fragment & 0xfff8,
        .more = fragment & 1,
    };
    memcpy(piece->key.addresses, addresses, 32);
    piece->end = piece->offset + (uint32_t)(total - data);
    *bad = header_length - 40 + piece->end > DATAGRAM_BYTES_MAX;
    return true;
}

/* The datagram's slot, made if there is none yet; the oldest gives way. */
static unsigned slot_of(struct reassembly *reassembly, const struct key *key, uint64_t now_ms)
{
    unsigned oldest = 0, free_slot = REASSEMBLE_DATAGRAMS_MAX;
    for (unsigned i = 0; i < REASSEMBLE_DATAGRAMS_MAX; i++) {
        struct pending *pending = reassembly->pending[i];
        if (pending == NULL)
            free_slot = i;
        else if (memcmp(&pending->key, key, sizeof *key) == 0)
            return i;
        else if (reassembly->pending[oldest] == NULL || pending->tag < reassembly->pending[oldest]->tag)
            oldest = i;
    }
    if (free_slot == REASSEMBLE_DATAGRAMS_MAX) {
        drop(reassembly, oldest, true);
        free_slot = oldest;
    }
    struct pending *pending = calloc(1, sizeof *pending);
    if (pending == NULL)
        abort(); /* an offline tool without memory cannot go on */
    pending->tag = ++reassembly->last_tag;
    pending->key = *key;
    pending->deadline_ms = now_ms + (key->family == 4 ? REASSEMBLE_IPV4_MS : REASSEMBLE_IPV6_MS);
    reassembly->pending[free_slot] = pending;
    return free_slot;
}

/* What becomes of a piece: it is of use; it is passed over; it is refused; it is refused, and the datagram with it. */
enum insertion { INSERT_OK, INSERT_IGNORED, INSERT_REFUSED, INSERT_KILL };

/*
 * Is the end of the piece in accord with what is known of the datagram's length? IPv4 kills the datagram where it is not, IPv6
 * only passes the piece over (net/ipv4/ip_fragment.c, ip_frag_queue; net/ipv6/netfilter/nf_conntrack_reasm.c,
 * nf_ct_frag6_queue).
 */
static enum insertion hold_length(struct pending *pending, struct piece *piece)
{
    enum insertion misfit = pending->key.family == 4 ? INSERT_KILL : INSERT_REFUSED;
    if (!piece->more) {
        if (piece->end < pending->length || (pending->has_last && piece->end != pending->length))
            return misfit;
        pending->has_last = true;
        pending->length = piece->end;
    } else {
        /* RFC 8200, 4.5: all pieces but the last are whole units of 8. In IPv4 what does not fill one is cut off. */
        if (piece->end % 8 != 0 && pending->key.family == 6)
            return INSERT_KILL;
        piece->end &= ~7u;
        if (piece->end > pending->length) {
            if (pending->has_last)
                return misfit;
            pending->length = piece->end;
        }
    }
    return piece->end <= piece->offset ? misfit : INSERT_OK;
}

/*
 * Puts the piece among the runs. One that lies within a single run is a duplicate; any other overlap kills the datagram (RFC
 * 5722). As in the kernel (net/ipv4/inet_fragment.c) runs grow at the highest end only and are never joined, so what a
 * duplicate is depends on the order in which pieces came.
 */
static enum insertion put_run(struct pending *pending, const struct piece *piece)
{
    struct run *runs = pending->runs, *last = pending->run_count > 0 ? &runs[pending->run_count - 1] : NULL;
    unsigned at = 0;
    if (last != NULL && last->end == piece->offset) {
        last->end = piece->end;
        return INSERT_OK;
    }
    while (at < pending->run_count && runs[at].end <= piece->offset)
        at++;
    if (at < pending->run_count && piece->end > runs[at].first)
        return runs[at].first <= piece->offset && piece->end <= runs[at].end ? INSERT_IGNORED : INSERT_KILL;
    if (pending->run_count == RUNS_MAX)
        return INSERT_KILL;
    memmove(&runs[at + 1], &runs[at], (pending->run_count - at) * sizeof *runs);
    runs[at] = (struct run){piece->offset, piece->end};
    pending->run_count++;
    return INSERT_OK;
}

static enum insertion insert(struct pending *pending, struct piece *piece)
{
    enum insertion insertion = hold_length(pending, piece);
    if (insertion == INSERT_OK)
        insertion = put_run(pending, piece);
    if (insertion != INSERT_OK)
        return insertion;
    memcpy(pending->bytes + piece->offset, piece->bytes, piece->end - piece->offset);
    pending->held += piece->end - piece->offset;
    return INSERT_OK;
}

static bool is_whole(const struct pending *pending)
{
    return pending->has_first && pending->has_last && pending->held == pending->length;
}

/* Writes the whole packet: the first piece's headers without the fragmentation, and all bytes. */
static void assemble(struct reassembly *reassembly, const struct pending *pending, struct datagram *datagram)
{
    uint8_t *whole = reassembly->whole;
    size_t total = pending->header_length + pending->length;
    memcpy(whole, pending->header, pending->header_length);
    memcpy(whole + pending->header_length, pending->bytes, pending->length);
    if (pending->key.family == 4) {
        whole[2] = (uint8_t)(total >> 8);
        whole[3] = (uint8_t)total;
        memset(whole + 6, 0, 2);
        memset(whole + 10, 0, 2);
        uint16_t sum = checksum_fold(checksum_add(0, whole, pending->header_length));
        whole[10] = (uint8_t)(sum >> 8);
        whole[11] = (uint8_t)sum;
    } else {
        whole[4] = (uint8_t)((total - 40) >> 8);
        whole[5] = (uint8_t)(total - 40);
        whole[pending->next_header_at] = pending->next_header;
    }
    *datagram = (struct datagram){pending->tag, whole, (uint32_t)total};
}

enum reassemble_result reassemble(struct reassembly *reassembly, const uint8_t *bytes, size_t captured, size_t length,
                                  uint64_t now_ms, struct datagram *datagram)
{
    struct piece piece;
    bool bad = false;
    (void)length;
    reassemble_expire(reassembly, now_ms);
    uint8_t version = captured > 0 ? bytes[0] >> 4 : 0;
    bool fragment = version == 4   ? read_ipv4(&piece, bytes, captured, &bad)
                    : version == 6 ? read_ipv6(&piece, bytes, captured, &bad)
                                   : false;
    if (!fragment)
        return REASSEMBLE_WHOLE;
    if (bad)
        return REASSEMBLE_REFUSED;
    unsigned slot = slot_of(reassembly, &piece.key, now_ms);
    struct pending *pending = reassembly->pending[slot];
    datagram->tag = pending->tag;
    enum insertion insertion = insert(pending, &piece);
    if (insertion == INSERT_KILL)
        drop(reassembly, slot, true);
    if (insertion == INSERT_KILL || insertion == INSERT_REFUSED)
        return REASSEMBLE_REFUSED;
    if (insertion == INSERT_OK && piece.offset == 0) {
        pending->has_first = true;
        pending->header_length = piece.header_length;
        pending->next_header_at = piece.next_header_at;
        pending->next_header = piece.next_header;
        memcpy(pending->header, piece.header, piece.header_length);
    }
    /* The kernel looks whether all is there only when a piece was of use. */
    if (insertion == INSERT_IGNORED || !is_whole(pending))
        return REASSEMBLE_HELD;
    assemble(reassembly, pending, datagram);
    drop(reassembly, slot, false);
    return REASSEMBLE_DONE;
}
