/* A build without the fast path: there is nothing to load, and without that nobody gets any further. */
#include <errno.h>

#include "fastpath/fastpath.h"
#include "fastpath/load.h"

bool fastpath_built(void)
{
    return false;
}

int fastpath_load(struct fastpath_loaded *loaded, uint32_t most, const int pinned[MAP_COUNT], bool *inherited)
{
    (void)loaded;
    (void)most;
    (void)pinned;
    *inherited = false;
    return -ENOSYS;
}
