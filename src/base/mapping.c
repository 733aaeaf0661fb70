#include "base/mapping.h"

#include <sys/mman.h>

/* Less than that is not worth a page of 2 MB. */
#define LARGE_BYTES ((size_t)8 << 20)

void *mapping_new(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    /* In large pages, where the kernel has any: most of what a look-up waits for is the way to the memory. */
    if (at != MAP_FAILED && bytes >= LARGE_BYTES)
        madvise(at, bytes, MADV_HUGEPAGE);
    return at == MAP_FAILED ? NULL : at;
}

void mapping_free(void *at, size_t bytes)
{
    if (at != NULL)
        munmap(at, bytes);
}
