#include "alg/channels.h"

#include "packet/packet.h"

/* A muted call is silent as long as an established TCP connection may idle. */
#define CHANNELS_WAIT_MS 3600000u

/* Media on their way when their channel is closed. */
#define CHANNELS_GRACE_MS 5000u

/* Of a call's tags: 0 to 255 are its sessions. */
enum { TAG_FAST = 256, TAG_CALL, TAGS_OF_A_CALL = 512 };

static uint32_t tag_of(unsigned call, unsigned what)
{
    return (call + 1) * TAGS_OF_A_CALL + what;
}

uint32_t channels_tag_of_call(unsigned call)
{
    return tag_of(call, TAG_CALL);
}

bool channels_readable(struct hearing *hearing, const struct speech *speech, const struct per *per)
{
    if (per->beyond)
        hearing_refuse(hearing, "an H.323 message that says that it is longer than its packet");
    else if (per->failed && speech->strict)
        hearing_refuse(hearing, "an H.323 message that cannot be read");
    return !per->failed;
}

/* ---- what is announced ---- */

/* Has this packet ordered it already? A fast start proposes the same ports once for each codec. */
static bool is_ordered(const struct hearing *hearing, const struct expected *expected)
{
    for (unsigned i = hearing->order_count; i > 0; i--) {
        const struct family_order *order = &hearing->orders[i - 1];
        if (order->kind == ORDER_WITHDRAW && order->tag == expected->tag)
            return false;
        if (order->kind == ORDER_EXPECT && order->expected.tag == expected->tag &&
            order->expected.dst_port == expected->dst_port && order->expected.any_src == expected->any_src &&
            address_equal(order->expected.dst, expected->dst))
            return true;
    }
    return false;
}

static void announce(struct hearing *hearing, const struct speech *speech, const struct place *place, uint32_t tag)
{
    struct expected expected = {
        .src = speech->listener,
        .dst = place->address,
        .dst_port = place->port,
        .protocol = PROTOCOL_UDP,
        .again = true,
        .tag = tag,
        .wait_ms = CHANNELS_WAIT_MS,
    };
    /* Port 0 is nowhere, and somebody else's address nothing that this rule opens: no crime either. */
    if (place->port == 0 || !speech_own(speech, place->address))
        return;
    if (!is_ordered(hearing, &expected))
        hearing_expect(hearing, speech, &expected);
    expected.any_src = true;
    if (speech->may_media != NULL && !is_ordered(hearing, &expected))
        hearing_expect(hearing, speech, &expected);
}

static void announce_all(struct hearing *hearing, const struct speech *speech, const struct h245_message *message,
                         uint32_t tag)
{
    for (unsigned i = 0; i < message->place_count; i++)
        announce(hearing, speech, &message->places[i], tag);
}

/* ---- channels ---- */

/* The channel of CALL to which OPENER has given NUMBER (0, any opener and call: a free one); NULL without one. */
static struct channel *find(struct channels *channels, unsigned call, enum direction opener, uint16_t number)
{
    for (unsigned i = 0; i < CHANNELS_MAX; i++) {
        struct channel *channel = &channels->list[i];
        if (channel->number == number && (number == 0 || (channel->opener == opener && channel->call == call)))
            return channel;
    }
    return NULL;
}

/* Is a channel of that session open? */
static bool has_session(const struct channels *channels, unsigned call, unsigned session)
{
    for (unsigned i = 0; i < CHANNELS_MAX; i++)
        if (channels->list[i].number != 0 && channels->list[i].call == call && channels->list[i].session == session)
            return true;
    return false;
}

static void end(struct channels *channels, struct hearing *hearing, struct channel *channel)
{
    channel->number = 0;
    if (!has_session(channels, channel->call, channel->session))
        hearing_withdraw(hearing, tag_of(channel->call, channel->session), CHANNELS_GRACE_MS);
}

static void hear_open(struct channels *channels, struct hearing *hearing, const struct speech *speech, unsigned call,
                      const struct h245_message *message)
{
    struct channel *channel = find(channels, call, speech->direction, message->channel);
    if (channel != NULL && channel->session != message->session) {
        end(channels, hearing, channel);
        channel = NULL;
    }
    if (channel == NULL)
        channel = find(channels, call, speech->direction, 0);
    if (channel == NULL)
        return;
    *channel = (struct channel){message->channel, (uint8_t)speech->direction, (uint8_t)call, message->session};
    announce_all(hearing, speech, message, tag_of(call, message->session));
}

void channels_hear(struct channels *channels, struct hearing *hearing, const struct speech *speech, unsigned call,
                   struct span message)
{
    struct per per = per_over(message);
    struct h245_message read = h245_read(&per);
    enum direction other = direction_other(speech->direction);
    struct channel *channel;
    if (!channels_readable(hearing, speech, &per))
        return;
    switch (read.kind) {
    case H245_OTHER:
        break;
    case H245_OPEN:
        hear_open(channels, hearing, speech, call, &read);
        break;
    case H245_OPEN_ACK:
        channel = find(channels, call, other, read.channel);
        if (channel != NULL)
            announce_all(hearing, speech, &read, tag_of(call, channel->session));
        else if (speech->strict)
            hearing_refuse(hearing, "an answer to a logical channel that nobody opens");
        break;
    case H245_OPEN_REJECT:
        if ((channel = find(channels, call, other, read.channel)) != NULL)
            end(channels, hearing, channel);
        break;
    case H245_CLOSE:
        if ((channel = find(channels, call, speech->direction, read.channel)) != NULL)
            end(channels, hearing, channel);
        break;
    case H245_END_SESSION:
        channels_end(channels, hearing, call);
        break;
    }
}

void channels_hear_proposal(struct hearing *hearing, const struct speech *speech, unsigned call, struct span proposal)
{
    struct per per = per_over(proposal);
    struct h245_message read = h245_read_open(&per);
    if (channels_readable(hearing, speech, &per))
        announce_all(hearing, speech, &read, tag_of(call, TAG_FAST));
}

void channels_end(struct channels *channels, struct hearing *hearing, unsigned call)
{
    for (unsigned i = 0; i < CHANNELS_MAX; i++)
        if (channels->list[i].number != 0 && channels->list[i].call == call)
            end(channels, hearing, &channels->list[i]);
    hearing_withdraw(hearing, tag_of(call, TAG_FAST), CHANNELS_GRACE_MS);
}
