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
    uint32_t written = departures->written;
    if (written - __atomic_load_n(&departures->read, __ATOMIC_ACQUIRE) == DEPARTURES_MAX) {
        __atomic_store_n(&departures->left_out, departures->left_out + 1, __ATOMIC_RELAXED);
        return;
    }
    struct departure *departure = &departures->ring[written % DEPARTURES_MAX];
    departure->connection = *connection;
    departure->parent = parent;
    departure->ending = (uint8_t)ending;
    __atomic_store_n(&departures->written, written + 1, __ATOMIC_RELEASE);
}

bool departures_take(struct departures *departures, struct departure *departure)
{
    uint32_t read = departures->read;
    if (read == __atomic_load_n(&departures->written, __ATOMIC_ACQUIRE))
        return false;
    *departure = departures->ring[read % DEPARTURES_MAX];
    __atomic_store_n(&departures->read, read + 1, __ATOMIC_RELEASE);
    return true;
}
