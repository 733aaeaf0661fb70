#include "tests/differential/dialogue.h"

#include <string.h>

#include "packet/packet.h"

#define FLIGHT_MAX 256
#define STEPS_MAX 400
#define RETRANSMIT_AFTER 120

/* One end host. Numbers as in RFC 9293, 3.3.1. */
struct host {
    bool server, open, fin_wanted, fin_sent, reset;
    uint32_t iss, una, nxt, rcv_nxt;
    uint32_t data_end;      /* what it has to say ends here; the FIN comes behind it */
    uint32_t peer_window;   /* scaled */
    uint16_t window;        /* what it offers, not scaled */
    uint8_t scale;          /* DIALOGUE_NO_SCALE: it does not want to */
    bool scales;            /* both want to */
    bool heard;             /* the other's SYN */
    uint32_t held_begin, held_end; /* out of order, one piece */
    uint64_t progress;      /* when something was last acknowledged or sent anew */
};

/* A segment under way: when it passes the middle, when it arrives; 0: lost before that. */
struct flight {
    bool used;
    struct segment segment;
    uint64_t middle, end;
};

struct world {
    uint64_t seed, now;
    struct host hosts[2];
    struct flight flights[FLIGHT_MAX];
    unsigned loss, jitter, doubles; /* in percent; time units; percent */
    void (*tell)(void *context, const struct segment *segment);
    void *context;
};

/* xorshift64*: a dialogue must be the same everywhere. */
static uint32_t draw(struct world *world, uint32_t below)
{
    world->seed ^= world->seed >> 12;
    world->seed ^= world->seed << 25;
    world->seed ^= world->seed >> 27;
    return (uint32_t)((world->seed * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static bool chance(struct world *world, unsigned percent)
{
    return draw(world, 100) < percent;
}

static void put_under_way(struct world *world, const struct segment *segment)
{
    for (unsigned i = 0; i < FLIGHT_MAX; i++) {
        struct flight *flight = &world->flights[i];
        if (flight->used)
            continue;
        *flight = (struct flight){.used = true, .segment = *segment};
        flight->middle = chance(world, world->loss) ? 0 : world->now + 1 + draw(world, world->jitter);
        if (flight->middle == 0)
            flight->used = false; /* lost before the middle: nobody ever sees it */
        else
            flight->end = chance(world, world->loss) ? 0 : flight->middle + 1 + draw(world, world->jitter);
        return;
    }
}

static void send(struct world *world, struct host *host, uint8_t flags, uint32_t seq, uint16_t length)
{
    struct segment segment = {
        .from_server = host->server,
        .flags = flags,
        .seq = seq,
        .ack = flags & TCP_ACK ? host->rcv_nxt : 0,
        .window = host->window,
        .length = length,
        .scale = DIALOGUE_NO_SCALE,
    };
    if (flags & TCP_SYN && (!host->heard || host->scales || !host->server))
        segment.scale = host->scale;
    if (host->held_end != host->held_begin && flags & TCP_ACK && !(flags & TCP_SYN)) {
        segment.sacks = true;
        segment.sack_begin = host->held_begin;
        segment.sack_end = host->held_end;
    }
    put_under_way(world, &segment);
    if (chance(world, world->doubles))
        put_under_way(world, &segment);
}

static uint32_t in_flight(const struct host *host)
{
    return host->nxt - host->una;
}

/* Sends what the window lets through, a few segments at a time, of any length. */
static void pump(struct world *world, struct host *host)
{
    for (unsigned i = 0; i < 4 && !host->fin_sent && host->nxt != host->data_end; i++) {
        uint32_t room = host->peer_window > in_flight(host) ? host->peer_window - in_flight(host) : 0;
        uint32_t length = 1 + draw(world, 1460), left = host->data_end - host->nxt;
        length = length < left ? length : left;
        length = length < room ? length : room;
        if (length == 0)
            break;
        send(world, host, TCP_ACK | (chance(world, 30) ? TCP_PSH : 0), host->nxt, (uint16_t)length);
        host->nxt += length;
    }
    if (host->fin_wanted && !host->fin_sent && host->nxt == host->data_end && in_flight(host) < host->peer_window) {
        send(world, host, TCP_ACK | TCP_FIN, host->nxt, 0);
        host->nxt++;
        host->fin_sent = true;
    }
}

/* The retransmission timer: from the oldest byte on, cut up in another way than before. A closed window is probed. */
static void retransmit(struct world *world, struct host *host)
{
    host->progress = world->now;
    if (!host->open) {
        if (!host->server || host->heard)
            send(world, host, TCP_SYN | (host->heard ? TCP_ACK : 0), host->iss, 0);
        return;
    }
    uint32_t data = host->fin_sent ? in_flight(host) - 1 : in_flight(host);
    if (in_flight(host) == 0) {
        if (host->peer_window == 0 && !host->fin_sent && host->nxt != host->data_end) {
            send(world, host, TCP_ACK, host->nxt, 1);
            host->nxt++;
        } else if (!host->fin_sent && chance(world, 20)) {
            send(world, host, TCP_ACK, host->nxt - 1, (uint16_t)draw(world, 2)); /* a keep-alive, with or without a byte */
        }
        return;
    }
    uint32_t length = data > 0 ? 1 + draw(world, data < 1460 ? data : 1460) : 0;
    bool fin = host->fin_sent && length == data;
    send(world, host, TCP_ACK | (fin ? TCP_FIN : 0), host->una, (uint16_t)length);
}

static bool after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static void take_ack(struct world *world, struct host *host, const struct segment *segment)
{
    if (after(segment->ack, host->nxt) || after(host->una, segment->ack))
        return;
    if (segment->ack != host->una)
        host->progress = world->now;
    host->una = segment->ack;
    host->peer_window = (uint32_t)segment->window << (host->scales ? world->hosts[!host->server].scale : 0);
}

/* Takes the bytes of the segment in; what comes too early is held, one piece of it. */
static void take_data(struct host *host, const struct segment *segment)
{
    uint32_t begin = segment->seq, end = segment->seq + segment->length + !!(segment->flags & TCP_FIN);
    if (after(begin, host->rcv_nxt)) {
        if (segment->flags & TCP_FIN || host->held_begin != host->held_end)
            return;
        host->held_begin = begin;
        host->held_end = end;
        return;
    }
    if (after(end, host->rcv_nxt))
        host->rcv_nxt = end;
    if (host->held_begin != host->held_end && !after(host->held_begin, host->rcv_nxt)) {
        if (after(host->held_end, host->rcv_nxt))
            host->rcv_nxt = host->held_end;
        host->held_begin = host->held_end = 0;
    }
}

static void take_syn(struct world *world, struct host *host, const struct segment *segment)
{
    struct host *other = &world->hosts[!host->server];
    if (host->open) {
        send(world, host, TCP_ACK, host->nxt, 0); /* RFC 5961, 4: a challenge */
        return;
    }
    if (segment->flags & TCP_ACK && segment->ack != host->nxt)
        return;
    host->heard = true;
    host->rcv_nxt = segment->seq + 1;
    host->scales = host->scale != DIALOGUE_NO_SCALE && segment->scale != DIALOGUE_NO_SCALE;
    host->peer_window = segment->window;
    if (host->server) {
        send(world, host, TCP_SYN | TCP_ACK, host->iss, 0);
        host->nxt = host->iss + 1;
        return;
    }
    other->scales = host->scales;
    host->open = true;
    host->una = segment->ack;
    send(world, host, TCP_ACK, host->nxt, 0);
    pump(world, host);
}

static void arrive(struct world *world, const struct segment *segment)
{
    struct host *host = &world->hosts[!segment->from_server];
    if (host->reset) {
        if (!(segment->flags & TCP_RST))
            send(world, host, TCP_RST, segment->ack, 0);
        return;
    }
    if (segment->flags & TCP_RST) {
        host->reset |= segment->seq == host->rcv_nxt;
        return;
    }
    if (segment->flags & TCP_SYN) {
        take_syn(world, host, segment);
        return;
    }
    if (!host->heard)
        return;
    if (host->server && !host->open && segment->ack == host->nxt) {
        host->open = true;
        host->una = segment->ack;
    }
    take_ack(world, host, segment);
    uint32_t before = host->rcv_nxt;
    take_data(host, segment);
    if (segment->length > 0 || segment->flags & TCP_FIN || host->rcv_nxt != before)
        send(world, host, TCP_ACK, host->nxt, 0);
    if (host->open)
        pump(world, host);
    if (chance(world, 2))
        host->window = (uint16_t)(chance(world, 30) ? 0 : 1 + draw(world, 65535));
    if (host->window == 0 && chance(world, 40)) {
        host->window = 8192;
        send(world, host, TCP_ACK, host->nxt, 0); /* the window opens again */
    }
}

/* Somebody who has seen nothing sends what he likes. */
static void shout(struct world *world)
{
    static const uint8_t flags[] = {TCP_RST, TCP_RST | TCP_ACK, TCP_SYN, TCP_ACK, TCP_ACK | TCP_PSH, TCP_SYN | TCP_ACK,
                                    TCP_FIN | TCP_ACK, TCP_FIN, 0, TCP_SYN | TCP_FIN, TCP_SYN | TCP_RST};
    const struct host *host = &world->hosts[draw(world, 2)];
    uint32_t near = draw(world, 3);
    struct segment segment = {
        .from_server = host->server,
        .foreign = true,
        .flags = flags[draw(world, sizeof flags)],
        .seq = near == 0 ? draw(world, UINT32_MAX) : near == 1 ? host->nxt + draw(world, 30000) : host->nxt - draw(world, 30000),
        .ack = draw(world, 2) == 0 ? host->rcv_nxt - draw(world, 3000) : draw(world, UINT32_MAX),
        .window = (uint16_t)draw(world, 65536),
        .length = (uint16_t)(chance(world, 50) ? 0 : draw(world, 1000)),
        .scale = DIALOGUE_NO_SCALE,
    };
    if (segment.flags & TCP_SYN)
        segment.length = 0;
    if (!(segment.flags & TCP_ACK))
        segment.ack = 0;
    world->tell(world->context, &segment);
}

/* The next thing that happens: a segment passes the middle, or arrives, or a timer goes off. False: nothing will. */
static bool step(struct world *world)
{
    struct flight *next = NULL;
    uint64_t at = UINT64_MAX;
    for (unsigned i = 0; i < FLIGHT_MAX; i++) {
        struct flight *flight = &world->flights[i];
        uint64_t time = flight->middle != 0 ? flight->middle : flight->end;
        if (flight->used && time < at) {
            at = time;
            next = flight;
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        struct host *host = &world->hosts[i];
        if (host->reset || host->progress + RETRANSMIT_AFTER >= at)
            continue;
        world->now = host->progress + RETRANSMIT_AFTER > world->now ? host->progress + RETRANSMIT_AFTER : world->now;
        retransmit(world, host);
        return true;
    }
    if (next == NULL)
        return false;
    world->now = at;
    if (next->middle != 0) {
        world->tell(world->context, &next->segment);
        next->middle = 0;
        next->used = next->end != 0;
    } else {
        next->used = false;
        arrive(world, &next->segment);
    }
    return true;
}

static void begin(struct world *world, struct host *host, bool server)
{
    *host = (struct host){.server = server};
    host->iss = chance(world, 30) ? UINT32_MAX - draw(world, 4000) : draw(world, UINT32_MAX); /* often near the end */
    host->una = host->iss;
    host->nxt = host->iss + 1;
    host->data_end = host->nxt + (chance(world, 20) ? 0 : draw(world, 40000));
    host->window = (uint16_t)(2000 + draw(world, 63535));
    host->scale = chance(world, 40) ? DIALOGUE_NO_SCALE : (uint8_t)draw(world, 8);
}

void dialogue(uint64_t seed, void (*tell)(void *context, const struct segment *segment), void *context)
{
    static struct world world;
    memset(&world, 0, sizeof world);
    world.seed = seed * 0x9e3779b97f4a7c15ULL + 1;
    world.tell = tell;
    world.context = context;
    for (unsigned i = 0; i < 8; i++)
        draw(&world, 2);
    world.loss = chance(&world, 50) ? 0 : draw(&world, 15);
    world.jitter = chance(&world, 50) ? 1 : 1 + draw(&world, 40);
    world.doubles = chance(&world, 50) ? 0 : draw(&world, 10);
    begin(&world, &world.hosts[0], false);
    begin(&world, &world.hosts[1], true);
    unsigned shouts = chance(&world, 50) ? 0 : draw(&world, 10);
    bool aborts = chance(&world, 15);
    send(&world, &world.hosts[0], TCP_SYN, world.hosts[0].iss, 0);
    for (unsigned i = 0; i < STEPS_MAX && step(&world); i++) {
        if (chance(&world, shouts))
            shout(&world);
        struct host *host = &world.hosts[draw(&world, 2)];
        if (i > 60 && chance(&world, 4))
            host->fin_wanted = true;
        if (aborts && i > 80 && chance(&world, 3) && host->open && !host->reset) {
            send(&world, host, TCP_RST | TCP_ACK, host->nxt, 0);
            host->reset = true;
        }
    }
}
