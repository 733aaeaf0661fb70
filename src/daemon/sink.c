#include "daemon/sink.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mapping.h"
#include "daemon/clock.h"
#include "daemon/denied.h"
#include "io/outlet.h"
#include "io/pcapng.h"

/* Taken from the queue at once. */
#define BATCH_BYTES 65536u
#define BATCH_RECORDS 256u

/* How soon it is tried again, and how long a reader is waited for at once: an order to reopen or to stop waits no longer. */
#define AGAIN_SECONDS 1
#define WAIT_MS 200

struct sink {
    struct outlet outlet;
    char *path;
    uint8_t head[PCAPNG_HEAD_BYTES];
    pthread_t thread;
    bool started;
    /* The thread's own. */
    uint8_t batch[BATCH_BYTES];
    struct iovec records[BATCH_RECORDS];
    unsigned first, count; /* of the records: those that are not written yet */
    uint64_t slow_ms;      /* since when the reader has not read; 0: he reads */
    /* Shared. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint8_t *queue;        /* records behind their lengths */
    size_t begin, end;     /* of what waits there */
    bool reopening, stopping;
    struct sink_state state;
};

static void sink_free(struct sink *sink)
{
    outlet_close(&sink->outlet);
    mapping_free(sink->queue, SINK_BYTES);
    free(sink->path);
    free(sink);
}

static void set_error(struct sink *sink, int error)
{
    pthread_mutex_lock(&sink->lock);
    sink->state.error = error;
    pthread_mutex_unlock(&sink->lock);
}

struct sink *sink_new(const struct log_place *place)
{
    struct sink *sink = calloc(1, sizeof *sink);
    pthread_condattr_t monotonic;
    if (sink == NULL)
        return NULL;
    sink->outlet = (struct outlet){.kind = place->kind, .fd = -1, .head = sink->head};
    sink->queue = mapping_new(SINK_BYTES);
    sink->path = place->path != NULL ? strdup(place->path) : NULL;
    if (sink->queue == NULL || (place->path != NULL && sink->path == NULL)) {
        sink_free(sink);
        return NULL;
    }
    sink->outlet.path = sink->path;
    if (place->kind == LOG_PACKETS_TO_FILE)
        sink->outlet.head_length = pcapng_head(sink->head, DENIED_BYTES);
    pthread_mutex_init(&sink->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&sink->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sink->state.error = -outlet_open(&sink->outlet);
    return sink;
}

void sink_give(struct sink *sink, uid_t uid, gid_t gid)
{
    struct stat stat;
    if (sink->outlet.fd >= 0 && fstat(sink->outlet.fd, &stat) == 0 && S_ISREG(stat.st_mode) && stat.st_uid == 0 &&
        fchown(sink->outlet.fd, uid, gid) != 0)
        sink->state.error = errno;
}

/* ---- the thread ---- */

/* Moves records from the queue to the batch, which is empty. The lock is held. */
static void take_batch(struct sink *sink)
{
    size_t used = 0;
    uint32_t length;
    sink->first = sink->count = 0;
    while (sink->begin < sink->end && sink->count < BATCH_RECORDS) {
        memcpy(&length, sink->queue + sink->begin, sizeof length);
        if (used + length > BATCH_BYTES)
            break;
        memcpy(sink->batch + used, sink->queue + sink->begin + sizeof length, length);
        sink->records[sink->count++] = (struct iovec){sink->batch + used, length};
        used += length;
        sink->begin += sizeof length + length;
    }
    if (sink->begin == sink->end)
        sink->begin = sink->end = 0;
}

static void wait_for_change(struct sink *sink)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += AGAIN_SECONDS;
    pthread_cond_timedwait(&sink->changed, &sink->lock, &until);
}

/* Waits for something to write, or to do. IDLE: nothing can be written now. False: it is over. */
static bool next(struct sink *sink, bool idle)
{
    pthread_mutex_lock(&sink->lock);
    bool work = sink->first < sink->count || sink->begin < sink->end;
    if (!sink->stopping && !sink->reopening && (idle || !work))
        wait_for_change(sink);
    if (sink->first == sink->count)
        take_batch(sink);
    bool over = sink->stopping && (idle || sink->slow_ms != 0 || sink->first == sink->count);
    bool reopening = sink->reopening;
    sink->reopening = false;
    pthread_mutex_unlock(&sink->lock);
    /* A socket has no name that somebody could have changed. */
    if (reopening && sink->path != NULL)
        outlet_close(&sink->outlet);
    return !over;
}

/* The reader is slow: that is said when it has lasted. */
static void wait_for_reader(struct sink *sink)
{
    if (sink->slow_ms == 0)
        sink->slow_ms = clock_now_ms();
    else if (clock_now_ms() - sink->slow_ms >= AGAIN_SECONDS * 1000)
        set_error(sink, EAGAIN);
    outlet_wait(&sink->outlet, WAIT_MS);
}

/* Writes some of the batch. False: nothing can be written now. */
static bool write_some(struct sink *sink)
{
    if (sink->outlet.fd < 0 || outlet_is_gone(&sink->outlet)) {
        outlet_close(&sink->outlet);
        int error = -outlet_open(&sink->outlet);
        if (error != 0 || sink->first == sink->count)
            set_error(sink, error);
        if (error != 0)
            return false;
    }
    if (sink->first == sink->count)
        return true;
    int written = outlet_put(&sink->outlet, sink->records + sink->first, sink->count - sink->first);
    if (written == -EAGAIN) {
        wait_for_reader(sink);
        return true;
    }
    if (written < 0) {
        set_error(sink, -written);
        if (outlet_is_broken(-written))
            outlet_close(&sink->outlet);
        return false;
    }
    sink->first += (unsigned)written;
    sink->slow_ms = 0;
    pthread_mutex_lock(&sink->lock);
    sink->state.written += (unsigned)written;
    sink->state.error = 0;
    pthread_mutex_unlock(&sink->lock);
    return true;
}

static void *run(void *argument)
{
    struct sink *sink = argument;
    bool idle = false;
    while (next(sink, idle))
        idle = !write_some(sink);
    return NULL;
}

/* ---- the main thread ---- */

bool sink_start(struct sink *sink)
{
    sink->started = pthread_create(&sink->thread, NULL, run, sink) == 0;
    return sink->started;
}

void sink_stop(struct sink *sink)
{
    struct timespec until;
    pthread_mutex_lock(&sink->lock);
    sink->stopping = true;
    pthread_cond_signal(&sink->changed);
    pthread_mutex_unlock(&sink->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += SINK_STOP_SECONDS;
    if (!sink->started || pthread_timedjoin_np(sink->thread, NULL, &until) == 0)
        sink_free(sink);
    else
        pthread_detach(sink->thread);
}

bool sink_is_of(const struct sink *sink, const struct log_place *place)
{
    if (sink->outlet.kind != place->kind)
        return false;
    return sink->path == NULL || strcmp(sink->path, place->path) == 0;
}

enum log_place_kind sink_kind(const struct sink *sink)
{
    return sink->outlet.kind;
}

const char *sink_name(const struct sink *sink)
{
    return sink->path != NULL ? sink->path : sink->outlet.kind == LOG_TO_SYSLOG ? "syslog" : "journal";
}

/* Room for BYTES behind the end? What waits may stand in the middle. */
static bool make_room(struct sink *sink, size_t bytes)
{
    if (sink->end + bytes <= SINK_BYTES)
        return true;
    if (sink->end - sink->begin + bytes > SINK_BYTES)
        return false;
    memmove(sink->queue, sink->queue + sink->begin, sink->end - sink->begin);
    sink->end -= sink->begin;
    sink->begin = 0;
    return true;
}

void sink_put(struct sink *sink, const void *record, size_t length)
{
    uint32_t prefix = (uint32_t)length;
    pthread_mutex_lock(&sink->lock);
    if (length <= SINK_RECORD_BYTES && make_room(sink, sizeof prefix + length)) {
        memcpy(sink->queue + sink->end, &prefix, sizeof prefix);
        memcpy(sink->queue + sink->end + sizeof prefix, record, length);
        if (sink->begin == sink->end)
            pthread_cond_signal(&sink->changed);
        sink->end += sizeof prefix + length;
    } else {
        sink->state.lost++;
    }
    pthread_mutex_unlock(&sink->lock);
}

void sink_reopen(struct sink *sink)
{
    pthread_mutex_lock(&sink->lock);
    sink->reopening = true;
    pthread_cond_signal(&sink->changed);
    pthread_mutex_unlock(&sink->lock);
}

struct sink_state sink_state(struct sink *sink)
{
    pthread_mutex_lock(&sink->lock);
    struct sink_state state = sink->state;
    pthread_mutex_unlock(&sink->lock);
    return state;
}
