#include "daemon/guard.h"

#include <string.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/private.h"
#include "daemon/steward.h"
#include "io/iptables.h"
#include "io/netlink.h"
#include "io/nft.h"
#include "packet/packet.h"
#include "state/tcp.h"

/*
 * Changes come in bursts: the look comes so long after the first of them. Who removes the hook as often as it is put back is met
 * once a second from the QUARREL_MENDED-th time on, until there is peace for so long.
 */
#define SETTLE_SECONDS 0.03
#define SETTLE_QUARREL_SECONDS 1.0
#define QUARREL_MENDED 20
#define PEACE_MS 10000

#define WALK_BUDGET 256u

#define QUIET_MS 60000
#define TEXT_BYTES 1500

static uint64_t legacy_print(const struct guard *guard)
{
    return iptables_legacy_print(guard->legacy_fds[0], 4) ^ iptables_legacy_print(guard->legacy_fds[1], 6);
}

/*
 * What passed meanwhile nobody has seen: connections have moved on, and who held them against where they stood would cut them.
 * Recalled first, as what the fast path knows of them is as old.
 */
static void forget_windows(void *context, struct connection *connection)
{
    const struct daemon *daemon = context;
    if (connection->tuple.protocol != PROTOCOL_TCP || connection->state < TCP_ESTABLISHED || connection->state > TCP_LAST_ACK)
        return;
    table_recall(daemon->table, connection);
    tcp_window_forget(connection->transport.tcp.peer);
}

static void forget_all_windows(struct daemon *daemon, uint64_t now_ms)
{
    uint32_t place = 0;
    do
        place = table_walk(daemon->table, place, WALK_BUDGET, now_ms, forget_windows, daemon);
    while (place != 0);
}

static void look(struct daemon *daemon)
{
    struct guard *guard = &daemon->guard;
    char text[TEXT_BYTES];
    uint64_t now_ms = clock_now_ms();
    enum hook_state state = steward_look_at_hook(text, sizeof text);
    /* Forgotten before packets come again: what comes first is learnt from, not denied. Trouble that lasts is no reason to forget on. */
    if (state == HOOK_WRONG || (state == HOOK_BROKEN && !guard->broken))
        forget_all_windows(daemon, now_ms);
    if (state != HOOK_STANDS)
        state = steward_mend_hook(text, sizeof text);
    if (guard->legacy)
        guard->legacy_print = legacy_print(guard);
    if (state == HOOK_MENDED) {
        guard->mended = now_ms - guard->mended_ms < PEACE_MS ? guard->mended + 1 : 1;
        guard->mended_ms = now_ms;
        log_line(LOG_LEVEL_WARNING, "packets may have passed unjudged for a moment: %s", text);
    } else if (state == HOOK_BROKEN && (!guard->broken || now_ms >= guard->quiet_until_ms)) {
        guard->quiet_until_ms = now_ms + QUIET_MS;
        log_line(LOG_LEVEL_ERROR, "packets may pass unjudged: %s", text);
    } else if (state == HOOK_STANDS && guard->broken) {
        log_line(LOG_LEVEL_NOTICE, "the hook stands again, and everything meets it");
    }
    guard->broken = state == HOOK_BROKEN;
}

static void on_settled(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    look(watcher->data);
}

static void on_notice(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct daemon *daemon = watcher->data;
    struct guard *guard = &daemon->guard;
    (void)events;
    netlink_drain(guard->fd);
    if (ev_is_active(&guard->settle))
        return;
    bool quarrel = guard->mended >= QUARREL_MENDED && clock_now_ms() - guard->mended_ms < PEACE_MS;
    ev_timer_set(&guard->settle, quarrel ? SETTLE_QUARREL_SECONDS : SETTLE_SECONDS, 0.);
    ev_timer_start(loop, &guard->settle);
}

/* Nothing gets past spid by that: it is worth a word, not more. */
static void tell_unreached(const struct daemon *daemon)
{
    char note[TEXT_BYTES];
    if (hook_unreached(&daemon->hook, note, sizeof note))
        log_line(LOG_LEVEL_WARNING, "%s", note);
}

bool guard_prepare(struct daemon *daemon)
{
    struct guard *guard = &daemon->guard;
    char error[TEXT_BYTES];
    /* From before the first look: what happens between is not missed. */
    guard->fd = nft_watch();
    guard->legacy = iptables_backend() == IPTABLES_LEGACY;
    guard->legacy_fds[0] = guard->legacy ? iptables_legacy_open(4) : -1;
    guard->legacy_fds[1] = guard->legacy ? iptables_legacy_open(6) : -1;
    guard->open = true;
    if (guard->fd < 0 && !guard->legacy) {
        log_line(LOG_LEVEL_ERROR, "changes of the kernel's rules cannot be followed: %s", strerror(-guard->fd));
        return false;
    }
    if (!steward_keep_hook(&daemon->hook, error, sizeof error)) {
        log_line(LOG_LEVEL_ERROR, "the hook cannot be watched: %s", error);
        return false;
    }
    tell_unreached(daemon);
    return true;
}

void guard_start(struct daemon *daemon)
{
    struct guard *guard = &daemon->guard;
    if (!guard->open)
        return;
    ev_timer_init(&guard->settle, on_settled, SETTLE_SECONDS, 0.);
    guard->settle.data = guard->notice.data = daemon;
    if (guard->fd >= 0) {
        ev_io_init(&guard->notice, on_notice, guard->fd, EV_READ);
        ev_io_start(daemon->loop, &guard->notice);
    }
    guard->watches = true;
    look(daemon);
}

void guard_stop(struct daemon *daemon)
{
    struct guard *guard = &daemon->guard;
    if (guard->watches) {
        ev_timer_stop(daemon->loop, &guard->settle);
        if (guard->fd >= 0)
            ev_io_stop(daemon->loop, &guard->notice);
        guard->watches = false;
    }
    const int fds[] = {guard->fd, guard->legacy_fds[0], guard->legacy_fds[1]};
    for (unsigned i = 0; guard->open && i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    guard->open = false;
}

void guard_second(struct daemon *daemon)
{
    struct guard *guard = &daemon->guard;
    if (guard->watches && (guard->broken || (guard->legacy && legacy_print(guard) != guard->legacy_print)))
        look(daemon);
}
