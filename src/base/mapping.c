#include "base/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>

/* Less than that is not worth a page of 2 MB. */
#define LARGE_BYTES ((size_t)8 << 20)

/* Linux 6.1; Debian 12's libc does not know it. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

void *mapping_new(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    /* In large pages, where the kernel has any: most of what a look-up waits for is the way to the memory. */
    if (at != MAP_FAILED && bytes >= LARGE_BYTES)
        madvise(at, bytes, MADV_HUGEPAGE);
    return at == MAP_FAILED ? NULL : at;
}

void *mapping_of_file(int fd, uint64_t offset, size_t bytes)
{
    size_t room = bytes + MAPPING_LARGE_BYTES;
    char *hole = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (hole == MAP_FAILED)
        return NULL;
    size_t before = (MAPPING_LARGE_BYTES - (uintptr_t)hole % MAPPING_LARGE_BYTES) % MAPPING_LARGE_BYTES;
    void *at = mmap(hole + before, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, (off_t)offset);
    if (at == MAP_FAILED) {
        munmap(hole, room);
        return NULL;
    }
    /* What lies around it is given back. */
    size_t end = before + bytes;
    if (before > 0)
        munmap(hole, before);
    if (end < room)
        munmap(hole + end, room - end);
    return at;
}

const void *mapping_to_read(int fd, uint64_t offset, size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, fd, (off_t)offset);
    return at == MAP_FAILED ? NULL : at;
}

bool mapping_provide(int fd, uint64_t offset, size_t bytes)
{
    return fallocate(fd, 0, (off_t)offset, (off_t)bytes) == 0;
}

bool mapping_enlarge(void *at)
{
    return madvise(at, MAPPING_LARGE_BYTES, MADV_COLLAPSE) == 0;
}

void mapping_free(const void *at, size_t bytes)
{
    if (at != NULL)
        munmap((void *)(uintptr_t)at, bytes);
}
