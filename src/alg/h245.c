/*
 * H.245 on a connection of its own, which H.225 has announced (ITU-T H.323, 8.2; H.245): one call's logical channels.
 * What it says is heard as in channels.h; the first message of each packet (TPKT) is read, where there should be one.
 *
 * Not read: data over TCP (T.120, which H.245 calls a separate stack), and media that are multicast.
 */
#include "alg/channels.h"
#include "alg/tpkt.h"

_Static_assert(sizeof(struct channels) <= FAMILY_MEMORY_BYTES, "what H.245 remembers fits a family's memory");

static void hear_message(struct hearing *hearing, const struct speech *speech, struct span message)
{
    channels_hear((struct channels *)(void *)hearing->memory, hearing, speech, 0, message);
}

static size_t hear(struct hearing *hearing, const struct speech *speech)
{
    return tpkt_hear(hearing, speech, hear_message);
}

const struct alg alg_h245 = {
    .name = "h245",
    .message_bytes_max = BLOCK_BYTES,
    .expectations_max = CHANNELS_EXPECTATIONS_MAX,
    .hear = hear,
};
