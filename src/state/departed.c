#include "state/departed.h"

#include "packet/packet.h"
#include "packet/verdict.h"

const char *ending_name(enum ending ending)
{
    static const char *const names[] = {
        [ENDING_TIMEOUT] = "timeout", [ENDING_CLOSED] = "closed", [ENDING_RESET] = "reset",
        [ENDING_EVICTED] = "evicted", [ENDING_KILLED] = "killed", [ENDING_RELOAD] = "reload",
    };
    return ending < ENDING_COUNT ? names[ending] : "none";
}

enum ending ending_of(const struct connection *connection, enum ending otherwise)
{
    uint8_t protocol = connection->tuple.protocol;
    if (connection->generation != 0 && connection->action != ACTION_ALLOW)
        return ENDING_RELOAD;
    if (protocol == PROTOCOL_TCP && connection->state == TCP_CLOSED)
        return ENDING_RESET;
    if (protocol == PROTOCOL_TCP && (connection->state == TCP_TIME_WAIT || connection->state == TCP_LAST_ACK))
        return ENDING_CLOSED;
    return protocol == PROTOCOL_SCTP && connection->state == SCTP_CLOSED ? ENDING_CLOSED : otherwise;
}

void departures_put(struct departures *departures, const struct connection *connection, uint64_t parent, enum ending ending)
{
    uint32_t place;
    if (!ring_free(&departures->ring, DEPARTURES_MAX, &place))
        return;
    struct departure *departure = &departures->list[place];
    departure->connection = *connection;
    departure->parent = parent;
    departure->ending = (uint8_t)ending;
    ring_put(&departures->ring);
}

bool departures_take(struct departures *departures, struct departure *departure)
{
    uint32_t place;
    if (!ring_filled(&departures->ring, DEPARTURES_MAX, &place))
        return false;
    *departure = departures->list[place];
    ring_took(&departures->ring);
    return true;
}
