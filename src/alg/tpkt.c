#include "alg/tpkt.h"

#include "base/reader.h"

#define TPKT_VERSION 3u
#define TPKT_HEADER_BYTES 4u

size_t tpkt_hear(struct hearing *hearing, const struct speech *speech,
                 void (*message)(struct hearing *hearing, const struct speech *speech, struct span content))
{
    size_t done = 0;
    while (speech->length - done >= TPKT_HEADER_BYTES && hearing->refused == NULL && hearing->deaf == DEAF_NOT) {
        struct reader reader = reader_over(speech->bytes + done, speech->length - done);
        uint8_t version = reader_u8(&reader);
        reader_u8(&reader); /* reserved */
        uint16_t length = reader_u16(&reader);
        if (version != TPKT_VERSION || length < TPKT_HEADER_BYTES) {
            if (speech->strict)
                hearing_refuse(hearing, "no TPKT where one must begin");
            hearing->deaf = DEAF_FOREIGN;
            return speech->length;
        }
        if (length > speech->length - done)
            break;
        if (length > TPKT_HEADER_BYTES)
            message(hearing, speech, (struct span){reader.at, length - TPKT_HEADER_BYTES});
        done += length;
    }
    return done;
}
