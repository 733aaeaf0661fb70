#include "base/mapping.h"

#include <sys/mman.h>

void *mapping_new(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

void mapping_free(void *at, size_t bytes)
{
    if (at != NULL)
        munmap(at, bytes);
}
