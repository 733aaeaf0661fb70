/*
 * Messages of a first line, headers and an empty line: RTSP (RFC 2326, 4) and SIP (RFC 3261, 7). Bounded, no allocation.
 */
#ifndef ALG_HEADERS_H
#define ALG_HEADERS_H

#include "alg/lines.h"

struct header {
    struct span name, value; /* without the white space around them; a value that is folded has line ends within */
};

/*
 * The head of the message in LENGTH bytes at BYTES: its first line goes to *START, its headers to *HEADERS. Returns its
 * length with the empty line, 0 when it has not ended.
 */
size_t headers_read(const uint8_t *bytes, size_t length, struct span *start, struct span *headers);

/* Takes the first header off the front of *HEADERS, with the lines that continue it; false at the end. */
bool headers_next(struct span *headers, struct header *header);

/* Takes white space off the front and the end; line ends within a folded value are such. */
struct span header_strip(struct span span);

/* Like span_until, stripped; what stands in quotes is not looked at. */
struct span header_part(struct span *rest, char separator);

#endif
