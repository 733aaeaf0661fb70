#include "fastpath/load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fastpath/fastpath.h"

/* The compiled program, as the build has left it: it stands in the daemon itself, so the two are never of different versions. */
__asm__(".section .rodata\n"
        ".balign 8\n"
        "fastpath_object:\n"
        ".incbin \"src/fastpath/fastpath.bpf.o\"\n"
        "fastpath_object_end:\n"
        ".previous\n");
extern const char fastpath_object[], fastpath_object_end[];

#define PROGRAM "spid_pass"
#define TELL "spid_tell"

bool fastpath_built(void)
{
    return true;
}

/* What libbpf tells is for programmers; the kernel's refusal is in errno. */
static int silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
    (void)level;
    (void)format;
    (void)arguments;
    return 0;
}

static struct bpf_map *map_of(const struct bpf_object *object, unsigned map)
{
    return bpf_object__find_map_by_name(object, fastpath_map_names[map]);
}

/* Is the pinned map FD what MAP is to be? */
static bool map_fits(int fd, const struct bpf_map *map)
{
    struct bpf_map_info info = {0};
    uint32_t size = sizeof info;
    return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.type == bpf_map__type(map) &&
           info.key_size == bpf_map__key_size(map) && info.value_size == bpf_map__value_size(map) &&
           info.max_entries == bpf_map__max_entries(map) && info.map_flags == bpf_map__map_flags(map);
}

/* All or none. */
static bool use_pinned(struct bpf_object *object, const int pinned[MAP_COUNT])
{
    for (unsigned i = 0; i < MAP_COUNT; i++)
        if (!map_fits(pinned[i], map_of(object, i)))
            return false;
    for (unsigned i = 0; i < MAP_COUNT; i++)
        if (bpf_map__reuse_fd(map_of(object, i), pinned[i]) != 0)
            return false;
    return true;
}

static int program_of(const struct bpf_object *object, const char *name)
{
    return bpf_program__fd(bpf_object__find_program_by_name(object, name));
}

/* Descriptors that outlive the object. */
static int keep(struct fastpath_loaded *loaded, const struct bpf_object *object)
{
    int *fds[MAP_COUNT + 2] = {&loaded->program, &loaded->tell};
    int from[MAP_COUNT + 2] = {program_of(object, PROGRAM), program_of(object, TELL)};
    bool failed = false;
    for (unsigned i = 0; i < MAP_COUNT; i++) {
        from[2 + i] = bpf_map__fd(map_of(object, i));
        fds[2 + i] = &loaded->maps[i];
    }
    for (unsigned i = 0; i < MAP_COUNT + 2; i++) {
        *fds[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
        failed |= *fds[i] < 0;
    }
    for (unsigned i = 0; i < MAP_COUNT + 2 && failed; i++)
        if (*fds[i] >= 0)
            close(*fds[i]);
    return failed ? -EMFILE : 0;
}

int fastpath_load(struct fastpath_loaded *loaded, uint32_t most, const int pinned[MAP_COUNT], bool *inherited)
{
    libbpf_set_print(silent);
    *inherited = false;
    struct bpf_object *object =
        bpf_object__open_mem(fastpath_object, (size_t)(fastpath_object_end - fastpath_object), NULL);
    if (object == NULL)
        return -errno;
    bpf_map__set_max_entries(map_of(object, MAP_V4), most);
    bpf_map__set_max_entries(map_of(object, MAP_V6), most);
    *inherited = pinned != NULL && use_pinned(object, pinned);
    int error = bpf_object__load(object);
    if (error == 0)
        error = keep(loaded, object);
    bpf_object__close(object);
    return error;
}
