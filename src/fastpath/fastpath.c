#include "fastpath/fastpath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fastpath/load.h"

#define PATH_BYTES 200
#define NS_A_MS UINT64_C(1000000)

const char *const fastpath_map_names[MAP_COUNT] = {"control", "connections_v4", "connections_v6"};
#define PROGRAM_NAME "program"

struct fastpath {
    struct fastpath_loaded loaded;
    char program_path[PATH_BYTES];
    struct fastpath_control *control; /* the map itself */
    /* Keys and values of one system call: those that go in, and those that a sweep brings back. */
    struct fastpath_key_v4 keys_v4[FASTPATH_BATCH], swept_v4[FASTPATH_SWEEP];
    struct fastpath_key_v6 keys_v6[FASTPATH_BATCH], swept_v6[FASTPATH_SWEEP];
    struct fastpath_entry entries[FASTPATH_BATCH], swept[FASTPATH_SWEEP];
};

/* bpf(2), which libc does not know. */
static int bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
    return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static uint64_t at(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

/* ---- keys ---- */

static struct fastpath_key_v4 key_v4(const struct tuple *tuple)
{
    return (struct fastpath_key_v4){
        .low = (uint32_t)tuple->low.low,
        .high = (uint32_t)tuple->high.low,
        .low_port = tuple->low_port,
        .high_port = tuple->high_port,
        .protocol = tuple->protocol,
    };
}

static struct fastpath_key_v6 key_v6(const struct tuple *tuple)
{
    return (struct fastpath_key_v6){
        .low = {tuple->low.high, tuple->low.low},
        .high = {tuple->high.high, tuple->high.low},
        .low_port = tuple->low_port,
        .high_port = tuple->high_port,
        .protocol = tuple->protocol,
    };
}

static struct tuple tuple_v4(const struct fastpath_key_v4 *key)
{
    return (struct tuple){
        .low = address_v4(key->low),
        .high = address_v4(key->high),
        .low_port = key->low_port,
        .high_port = key->high_port,
        .protocol = key->protocol,
    };
}

static struct tuple tuple_v6(const struct fastpath_key_v6 *key)
{
    return (struct tuple){
        .low = {key->low[0], key->low[1]},
        .high = {key->high[0], key->high[1]},
        .low_port = key->low_port,
        .high_port = key->high_port,
        .protocol = key->protocol,
    };
}

static bool is_v4(const struct tuple *tuple)
{
    return address_is_v4(tuple->low);
}

/* ---- pins ---- */

void fastpath_folder(char folder[FASTPATH_FOLDER_BYTES])
{
    uint64_t cookie = 0;
    socklen_t length = sizeof cookie;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length);
    if (fd >= 0)
        close(fd);
    snprintf(folder, FASTPATH_FOLDER_BYTES, FASTPATH_ROOT "/spid-%llu", (unsigned long long)cookie);
}

static void path_in(char path[PATH_BYTES], const char *folder, const char *name)
{
    snprintf(path, PATH_BYTES, "%s/%s", folder, name);
}

static int pin_get(const char *path)
{
    union bpf_attr attributes = {.pathname = at(path)};
    return bpf(BPF_OBJ_GET, &attributes);
}

static int pin_put(int fd, const char *path)
{
    union bpf_attr attributes = {.pathname = at(path), .bpf_fd = (uint32_t)fd};
    return bpf(BPF_OBJ_PIN, &attributes) == 0 ? 0 : -errno;
}

static void close_all(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

static bool layout_fits(int control)
{
    struct fastpath_control state;
    uint32_t zero = 0;
    union bpf_attr attributes = {.map_fd = (uint32_t)control, .key = at(&zero), .value = at(&state)};
    return bpf(BPF_MAP_LOOKUP_ELEM, &attributes) == 0 && state.layout == FASTPATH_LAYOUT;
}

bool fastpath_is_readable(const struct fastpath *fastpath)
{
    return layout_fits(fastpath->loaded.maps[MAP_CONTROL]);
}

/* Opens the maps that an earlier daemon has pinned; false: there are none of this layout. */
static bool find_pinned(const char *folder, int fds[MAP_COUNT])
{
    unsigned got = 0;
    for (; got < MAP_COUNT; got++) {
        char path[PATH_BYTES];
        path_in(path, folder, fastpath_map_names[got]);
        fds[got] = pin_get(path);
        if (fds[got] < 0)
            break;
    }
    if (got == MAP_COUNT && layout_fits(fds[MAP_CONTROL]))
        return true;
    close_all(fds, got);
    return false;
}

static int pin(struct fastpath *fastpath, const char *folder, bool inherited)
{
    char path[PATH_BYTES];
    int error = 0;
    for (unsigned i = 0; i < MAP_COUNT && !inherited && error == 0; i++) {
        path_in(path, folder, fastpath_map_names[i]);
        unlink(path);
        error = pin_put(fastpath->loaded.maps[i], path);
    }
    /* A rule of iptables holds the program that it was made with; the path is only for the next one. */
    path_in(path, folder, PROGRAM_NAME "-next"); /* no dots: bpffs keeps them for itself */
    path_in(fastpath->program_path, folder, PROGRAM_NAME);
    unlink(path);
    if (error == 0)
        error = pin_put(fastpath->loaded.program, path);
    if (error == 0 && rename(path, fastpath->program_path) != 0)
        error = -errno;
    return error;
}

void fastpath_unpin(const char *folder)
{
    char path[PATH_BYTES];
    for (unsigned i = 0; i < MAP_COUNT; i++) {
        path_in(path, folder, fastpath_map_names[i]);
        unlink(path);
    }
    path_in(path, folder, PROGRAM_NAME);
    unlink(path);
    rmdir(folder);
}

/* ---- start and end ---- */

static const char *mend_of(int error)
{
    switch (error) {
    case -EPERM:
    case -EACCES:
        return " (it needs CAP_BPF and CAP_NET_ADMIN, or root, and a bpf file system: mount -t bpf bpf " FASTPATH_ROOT ")";
    case -ENOENT:
    case -EINVAL:
        return " (mount -t bpf bpf " FASTPATH_ROOT ")";
    case -ENOSYS:
        return " (spid was built without it, or the kernel has no eBPF; building it needs clang and libbpf-dev)";
    default:
        return "";
    }
}

static int load(struct fastpath *fastpath, const struct fastpath_config *config, bool *inherited)
{
    int pinned[MAP_COUNT];
    bool found = config->folder != NULL && find_pinned(config->folder, pinned);
    int error = fastpath_load(&fastpath->loaded, config->most, found ? pinned : NULL, inherited);
    if (found)
        close_all(pinned, MAP_COUNT);
    return error;
}

/* The control map is written as memory: without a system call, and each member whole. */
static int map_control(struct fastpath *fastpath, bool inherited)
{
    void *control = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
                         fastpath->loaded.maps[MAP_CONTROL], 0);
    if (control == MAP_FAILED)
        return -errno;
    fastpath->control = control;
    if (!inherited)
        fastpath->control->layout = FASTPATH_LAYOUT;
    return 0;
}

struct fastpath *fastpath_open(const struct fastpath_config *config, bool *inherited, char *error, size_t error_size)
{
    struct fastpath *fastpath = calloc(1, sizeof *fastpath);
    const char *what = "the kernel takes no program";
    int failed = fastpath == NULL ? -ENOMEM : 0;
    *inherited = false;
    if (failed == 0 && fastpath_built() && config->folder != NULL && mkdir(config->folder, 0700) != 0 && errno != EEXIST) {
        what = "no folder for it in " FASTPATH_ROOT;
        failed = -errno;
    }
    if (failed == 0)
        failed = load(fastpath, config, inherited);
    bool loaded = failed == 0;
    if (failed == 0)
        failed = map_control(fastpath, *inherited);
    if (failed == 0 && config->folder != NULL) {
        what = "it cannot be pinned in " FASTPATH_ROOT;
        failed = pin(fastpath, config->folder, *inherited);
    }
    if (failed == 0)
        return fastpath;
    snprintf(error, error_size, "%s: %s%s", what, strerror(-failed), mend_of(failed));
    if (loaded)
        fastpath_close(fastpath);
    else
        free(fastpath);
    return NULL;
}

void fastpath_close(struct fastpath *fastpath)
{
    if (fastpath == NULL)
        return;
    if (fastpath->control != NULL)
        munmap(fastpath->control, (size_t)sysconf(_SC_PAGESIZE));
    close_all(fastpath->loaded.maps, MAP_COUNT);
    close(fastpath->loaded.program);
    close(fastpath->loaded.tell);
    free(fastpath);
}

const char *fastpath_program(const struct fastpath *fastpath)
{
    return fastpath->program_path;
}

int fastpath_program_fd(const struct fastpath *fastpath)
{
    return fastpath->loaded.program;
}

/* ---- control ---- */

void fastpath_generation(struct fastpath *fastpath, uint32_t generation)
{
    __atomic_store_n(&fastpath->control->generation, generation, __ATOMIC_RELEASE);
}

uint32_t fastpath_generation_now(const struct fastpath *fastpath)
{
    return __atomic_load_n(&fastpath->control->generation, __ATOMIC_ACQUIRE);
}

void fastpath_deadline(struct fastpath *fastpath, uint64_t deadline_ms)
{
    uint64_t deadline_ns = deadline_ms == FASTPATH_FOREVER ? UINT64_MAX : deadline_ms * NS_A_MS;
    __atomic_store_n(&fastpath->control->deadline_ns, deadline_ns, __ATOMIC_RELEASE);
}

/* ---- entries ---- */

static uint32_t map_fd(const struct fastpath *fastpath, bool v4)
{
    return (uint32_t)fastpath->loaded.maps[v4 ? MAP_V4 : MAP_V6];
}

static unsigned enter_family(struct fastpath *fastpath, bool v4, const struct fastpath_record *records, unsigned count)
{
    uint32_t found = 0;
    for (unsigned i = 0; i < count; i++) {
        if (is_v4(&records[i].tuple) != v4)
            continue;
        if (v4)
            fastpath->keys_v4[found] = key_v4(&records[i].tuple);
        else
            fastpath->keys_v6[found] = key_v6(&records[i].tuple);
        fastpath->entries[found++] = records[i].entry;
    }
    union bpf_attr attributes = {.batch = {
        .keys = v4 ? at(fastpath->keys_v4) : at(fastpath->keys_v6),
        .values = at(fastpath->entries),
        .count = found,
        .map_fd = map_fd(fastpath, v4),
    }};
    if (found == 0)
        return 0;
    /* Where an entry finds no room the call ends, and says how many did. */
    bpf(BPF_MAP_UPDATE_BATCH, &attributes);
    return attributes.batch.count;
}

unsigned fastpath_enter(struct fastpath *fastpath, const struct fastpath_record *records, unsigned count)
{
    return enter_family(fastpath, true, records, count) + enter_family(fastpath, false, records, count);
}

static bool get(struct fastpath *fastpath, enum bpf_cmd command, const struct tuple *tuple, struct fastpath_entry *entry)
{
    struct fastpath_key_v4 v4 = key_v4(tuple);
    struct fastpath_key_v6 v6 = key_v6(tuple);
    union bpf_attr attributes = {
        .map_fd = map_fd(fastpath, is_v4(tuple)),
        .key = is_v4(tuple) ? at(&v4) : at(&v6),
        .value = at(entry),
    };
    return bpf(command, &attributes) == 0;
}

bool fastpath_read(struct fastpath *fastpath, const struct tuple *tuple, struct fastpath_entry *entry)
{
    return get(fastpath, BPF_MAP_LOOKUP_ELEM, tuple, entry);
}

bool fastpath_take(struct fastpath *fastpath, const struct tuple *tuple, struct fastpath_entry *entry)
{
    return get(fastpath, BPF_MAP_LOOKUP_AND_DELETE_ELEM, tuple, entry);
}

bool fastpath_tell(const struct fastpath *fastpath, const struct tuple *tuple, struct fastpath_news *news)
{
    union bpf_attr attributes = {.test = {
        .prog_fd = (uint32_t)fastpath->loaded.tell,
        .ctx_in = at(news),
        .ctx_size_in = sizeof *news,
    }};
    news->family = is_v4(tuple) ? 4 : 6;
    if (is_v4(tuple))
        news->key.v4 = key_v4(tuple);
    else
        news->key.v6 = key_v6(tuple);
    return bpf(BPF_PROG_TEST_RUN, &attributes) == 0 && attributes.test.retval != 0;
}

unsigned fastpath_sweep(struct fastpath *fastpath, struct fastpath_place *place, struct fastpath_record *records)
{
    bool v4 = !place->v6;
    uint32_t next = 0;
    union bpf_attr attributes = {.batch = {
        .in_batch = place->under_way ? at(&place->bucket) : 0,
        .out_batch = at(&next),
        .keys = v4 ? at(fastpath->swept_v4) : at(fastpath->swept_v6),
        .values = at(fastpath->swept),
        .count = FASTPATH_SWEEP,
        .map_fd = map_fd(fastpath, v4),
    }};
    bool done = bpf(BPF_MAP_LOOKUP_BATCH, &attributes) != 0;
    /* ENOENT is the end. After anything else the rest of the map is left for the next sweep. */
    uint32_t count = !done || errno == ENOENT ? attributes.batch.count : 0;
    for (uint32_t i = 0; i < count; i++) {
        records[i].tuple = v4 ? tuple_v4(&fastpath->swept_v4[i]) : tuple_v6(&fastpath->swept_v6[i]);
        records[i].entry = fastpath->swept[i];
    }
    *place = done ? (struct fastpath_place){.v6 = v4} : (struct fastpath_place){!v4, true, next};
    return count;
}
