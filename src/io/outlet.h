/*
 * Where records go: a file, a pipe, syslog, the journal. A record is a line with its newline, or a block of a pcapng file.
 *
 * A reader is never waited for. The disk is, so this is for a thread that may wait (daemon/sink.c). A file holds whole records
 * only: what a full disk has cut off is taken back.
 */
#ifndef IO_OUTLET_H
#define IO_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "rules/ruleset.h"

#define OUTLET_HEAD_BYTES 128

struct outlet {
    enum log_place_kind kind;
    const char *path;     /* of a file; borrowed */
    const uint8_t *head;  /* what a file begins with; borrowed */
    size_t head_length;   /* at most OUTLET_HEAD_BYTES */
    int fd;               /* -1: closed */
    bool file;            /* a regular one, and no pipe */
};

/* Opens it; a file that is missing is made (0640), one that is there is added to. 0, or -errno; -ENXIO: nobody reads the pipe. */
int outlet_open(struct outlet *outlet);
void outlet_close(struct outlet *outlet);

/*
 * Writes the first of COUNT records, as many as can be at once. Returns how many; or -errno: -EAGAIN when the reader is slow,
 * another after which nothing was written.
 */
int outlet_put(const struct outlet *outlet, const struct iovec *records, unsigned count);

/* Has the file been removed, so that what is written there is for nobody? */
bool outlet_is_gone(const struct outlet *outlet);

/* Is this an error after which the outlet must be opened anew? */
bool outlet_is_broken(int error);

/* Waits until the reader may have read, at most MS. */
void outlet_wait(const struct outlet *outlet, int ms);

#endif
