#include "daemon/denied.h"

#include <string.h>

static const struct rate packets_rate = {DENIED_A_SECOND, 1000};

void denials_put(struct denials *denials, const struct event *event, const uint8_t *bytes, size_t captured)
{
    uint32_t place;
    if (!log_meter_pass(&denials->meter, packets_rate, event->now_ms)) {
        ring_leave_out(&denials->ring);
        return;
    }
    if (!ring_free(&denials->ring, DENIED_MAX, &place))
        return;
    struct denied *denied = &denials->list[place];
    denied->event = *event;
    denied->captured = captured < DENIED_BYTES ? (uint32_t)captured : DENIED_BYTES;
    memcpy(denied->bytes, bytes, denied->captured);
    ring_put(&denials->ring);
}

bool denials_take(struct denials *denials, struct denied *denied)
{
    uint32_t place;
    if (!ring_filled(&denials->ring, DENIED_MAX, &place))
        return false;
    *denied = denials->list[place];
    ring_took(&denials->ring);
    return true;
}
