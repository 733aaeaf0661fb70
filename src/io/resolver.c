#include "io/resolver.h"

#include <ares.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* For each server, and doubled at the second try. */
#define TRY_MS 2000
#define TRIES 2

/* c-ares is told of the time at least so often while somebody is asked. */
#define TICK_SECONDS 0.25

/* RFC 1035, 3.2; RFC 3596, 2.1. */
#define CLASS_IN 1
#define TYPE_A 1
#define TYPE_AAAA 28

/* One socket of c-ares. */
struct watch {
    struct watch *next;
    struct resolver *resolver;
    ev_io io;
};

struct resolver {
    struct ev_loop *loop;
    resolver_take take;
    void *context;
    ares_channel channel;
    bool has_channel, ending;
    unsigned pending;
    struct watch *watches;
    ev_timer tick;
};

struct look_up {
    struct resolver *resolver;
    bool v6;
    char name[];
};

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
    struct watch *watch = io->data;
    ares_socket_t fd = (ares_socket_t)io->fd;
    (void)loop;
    ares_process_fd(watch->resolver->channel, events & EV_READ ? fd : ARES_SOCKET_BAD,
                    events & EV_WRITE ? fd : ARES_SOCKET_BAD);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct resolver *resolver = timer->data;
    (void)loop;
    (void)events;
    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void watch_end(struct watch **link)
{
    struct watch *watch = *link;
    ev_io_stop(watch->resolver->loop, &watch->io);
    *link = watch->next;
    free(watch);
}

/* c-ares wants to know when FD is readable or writable; neither: it is about to close it. */
static void on_state(void *context, ares_socket_t fd, int readable, int writable)
{
    struct resolver *resolver = context;
    struct watch **link = &resolver->watches;
    while (*link != NULL && (*link)->io.fd != fd)
        link = &(*link)->next;
    if (*link != NULL)
        watch_end(link);
    if (!readable && !writable)
        return;
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return; /* the look-up runs into its timeout */
    watch->resolver = resolver;
    watch->next = resolver->watches;
    resolver->watches = watch;
    ev_io_init(&watch->io, on_socket, fd, (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
    watch->io.data = watch;
    ev_io_start(resolver->loop, &watch->io);
}

static void channel_close(struct resolver *resolver)
{
    if (resolver->has_channel)
        ares_destroy(resolver->channel);
    resolver->has_channel = false;
}

static bool channel_open(struct resolver *resolver)
{
    struct ares_options options = {
        .timeout = TRY_MS,
        .tries = TRIES,
        .sock_state_cb = on_state,
        .sock_state_cb_data = resolver,
    };
    resolver->has_channel = ares_init_options(&resolver->channel, &options,
                                              ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) == ARES_SUCCESS;
    return resolver->has_channel;
}

struct resolver *resolver_new(struct ev_loop *loop, resolver_take take, void *context)
{
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return NULL;
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (resolver == NULL) {
        ares_library_cleanup();
        return NULL;
    }
    resolver->loop = loop;
    resolver->take = take;
    resolver->context = context;
    ev_timer_init(&resolver->tick, on_tick, TICK_SECONDS, TICK_SECONDS);
    resolver->tick.data = resolver;
    return resolver;
}

void resolver_free(struct resolver *resolver)
{
    if (resolver == NULL)
        return;
    resolver->ending = true;
    channel_close(resolver);
    ev_timer_stop(resolver->loop, &resolver->tick);
    free(resolver);
    ares_library_cleanup();
}

static const char *words_of(int status)
{
    switch (status) {
    case ARES_ENOTFOUND:
        return "there is no such name (NXDOMAIN)";
    case ARES_ESERVFAIL:
        return "the server failed (SERVFAIL)";
    case ARES_EREFUSED:
        return "the server refuses to answer (REFUSED)";
    case ARES_ETIMEOUT:
        return "no server answered in time";
    case ARES_ECONNREFUSED:
        return "no server can be reached";
    default:
        return ares_strerror(status);
    }
}

/* Adds one address and its TTL, which is the least on the way through CNAMEs; each address once. */
static void add_address(struct resolver_answer *answer, struct address addresses[RESOLVER_ADDRESSES_MAX],
                        struct address address, int ttl)
{
    if (ttl >= 0 && (uint32_t)ttl < answer->ttl_s)
        answer->ttl_s = (uint32_t)ttl;
    /* A mapped address is none that a packet could have: IPv4 has a question of its own. */
    bool known = answer->v6 && address_is_v4(address);
    for (size_t i = 0; i < answer->count && !known; i++)
        known = address_equal(addresses[i], address);
    if (!known)
        addresses[answer->count++] = address;
}

/* Reads the reply of LENGTH bytes; the parser checks them. An ARES_* status. */
static int read_reply(struct resolver_answer *answer, const unsigned char *bytes, int length,
                      struct address addresses[RESOLVER_ADDRESSES_MAX])
{
    struct ares_addrttl v4[RESOLVER_ADDRESSES_MAX];
    struct ares_addr6ttl v6[RESOLVER_ADDRESSES_MAX];
    int count = RESOLVER_ADDRESSES_MAX;
    int status = answer->v6 ? ares_parse_aaaa_reply(bytes, length, NULL, v6, &count)
                            : ares_parse_a_reply(bytes, length, NULL, v4, &count);
    for (int i = 0; status == ARES_SUCCESS && i < count; i++)
        if (answer->v6)
            add_address(answer, addresses, address_v6((const uint8_t *)&v6[i].ip6addr), v6[i].ttl);
        else
            add_address(answer, addresses, address_v4(ntohl(v4[i].ipaddr.s_addr)), v4[i].ttl);
    return status;
}

static void on_answer(void *context, int status, int timeouts, unsigned char *bytes, int length)
{
    struct look_up *look_up = context;
    struct resolver *resolver = look_up->resolver;
    struct address addresses[RESOLVER_ADDRESSES_MAX];
    struct resolver_answer answer = {.name = look_up->name, .v6 = look_up->v6, .addresses = addresses, .ttl_s = INT32_MAX};
    (void)timeouts;
    if (status == ARES_SUCCESS)
        status = read_reply(&answer, bytes, length, addresses);
    if (status != ARES_SUCCESS && status != ARES_ENODATA)
        answer.failure = words_of(status);
    if (--resolver->pending == 0)
        ev_timer_stop(resolver->loop, &resolver->tick);
    if (!resolver->ending)
        resolver->take(resolver->context, &answer);
    free(look_up);
}

bool resolver_ask(struct resolver *resolver, const char *name, bool v6)
{
    if (resolver->pending == 0)
        channel_close(resolver);
    struct look_up *look_up = malloc(sizeof *look_up + strlen(name) + 1);
    if (look_up == NULL || (!resolver->has_channel && !channel_open(resolver))) {
        free(look_up);
        return false;
    }
    look_up->resolver = resolver;
    look_up->v6 = v6;
    strcpy(look_up->name, name);
    if (resolver->pending++ == 0)
        ev_timer_again(resolver->loop, &resolver->tick);
    /* The name is whole: c-ares' own getaddrinfo would go on with the search list, and somebody else's zone could answer. */
    ares_query(resolver->channel, name, CLASS_IN, v6 ? TYPE_AAAA : TYPE_A, on_answer, look_up);
    return true;
}

unsigned resolver_pending(const struct resolver *resolver)
{
    return resolver->pending;
}
