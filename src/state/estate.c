#include "state/estate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mapping.h"
#include "state/layout.h"

#define MAGIC UINT64_C(0x5345544154534449)
#define SEALED UINT64_C(0x53656C6564212121)

/* It stands alone in front of the regions. */
#define HEADER_BYTES MAPPING_LARGE_BYTES

struct header {
    uint64_t magic;
    uint32_t layout, pointer_bytes;
    struct estate_boot boot;
    struct {
        uint64_t offset; /* in the file */
        uint32_t item_bytes, items;
    } regions[ESTATE_REGION_COUNT];
    uint64_t head_sum; /* of all above */
    uint64_t provided[ESTATE_REGION_COUNT]; /* bytes; atomic while the owner lives */
    uint64_t pickup_until_ms;
    uint64_t open;   /* 1: packets pass unseen when the owner is gone */
    uint64_t sealed; /* SEALED, or 0 */
    uint64_t sum;    /* sealed: of all that is provided, and of the numbers above from `provided` on */
};

struct estate {
    int fd;
    struct header *header;
    const struct header *read; /* the same; another's may only be read */
    bool full;                 /* atomic */
    bool small;                /* atomic: the kernel makes no large pages */
    uint64_t file_bytes;
    uint64_t tended;           /* so much was used at the last turn */
    struct {
        const char *at;
        uint64_t bytes;        /* mapped */
    } regions[ESTATE_REGION_COUNT];
};

static uint64_t load(const uint64_t *at)
{
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static uint64_t round_up(uint64_t bytes, uint64_t grain)
{
    return (bytes + grain - 1) / grain * grain;
}

/* Not against malice, only against accidents: four lanes, so that it is as fast as memory. SIZE is a multiple of 8. */
static uint64_t sum_over(uint64_t sum, const void *bytes, size_t size)
{
    const uint64_t *words = bytes;
    uint64_t lanes[4] = {sum, ~sum, sum * 3, sum * 5};
    for (size_t i = 0; i < size / 8; i++) {
        uint64_t *lane = &lanes[i % 4];
        *lane = (*lane ^ words[i]) * UINT64_C(0x9E3779B97F4A7C15);
        *lane ^= *lane >> 29;
    }
    for (unsigned i = 1; i < 4; i++)
        lanes[0] = (lanes[0] ^ lanes[i] ^ lanes[i] >> 32) * UINT64_C(0xBF58476D1CE4E5B9);
    return lanes[0] ^ lanes[0] >> 32;
}

static uint64_t head_sum(const struct header *header)
{
    _Static_assert(offsetof(struct header, head_sum) % 8 == 0, "whole words");
    return sum_over(1, header, offsetof(struct header, head_sum));
}

static uint64_t whole_sum(const struct estate *estate)
{
    const struct header *header = estate->read;
    size_t numbers = offsetof(struct header, sealed) - offsetof(struct header, provided);
    uint64_t sum = sum_over(header->head_sum, header->provided, numbers);
    for (unsigned i = 0; i < ESTATE_REGION_COUNT; i++)
        if (header->provided[i] > 0)
            sum = sum_over(sum, estate->regions[i].at, header->provided[i]);
    return sum;
}

/* ---- one's own ---- */

struct estate *estate_new(int fd, const struct estate_boot *boot)
{
    struct estate *estate = calloc(1, sizeof *estate);
    bool room = estate != NULL && ftruncate(fd, HEADER_BYTES) == 0 && mapping_provide(fd, 0, sizeof(struct header));
    if (room)
        estate->header = mapping_of_file(fd, 0, MAPPING_GRAIN_BYTES);
    if (!room || estate->header == NULL) {
        free(estate);
        return NULL;
    }
    estate->fd = fd;
    estate->read = estate->header;
    estate->file_bytes = HEADER_BYTES;
    *estate->header =
        (struct header){.magic = MAGIC, .layout = STATE_LAYOUT, .pointer_bytes = sizeof(void *), .boot = *boot};
    estate->header->head_sum = head_sum(estate->header);
    return estate;
}

void *estate_claim(struct estate *estate, enum estate_region region, size_t item_bytes, uint32_t items)
{
    if (estate == NULL)
        return mapping_new(items * item_bytes);
    uint64_t offset = estate->file_bytes, bytes = round_up(items * (uint64_t)item_bytes, MAPPING_LARGE_BYTES);
    if (ftruncate(estate->fd, (off_t)(offset + bytes)) != 0)
        return NULL;
    void *at = mapping_of_file(estate->fd, offset, bytes);
    if (at == NULL)
        return NULL;
    estate->file_bytes = offset + bytes;
    estate->regions[region].at = at;
    estate->regions[region].bytes = bytes;
    estate->header->regions[region].offset = offset;
    estate->header->regions[region].item_bytes = (uint32_t)item_bytes;
    estate->header->regions[region].items = items;
    estate->header->head_sum = head_sum(estate->header);
    return at;
}

void estate_release(const struct estate *estate, void *at, size_t item_bytes, uint32_t items)
{
    if (estate == NULL)
        mapping_free(at, items * item_bytes);
}

/* It may be touched up to BYTES, if not further. */
static void provided(struct estate *estate, enum estate_region region, uint64_t bytes)
{
    uint64_t *at = &estate->header->provided[region], before = load(at);
    while (before < bytes && !__atomic_compare_exchange_n(at, &before, bytes, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

static bool provide(struct estate *estate, enum estate_region region, uint64_t from, uint64_t bytes)
{
    /* The kernel would try page by page, and give all of them back: not for every packet. */
    if (estate_is_full(estate))
        return false;
    bool given = mapping_provide(estate->fd, estate->read->regions[region].offset + from, bytes);
    __atomic_store_n(&estate->full, !given, __ATOMIC_RELAXED);
    return given;
}

/*
 * Provides the large page at AT of the connections, as one if the kernel makes it: that is several times as fast as
 * its many small ones. Two may do so at once.
 */
static bool provide_large(struct estate *estate, uint64_t at)
{
    char *memory = (char *)(uintptr_t)estate->regions[ESTATE_CONNECTIONS].at + at;
    bool small = __atomic_load_n(&estate->small, __ATOMIC_RELAXED);
    if (!small && !provide(estate, ESTATE_CONNECTIONS, at, 1))
        return false;
    if (small || !mapping_enlarge(memory)) {
        bool now_only = !small && (errno == EAGAIN || errno == EBUSY || errno == ENOMEM);
        if (!provide(estate, ESTATE_CONNECTIONS, at, MAPPING_LARGE_BYTES))
            return false;
        __atomic_store_n(&estate->small, !now_only, __ATOMIC_RELAXED);
    }
    provided(estate, ESTATE_CONNECTIONS, at + MAPPING_LARGE_BYTES);
    return true;
}

bool estate_provide(struct estate *estate, enum estate_region region, uint32_t index)
{
    if (estate == NULL)
        return true;
    uint64_t needed = (index + UINT64_C(1)) * estate->read->regions[region].item_bytes;
    uint64_t have = load(&estate->read->provided[region]);
    if (needed <= have)
        return true;
    if (region == ESTATE_CONNECTIONS) {
        while (needed > have && provide_large(estate, have))
            have = load(&estate->read->provided[region]);
        return needed <= have;
    }
    uint64_t end = round_up(needed, MAPPING_GRAIN_BYTES);
    if (!provide(estate, region, have, end - have))
        return false;
    provided(estate, region, end);
    return true;
}

void estate_tend(struct estate *estate, uint32_t used, unsigned budget)
{
    if (estate == NULL)
        return;
    uint64_t item_bytes = estate->read->regions[ESTATE_CONNECTIONS].item_bytes, now = (used + UINT64_C(1)) * item_bytes;
    const uint64_t *have = &estate->read->provided[ESTATE_CONNECTIONS];
    /*
     * Half a page, and what two more turns like the last one would use, for one may be late: so few new connections
     * have to wait for memory.
     */
    uint64_t grown = estate->tended != 0 && now > estate->tended ? now - estate->tended : 0;
    uint64_t wanted = round_up(now + MAPPING_LARGE_BYTES / 2 + 2 * grown, MAPPING_LARGE_BYTES);
    estate->tended = now;
    if (wanted > estate->regions[ESTATE_CONNECTIONS].bytes)
        wanted = estate->regions[ESTATE_CONNECTIONS].bytes;
    while (load(have) < wanted && budget-- > 0 && provide_large(estate, load(have)))
        ;
}

bool estate_is_full(const struct estate *estate)
{
    return __atomic_load_n(&estate->full, __ATOMIC_RELAXED);
}

void estate_try_again(struct estate *estate)
{
    __atomic_store_n(&estate->full, false, __ATOMIC_RELAXED);
}

bool estate_is_large(const struct estate *estate)
{
    return !__atomic_load_n(&estate->small, __ATOMIC_RELAXED);
}

void estate_set_pickup(struct estate *estate, uint64_t until_ms)
{
    estate->header->pickup_until_ms = until_ms;
}

void estate_set_open(struct estate *estate, bool open)
{
    estate->header->open = open;
}

void estate_seal(struct estate *estate)
{
    estate->header->sum = whole_sum(estate);
    estate->header->sealed = SEALED;
}

void estate_void(struct estate *estate)
{
    estate->header->magic = 0;
}

/* ---- another's ---- */

const char *estate_flaw_text(enum estate_flaw flaw)
{
    static const char *const texts[] = {
        [ESTATE_FINE] = "nothing is wrong with it",
        [ESTATE_FOREIGN] = "it is no state table",
        [ESTATE_LAYOUT] = "it was written by a spid whose table is laid out differently",
        [ESTATE_BOOT] = "it is from before the machine was started",
        [ESTATE_HEADER] = "its header is corrupt",
        [ESTATE_TRUNCATED] = "it is shorter than its header says",
        [ESTATE_CHECKSUM] = "its checksum does not fit: it was changed after it had been saved",
        [ESTATE_SYSTEM] = "the system refuses to map it",
    };
    return texts[flaw];
}

static enum estate_flaw check_header(const struct estate *estate, const struct estate_boot *boot)
{
    const struct header *header = estate->read;
    if (header->magic != MAGIC)
        return ESTATE_FOREIGN;
    if (header->layout != STATE_LAYOUT || header->pointer_bytes != sizeof(void *))
        return ESTATE_LAYOUT;
    if (header->head_sum != head_sum(header) || (header->sealed != SEALED && header->sealed != 0))
        return ESTATE_HEADER;
    if (memcmp(&header->boot, boot, sizeof *boot) != 0)
        return ESTATE_BOOT;
    for (unsigned i = 0; i < ESTATE_REGION_COUNT; i++) {
        uint64_t items_bytes = header->regions[i].items * (uint64_t)header->regions[i].item_bytes;
        uint64_t offset = header->regions[i].offset, have = header->provided[i];
        if (offset % MAPPING_GRAIN_BYTES != 0 || have % MAPPING_GRAIN_BYTES != 0 || offset > INT64_MAX / 2 ||
            have > round_up(items_bytes, MAPPING_LARGE_BYTES))
            return ESTATE_HEADER;
        if (offset + have > estate->file_bytes)
            return ESTATE_TRUNCATED;
    }
    return ESTATE_FINE;
}

static enum estate_flaw map_regions(struct estate *estate)
{
    const struct header *header = estate->read;
    for (unsigned i = 0; i < ESTATE_REGION_COUNT; i++) {
        if (header->provided[i] == 0)
            continue;
        estate->regions[i].at = mapping_to_read(estate->fd, header->regions[i].offset, header->provided[i]);
        if (estate->regions[i].at == NULL)
            return ESTATE_SYSTEM;
        estate->regions[i].bytes = header->provided[i];
    }
    return header->sealed == SEALED && whole_sum(estate) != header->sum ? ESTATE_CHECKSUM : ESTATE_FINE;
}

struct estate *estate_open(int fd, const struct estate_boot *boot, enum estate_flaw *flaw)
{
    struct stat file;
    struct estate *estate = calloc(1, sizeof *estate);
    *flaw = ESTATE_SYSTEM;
    if (estate == NULL || fstat(fd, &file) != 0) {
        free(estate);
        return NULL;
    }
    estate->fd = fd;
    estate->file_bytes = (uint64_t)file.st_size;
    *flaw = ESTATE_FOREIGN;
    if (estate->file_bytes >= HEADER_BYTES) {
        estate->read = mapping_to_read(fd, 0, MAPPING_GRAIN_BYTES);
        *flaw = estate->read != NULL ? check_header(estate, boot) : ESTATE_SYSTEM;
    }
    if (*flaw == ESTATE_FINE)
        *flaw = map_regions(estate);
    if (*flaw == ESTATE_FINE)
        return estate;
    estate_close(estate);
    return NULL;
}

void estate_close(struct estate *estate)
{
    if (estate == NULL)
        return;
    for (unsigned i = 0; i < ESTATE_REGION_COUNT; i++)
        mapping_free(estate->regions[i].at, estate->regions[i].bytes);
    mapping_free(estate->read, MAPPING_GRAIN_BYTES);
    free(estate);
}

const void *estate_items(const struct estate *estate, enum estate_region region, size_t item_bytes, uint32_t *count)
{
    const struct header *header = estate->read;
    *count = 0;
    if (header->provided[region] == 0 || header->regions[region].item_bytes != item_bytes)
        return NULL;
    uint64_t items = header->provided[region] / item_bytes;
    *count = items < header->regions[region].items ? (uint32_t)items : header->regions[region].items;
    return estate->regions[region].at;
}

uint64_t estate_pickup(const struct estate *estate)
{
    return estate->read->pickup_until_ms;
}

bool estate_is_open(const struct estate *estate)
{
    return estate->read->open != 0;
}

bool estate_is_sealed(const struct estate *estate)
{
    return estate->read->sealed == SEALED;
}
