#include "daemon/headroom.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

bool headroom_for(size_t bytes)
{
    size_t needed = HEADROOM_BYTES + bytes * HEADROOM_FOR_A_BYTE;
    void *room = mmap(NULL, needed, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return false;
    munmap(room, needed);
    return true;
}

static int read_within(void *context, const char *path, char **bytes, size_t *length)
{
    struct headroom *headroom = context;
    int error = headroom->access->read(headroom->access->context, path, bytes, length);
    if (error != 0)
        return error;
    headroom->bytes += *length;
    if (headroom_for(headroom->bytes))
        return 0;
    free(*bytes);
    *bytes = NULL;
    return -ENOMEM;
}

static int expand(void *context, const char *pattern, void (*found)(void *taker, const char *path), void *taker)
{
    const struct headroom *headroom = context;
    return headroom->access->expand(headroom->access->context, pattern, found, taker);
}

struct file_access headroom_access(struct headroom *headroom)
{
    return (struct file_access){read_within, expand, headroom};
}
