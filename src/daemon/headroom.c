#include "daemon/headroom.h"

#include <errno.h>
#include <ev.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

/* More than all loops together ask for while they run: a few words a watcher. */
#define RESERVE_BYTES 65536u

static void *reserve;

/* What libev calls, of any thread. */
static void *allocate(void *memory, long size)
{
    if (size == 0) {
        free(memory);
        return NULL;
    }
    void *larger = realloc(memory, (size_t)size);
    if (larger == NULL) {
        free(__atomic_exchange_n(&reserve, NULL, __ATOMIC_ACQ_REL));
        larger = realloc(memory, (size_t)size);
    }
    return larger;
}

void headroom_reserve(void)
{
    static bool asked; /* libev is told once */
    if (__atomic_load_n(&reserve, __ATOMIC_ACQUIRE) == NULL)
        __atomic_store_n(&reserve, malloc(RESERVE_BYTES), __ATOMIC_RELEASE);
    if (asked)
        return;
    /* One heap for all threads: a thread that finds no room for its own is refused all memory, whatever is free elsewhere. */
    mallopt(M_ARENA_MAX, 1);
    ev_set_allocator(allocate);
    asked = true;
}

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
