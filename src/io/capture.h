/* Capture files (pcap and pcapng, by libpcap): frames, one by one. */
#ifndef IO_CAPTURE_H
#define IO_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

struct capture;

struct frame {
    uint64_t number;      /* from 1 */
    int64_t time_us;      /* microseconds since the epoch */
    const uint8_t *bytes; /* borrowed until the next frame */
    uint32_t captured;    /* bytes at hand */
    uint32_t length;      /* bytes on the wire, >= captured */
};

/* Opens the file at PATH. Returns NULL and writes why, with the mend where there is one, to the ERROR_SIZE bytes at ERROR. */
struct capture *capture_open(const char *path, char *error, size_t error_size);
void capture_close(struct capture *capture);

/* Reads the next frame: 1, 0 at the end of the file, -1 where the file is broken, with why in ERROR. */
int capture_next(struct capture *capture, struct frame *frame, char *error, size_t error_size);

/* The link type of all frames (DLT_...). */
int capture_link_type(const struct capture *capture);

#endif
