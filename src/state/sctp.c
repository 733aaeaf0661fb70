/*
 * An association is known by its verification tags: each side chooses the one that packets to it must carry (RFC 9260,
 * 8.5), so nobody who has not seen the handshake can send a chunk that counts.
 */
#include "state/sctp.h"

/* Chunk types (RFC 9260, 3.2). */
enum chunk {
    CHUNK_INIT = 1,
    CHUNK_INIT_ACK = 2,
    CHUNK_ABORT = 6,
    CHUNK_SHUTDOWN = 7,
    CHUNK_SHUTDOWN_ACK = 8,
    CHUNK_COOKIE_ECHO = 10,
    CHUNK_COOKIE_ACK = 11,
    CHUNK_SHUTDOWN_COMPLETE = 14,
};

static enum timeout timeout_of(uint8_t state)
{
    return state == SCTP_ESTABLISHED ? TIMEOUT_SCTP_ESTABLISHED : TIMEOUT_OTHER;
}

enum reason sctp_open(const struct packet *packet, struct step *step)
{
    const struct packet_sctp *sctp = &packet->sctp;
    /* An INIT carries the tag 0 and announces one that is not 0 (RFC 9260, 3.3.2 and 8.5.1). */
    if (sctp->first_chunk != CHUNK_INIT || sctp->verification_tag != 0 || sctp->initiate_tag == 0)
        return REASON_SCTP_STATE;
    step->transport.sctp.tag[REPLY] = sctp->initiate_tag;
    step->state = SCTP_INIT;
    step->timeout = timeout_of(step->state);
    return REASON_NONE;
}

enum reason sctp_pick_up(const struct packet *packet, struct step *step)
{
    const struct packet_sctp *sctp = &packet->sctp;
    /* Only an INIT carries the tag 0. */
    if (sctp->first_chunk == CHUNK_INIT || sctp->verification_tag == 0)
        return REASON_SCTP_STATE;
    step->untracked = sctp->first_chunk == CHUNK_ABORT || sctp->first_chunk == CHUNK_SHUTDOWN_COMPLETE;
    step->transport.sctp.tag[ORIGINAL] = sctp->verification_tag;
    step->state = SCTP_ESTABLISHED;
    step->timeout = TIMEOUT_OTHER; /* until the other side answers, anybody may have made it up */
    return REASON_NONE;
}

/* Does the packet carry the tag that its receiver chose? ABORT and SHUTDOWN COMPLETE may carry the sender's (8.4, the T bit). */
static bool tag_fits(const struct step *step, enum direction direction, const struct packet_sctp *sctp)
{
    const uint32_t *tag = step->transport.sctp.tag;
    bool reflected = sctp->first_chunk == CHUNK_ABORT || sctp->first_chunk == CHUNK_SHUTDOWN_COMPLETE;
    if (tag[direction] != 0 && sctp->verification_tag == tag[direction])
        return true;
    enum direction other = direction_other(direction);
    return reflected && tag[other] != 0 && sctp->verification_tag == tag[other];
}

/* An INIT on a known tuple: the first one again, the other half of a collision, or a restart of an association that is over. */
static enum reason judge_init(struct step *step, enum direction direction, const struct packet_sctp *sctp)
{
    uint32_t *announced = &step->transport.sctp.tag[direction_other(direction)];
    if (sctp->verification_tag != 0 || sctp->initiate_tag == 0)
        return REASON_SCTP_STATE;
    if (step->state == SCTP_CLOSED)
        step->reopens = true;
    else if (step->state == SCTP_INIT && *announced == 0)
        *announced = sctp->initiate_tag; /* both sides call at once (RFC 9260, 5.2.1) */
    else
        step->idle = true; /* the end host knows whether it is a restart (RFC 9260, 5.2.2) */
    return REASON_NONE;
}

static enum reason judge_init_ack(struct step *step, enum direction direction, const struct packet_sctp *sctp)
{
    uint32_t *announced = &step->transport.sctp.tag[direction_other(direction)];
    if (sctp->initiate_tag == 0)
        return REASON_SCTP_STATE;
    /* Late ones, from before the association stood, are dropped by the end hosts too (RFC 9260, 5.2.3). */
    if (step->state > SCTP_INIT_ACK || (*announced != 0 && *announced != sctp->initiate_tag))
        return REASON_SCTP_STATE;
    *announced = sctp->initiate_tag;
    step->state = SCTP_INIT_ACK;
    return REASON_NONE;
}

/* The state after a chunk that carries the right tag; SCTP_STATE_COUNT: the chunk does not fit the state. */
static uint8_t state_after(uint8_t state, uint8_t chunk)
{
    switch (chunk) {
    case CHUNK_COOKIE_ECHO:
        return state < SCTP_INIT_ACK ? SCTP_STATE_COUNT : state;
    case CHUNK_COOKIE_ACK:
        return state < SCTP_INIT_ACK ? SCTP_STATE_COUNT : state == SCTP_INIT_ACK ? SCTP_ESTABLISHED : state;
    case CHUNK_SHUTDOWN:
    case CHUNK_SHUTDOWN_ACK:
        return state < SCTP_ESTABLISHED ? SCTP_STATE_COUNT : state == SCTP_ESTABLISHED ? SCTP_SHUTDOWN : state;
    case CHUNK_ABORT:
    case CHUNK_SHUTDOWN_COMPLETE:
        return SCTP_CLOSED;
    default:
        return state < SCTP_ESTABLISHED ? SCTP_STATE_COUNT : state; /* data, SACK, heartbeat ... */
    }
}

enum reason sctp_continue(const struct connection *connection, enum direction direction, const struct packet *packet,
                          struct step *step)
{
    const struct packet_sctp *sctp = &packet->sctp;
    enum reason reason = REASON_NONE;
    uint32_t *tag = &step->transport.sctp.tag[direction];
    bool ends = sctp->first_chunk == CHUNK_ABORT || sctp->first_chunk == CHUNK_SHUTDOWN_COMPLETE;
    /* Of an association that was picked up one tag is not known until its side speaks. */
    if (connection->flags & CONNECTION_PICKED_UP && *tag == 0 && !ends)
        *tag = sctp->verification_tag;
    if (sctp->first_chunk == CHUNK_INIT) {
        reason = judge_init(step, direction, sctp);
    } else if (connection->flags & CONNECTION_LOOSE) {
        /* Half of the handshake goes another way: what comes after it says that it is done. */
        step->state = ends ? SCTP_CLOSED : step->state < SCTP_ESTABLISHED ? SCTP_ESTABLISHED : step->state;
    } else if (!tag_fits(step, direction, sctp)) {
        return REASON_SCTP_STATE;
    } else if (sctp->first_chunk == CHUNK_INIT_ACK) {
        reason = judge_init_ack(step, direction, sctp);
    } else {
        step->state = state_after(step->state, sctp->first_chunk);
        if (step->state == SCTP_STATE_COUNT)
            return REASON_SCTP_STATE;
    }
    bool replied = direction == REPLY || connection->flags & CONNECTION_REPLIED;
    step->timeout = connection->flags & CONNECTION_PICKED_UP && !replied ? TIMEOUT_OTHER : timeout_of(step->state);
    return reason;
}

const char *sctp_state_name(enum sctp_state state)
{
    static const char *const names[SCTP_STATE_COUNT] = {"init", "init-ack", "established", "shutdown", "closed"};
    return names[state];
}
