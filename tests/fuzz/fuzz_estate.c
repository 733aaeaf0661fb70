/*
 * What another daemon left, with anything changed in it: nothing impossible is taken over, and what is taken over can
 * be used and ends.
 *
 * The input is changes to a small estate with connections, parents, children and expectations: a byte that chooses
 * what is changed (the header; a connection, family or expectation), two bytes that say which one and where in it,
 * and four bytes that are put there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/reader.h"
#include "packet/verdict.h"
#include "state/family_private.h"
#include "state/inherit.h"
#include "state/sctp.h"
#include "state/session.h"
#include "state/tcp.h"

#define MUST(condition) ((condition) ? (void)0 : broken(#condition, __LINE__))

#define NOW_MS 10000000u
#define DIALECTS 9
#define CAPACITY 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct estate_boot boot = {{7}};

static _Noreturn void broken(const char *condition, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, line, condition);
    abort();
}

struct home {
    int fd;
    struct estate *estate;
    struct table *table;
};

static struct home home_of(uint64_t key)
{
    struct home home = {.fd = memfd_create("estate", MFD_CLOEXEC)};
    home.estate = estate_new(home.fd, &boot);
    MUST(home.estate != NULL);
    struct table_config config = {.capacity = CAPACITY, .key = {key, 1}, .estate = home.estate};
    home.table = table_new(&config);
    MUST(home.table != NULL);
    return home;
}

static void leave(struct home *home)
{
    table_free(home->table);
    estate_close(home->estate);
    close(home->fd);
}

/* ---- the estate ---- */

static struct connection *open_one(struct table *table, uint16_t number, uint8_t protocol)
{
    bool ports = protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP;
    struct tuple tuple = {.low = address_v4(0x0a000001), .high = address_v4(0xc0000201), .protocol = protocol};
    struct standing standing = {.timeout_ms = 60000, .eviction = EVICT_NEVER};
    if (ports)
        tuple.low_port = number, tuple.high_port = 80;
    else if (protocol == PROTOCOL_ICMP)
        tuple.low_port = tuple.high_port = number, tuple.detail = 8;
    struct connection *connection = table_insert(table, table_hash(table, &tuple), &tuple, NOW_MS - 1000, &standing);
    MUST(connection != NULL);
    connection->flags = CONNECTION_REPLIED;
    connection->packets[ORIGINAL] = connection->packets[REPLY] = 10;
    connection->state = protocol == PROTOCOL_TCP ? TCP_ESTABLISHED : protocol == PROTOCOL_SCTP ? SCTP_ESTABLISHED : 0;
    return connection;
}

static void announce(struct families *families, struct connection *parent, uint16_t port, bool again)
{
    struct family_order order = {.kind = ORDER_EXPECT,
                                 .expected = {.src = parent->tuple.high, .dst = parent->tuple.low, .dst_port = port,
                                              .protocol = PROTOCOL_UDP, .again = again, .at_once = again ? 2 : 0, .wait_ms = 60000}};
    MUST(family_obey(families, family_of(families, parent), &order, 1, 100, NOW_MS - 500));
}

static struct connection *join(struct table *table, uint16_t port)
{
    struct families *families = table_families(table);
    struct connection *child = open_one(table, port, PROTOCOL_UDP);
    struct packet packet = {.protocol = PROTOCOL_UDP, .src = child->tuple.high, .dst = child->tuple.low, .src_port = 80, .dst_port = port};
    struct expected expected;
    struct basis basis;
    uint64_t parent;
    uint32_t index = family_find(families, &packet, NOW_MS - 400, &expected, &basis, &parent);
    MUST(index != KIN_NONE && family_join(families, index, child, &packet, NOW_MS - 400));
    return child;
}

/* Two parents, one of them gone, a parent who is a child, children, and what still waits. */
static void fill(struct table *table)
{
    static const uint8_t protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP, PROTOCOL_SCTP, PROTOCOL_ESP, PROTOCOL_GRE};
    struct families *families = table_families(table);
    for (unsigned i = 0; i < sizeof protocols; i++)
        open_one(table, (uint16_t)(1 + i), protocols[i]);
    struct connection *first = open_one(table, 101, PROTOCOL_TCP), *second = open_one(table, 102, PROTOCOL_TCP);
    MUST(family_found(families, first, 1, 30000) && family_found(families, second, 8, 30000));
    announce(families, first, 5000, true);
    announce(families, first, 5001, false);
    announce(families, second, 5002, false);
    announce(families, second, 5003, false);
    join(table, 5000);
    struct connection *child = join(table, 5001);
    MUST(family_found(families, child, 4, 30000));
    announce(families, child, 5004, false);
    join(table, 5002);
    join(table, 5004);
    table_remove(table, second, ENDING_NONE);
}

static void change(struct home *home, struct reader *reader)
{
    static const size_t starts[] = {0, 2 << 20, 4 << 20}; /* connections begin behind the header, families behind these */
    unsigned what = reader_u8(reader) % 4;
    size_t which = reader_u8(reader), place = reader_u8(reader);
    uint32_t value = reader_u32(reader);
    size_t expectations = starts[2] + (((FAMILIES_MAX + 1) * sizeof(struct family) + (2 << 20) - 1) >> 21 << 21);
    size_t at = what == 0   ? (which * 256 + place) % 256
                : what == 1 ? starts[1] + which % 24 * sizeof(struct connection) + place * 4 % sizeof(struct connection)
                : what == 2 ? starts[2] + which % 6 * sizeof(struct family) + place * 4 % sizeof(struct family)
                            : expectations + which % 10 * sizeof(struct expectation) + place * 4 % sizeof(struct expectation);
    if (!reader->failed)
        MUST(pwrite(home->fd, &value, sizeof value, (off_t)at) == sizeof value);
}

/* ---- what came of it ---- */

static void see(void *context, struct connection *connection)
{
    const struct home *home = context;
    struct packet packet = {.protocol = connection->tuple.protocol, .payload_length = 10,
                            .tcp = {.seq = connection->transport.tcp.peer[0].end, .flags = TCP_ACK, .window = 100}};
    const struct tuple *tuple = &connection->tuple;
    struct step step;
    uint64_t parent;
    MUST(address_compare(tuple->low, tuple->high) <= 0 && address_is_v4(tuple->low) == address_is_v4(tuple->high));
    MUST(tuple->asker <= SIDE_HIGH && tuple->zero == 0 && connection->chain < CHAIN_COUNT);
    MUST(connection->seen_ms <= NOW_MS && connection->id != 0 && connection->packets[ORIGINAL] != 0);
    MUST(connection->generation == 0 && !connection->offloaded && connection->alg < DIALECTS);
    MUST(!(connection->flags & CONNECTION_RELATED) == (connection->alg == 0 && connection->kin == KIN_NONE) || connection->alg != 0);
    if (tuple->protocol == PROTOCOL_TCP)
        MUST(connection->state < TCP_STATE_COUNT && *tcp_state_name(connection->state) != '\0');
    if (tuple->protocol == PROTOCOL_SCTP)
        MUST(connection->state < SCTP_STATE_COUNT && *sctp_state_name(connection->state) != '\0');
    session_continue(connection, ORIGINAL, &packet, &step);
    session_continue(connection, REPLY, &packet, &step);
    struct basis basis = family_basis(table_families(home->table), connection, &parent);
    MUST(basis.chain < CHAIN_COUNT);
    MUST((parent != 0) == !!(connection->flags & CONNECTION_RELATED));
    family_kinship(table_families(home->table), connection);
}

static void nothing(void *context, struct connection *connection)
{
    (void)context;
    (void)connection;
}

/* All ends, and nothing is left. */
static void end(struct home *home)
{
    uint32_t place = 0;
    do
        place = table_walk(home->table, place, 1000, 0, see, home);
    while (place != 0);
    for (uint64_t now_ms = NOW_MS; now_ms < NOW_MS + UINT64_C(20000000000); now_ms += UINT64_C(4000000000))
        for (unsigned stripe = 0; stripe < TABLE_STRIPES; stripe++)
            table_expire(home->table, stripe, now_ms, 100000);
    struct families_use use = families_use(table_families(home->table));
    MUST(table_use(home->table).now == 0);
    MUST(use.families == 0 && use.waiting == 0 && use.children == 0);
    MUST(tally_keys(table_tally(home->table)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader reader = reader_over(data, size);
    struct home old = home_of(1), new = home_of(2);
    enum estate_flaw flaw;
    struct inheritance inheritance;
    fill(old.table);
    while (reader_left(&reader) >= 7)
        change(&old, &reader);
    struct estate *former = estate_open(old.fd, &boot, &flaw);
    struct inherit_config config = {former, new.table, NOW_MS, DIALECTS, nothing, NULL};
    if (former != NULL) {
        inherit(&config, &inheritance);
        MUST(inheritance.adopted == table_use(new.table).now);
        MUST(size >= 7 || inheritance.adopted == 11);
        end(&new);
    }
    estate_close(former);
    leave(&old);
    leave(&new);
    return 0;
}
