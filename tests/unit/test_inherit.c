/*
 * What one table leaves to the next: every field comes across, nothing impossible does, and what is not an estate is
 * refused.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "packet/verdict.h"
#include "state/family.h"
#include "state/inherit.h"
#include "state/session.h"
#include "state/tcp.h"

#define NOW_MS 5000000u
#define LATER_MS (NOW_MS + 1000u)
#define DIALECTS 5
#define DIALECT 3

static const struct estate_boot boot = {{1, 2, 3}}, other_boot = {{1, 2, 4}};

/* A daemon, as far as it matters here. */
struct home {
    int fd;
    struct estate *estate;
    struct table *table;
};

static struct home old, new;
static struct estate *former;
static enum estate_flaw flaw;
static struct inheritance result;
static unsigned told;

static struct home home_of(uint32_t capacity, uint64_t key)
{
    struct home home = {.fd = memfd_create("estate", MFD_CLOEXEC)};
    home.estate = estate_new(home.fd, &boot);
    ck_assert_ptr_nonnull(home.estate);
    struct table_config config = {.capacity = capacity, .key = {key, 2}, .estate = home.estate};
    home.table = table_new(&config);
    ck_assert_ptr_nonnull(home.table);
    return home;
}

static void leave(struct home *home)
{
    table_free(home->table);
    estate_close(home->estate);
    close(home->fd);
}

static void setup(void)
{
    old = home_of(1000, 1);
    new = home_of(1000, 7);
    former = NULL;
    told = 0;
}

static void teardown(void)
{
    estate_close(former);
    leave(&old);
    leave(&new);
}

static void see(void *context, struct connection *connection)
{
    ck_assert_ptr_eq(context, &new);
    ck_assert_uint_ne(connection->id, 0);
    told++;
}

static void take_over(uint64_t now_ms)
{
    former = estate_open(old.fd, &boot, &flaw);
    ck_assert_int_eq(flaw, ESTATE_FINE);
    struct inherit_config config = {former, new.table, now_ms, DIALECTS, see, &new};
    inherit(&config, &result);
    ck_assert_uint_eq(told, result.adopted);
}

static uint32_t refused(void)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < INHERIT_FLAW_COUNT; i++)
        sum += result.refused[i];
    return sum;
}

/* The NUMBERth of many tuples. */
static struct tuple tuple_of_number(uint16_t number, uint8_t protocol)
{
    return (struct tuple){
        .low = address_v4(0x0a000001), .high = address_v4(0xc0000201), .low_port = number, .high_port = 80, .protocol = protocol};
}

static struct connection *find(struct home *home, const struct tuple *tuple)
{
    return table_find(home->table, table_hash(home->table, tuple), tuple);
}

/* An established connection, all of whose fields say something. */
static struct connection *open_in(struct home *home, const struct tuple *tuple)
{
    struct standing standing = {.timeout_ms = 60000, .eviction = EVICT_NEVER};
    struct connection *connection =
        table_insert(home->table, table_hash(home->table, tuple), tuple, NOW_MS - 2000, &standing);
    ck_assert_ptr_nonnull(connection);
    connection->flags = CONNECTION_OPENER_HIGH | CONNECTION_REPLIED;
    connection->chain = CHAIN_FORWARD;
    connection->generation = 9;
    connection->rule = 4;
    connection->opener = 1234567;
    connection->opener_rule = 4;
    if (tuple->protocol == PROTOCOL_TCP) {
        connection->state = TCP_ESTABLISHED;
        connection->transport.tcp.peer[ORIGINAL] = (struct tcp_peer){1, 2, 3, 4, 5, TCP_PEER_ACKED};
        connection->transport.tcp.peer[REPLY] = (struct tcp_peer){6, 7, 8, 9, 10, TCP_PEER_ACKED | TCP_PEER_SCALES};
    }
    connection->challenge = 17;
    connection->in_interface = 3;
    connection->out_interface = 4;
    for (unsigned i = 0; i < DIRECTION_COUNT; i++) {
        connection->packets[i] = 100 + i;
        connection->bytes[i] = 1000 + i;
    }
    table_refresh(home->table, connection, NOW_MS, &standing);
    return connection;
}

static struct connection *open_number(uint16_t number)
{
    struct tuple tuple = tuple_of_number(number, PROTOCOL_TCP);
    return open_in(&old, &tuple);
}

START_TEST(every_field_comes_across)
{
    struct connection past = *open_number(1);
    open_number(2);
    estate_set_pickup(old.estate, 77);
    if (_i == 1)
        estate_seal(old.estate);
    take_over(LATER_MS);
    ck_assert_uint_eq(result.adopted, 2);
    ck_assert_uint_eq(result.expired + refused() + result.blind, 0);
    ck_assert_uint_eq(estate_pickup(former), 77);
    ck_assert_int_eq(estate_is_sealed(former), _i == 1);
    const struct connection *now = find(&new, &past.tuple);
    ck_assert_ptr_nonnull(now);
    ck_assert_uint_eq(now->flags, past.flags);
    ck_assert_uint_eq(now->state, past.state);
    ck_assert_uint_eq(now->chain, past.chain);
    ck_assert_uint_eq(now->opener, past.opener);
    ck_assert_mem_eq(&now->transport, &past.transport, sizeof past.transport);
    ck_assert_uint_eq(now->timeout_ms, past.timeout_ms);
    ck_assert_uint_eq(now->challenge, past.challenge);
    ck_assert_uint_eq(now->seen_ms, past.seen_ms);
    ck_assert_mem_eq(now->packets, past.packets, sizeof past.packets);
    ck_assert_mem_eq(now->bytes, past.bytes, sizeof past.bytes);
    ck_assert_uint_eq(now->id, past.id);
    ck_assert_uint_eq(now->created_s, past.created_s);
    ck_assert_uint_eq(now->in_interface, past.in_interface);
    ck_assert_uint_eq(now->out_interface, past.out_interface);
    /* Nothing is decided, and nothing counted. */
    ck_assert_uint_eq(now->generation, 0);
    ck_assert_uint_eq(now->opener_rule, UINT32_MAX);
    ck_assert_uint_eq(now->counted + now->alg + now->kin + now->offloaded, 0);
    struct table_use use = table_use(new.table);
    ck_assert_uint_eq(use.now, 2);
    ck_assert_uint_eq(use.opened, 0);
    ck_assert_uint_eq(use.in_class[EVICT_NEVER], 2);
}
END_TEST

START_TEST(numbers_go_on)
{
    uint64_t last = 0;
    for (uint16_t i = 1; i <= 10; i++)
        last = open_number(i)->id;
    for (uint16_t i = 1; i <= 9; i++) {
        struct tuple gone = tuple_of_number(i, PROTOCOL_TCP);
        table_remove(old.table, find(&old, &gone), ENDING_NONE);
    }
    take_over(LATER_MS);
    struct tuple tuple = tuple_of_number(11, PROTOCOL_TCP);
    ck_assert_uint_eq(open_in(&new, &tuple)->id, last + 1);
}
END_TEST

START_TEST(they_expire_when_they_would_have)
{
    struct tuple tuple = open_number(1)->tuple;
    take_over(NOW_MS + 59999);
    ck_assert_uint_eq(result.adopted, 1);
    for (unsigned stripe = 0; stripe < TABLE_STRIPES; stripe++)
        table_expire(new.table, stripe, NOW_MS + 59999, 1000);
    ck_assert_ptr_nonnull(find(&new, &tuple));
    for (unsigned stripe = 0; stripe < TABLE_STRIPES; stripe++)
        table_expire(new.table, stripe, NOW_MS + 60000 + TABLE_TICK_MS, 1000);
    ck_assert_ptr_null(find(&new, &tuple));
}
END_TEST

START_TEST(what_is_over_is_not_taken_over)
{
    struct tuple gone = open_number(1)->tuple;
    table_remove(old.table, open_number(2), ENDING_NONE);
    open_number(3)->timeout_ms = 1000;
    open_number(4);
    take_over(NOW_MS + 1000);
    ck_assert_uint_eq(result.adopted, 2);
    ck_assert_uint_eq(result.expired, 1);
    ck_assert_uint_eq(refused(), 0);
    ck_assert_ptr_nonnull(find(&new, &gone));
}
END_TEST

/* Each spoils the connection in one way. */
static void unfinished(struct connection *c) { c->packets[ORIGINAL] = 0; }
static void two_families(struct connection *c) { c->tuple.high = (struct address){1, 2}; }
static void wrong_order(struct connection *c) { c->tuple.low = (struct address){0, c->tuple.high.low + 1}; }
static void not_zero(struct connection *c) { c->tuple.zero = 1; }
static void third_side(struct connection *c) { c->tuple.asker = 2; }
static void tcp_detail(struct connection *c) { c->tuple.detail = 1; }
static void ports_of_none(struct connection *c) { c->tuple.protocol = PROTOCOL_ESP; }
static void two_ids(struct connection *c) { c->tuple.protocol = PROTOCOL_ICMP; }
static void gre_detail(struct connection *c) { c->tuple.protocol = PROTOCOL_GRE; c->tuple.detail = 2; }
static void no_state(struct connection *c) { c->state = TCP_STATE_COUNT; }
static void no_sctp_state(struct connection *c) { c->tuple.protocol = PROTOCOL_SCTP; c->state = SCTP_STATE_COUNT; }
static void udp_state(struct connection *c) { c->tuple.protocol = PROTOCOL_UDP; }
static void no_chain(struct connection *c) { c->chain = CHAIN_COUNT; }
static void wide_scale(struct connection *c) { c->transport.tcp.peer[REPLY].scale = 15; }
static void huge_id(struct connection *c) { c->id = UINT64_MAX; }
static void future(struct connection *c) { c->seen_ms = LATER_MS + 1; }
static void unborn(struct connection *c) { c->created_s = (uint32_t)(c->seen_ms / 1000 + 1); }
static void for_ever(struct connection *c) { c->timeout_ms = UINT32_MAX; }
static void nobodys_child(struct connection *c) { c->flags |= CONNECTION_RELATED; }
static void lost_child(struct connection *c) { c->flags |= CONNECTION_RELATED; c->kin = 7; }
static void far_child(struct connection *c) { c->flags |= CONNECTION_RELATED; c->kin = UINT32_MAX; }
static void lost_parent(struct connection *c) { c->alg = DIALECT; c->kin = 7; }
static void far_parent(struct connection *c) { c->alg = DIALECT; c->kin = UINT32_MAX; }
static void no_dialect(struct connection *c) { c->alg = DIALECT; c->kin = 0; }
static void stray_kin(struct connection *c) { c->kin = 1; }

static const struct {
    void (*spoil)(struct connection *connection);
    enum inherit_flaw flaw;
} spoils[] = {
    {unfinished, INHERIT_UNFINISHED}, {two_families, INHERIT_TUPLE}, {wrong_order, INHERIT_TUPLE}, {not_zero, INHERIT_TUPLE},
    {third_side, INHERIT_TUPLE},      {tcp_detail, INHERIT_TUPLE},   {ports_of_none, INHERIT_TUPLE}, {two_ids, INHERIT_TUPLE},
    {gre_detail, INHERIT_TUPLE},      {no_state, INHERIT_STATE},     {no_sctp_state, INHERIT_STATE}, {udp_state, INHERIT_STATE},
    {no_chain, INHERIT_STATE},        {wide_scale, INHERIT_STATE},   {huge_id, INHERIT_STATE},       {future, INHERIT_TIME},
    {unborn, INHERIT_TIME},           {for_ever, INHERIT_TIME},      {nobodys_child, INHERIT_KIN},   {lost_child, INHERIT_KIN},
    {far_child, INHERIT_KIN},         {lost_parent, INHERIT_KIN},    {far_parent, INHERIT_KIN},      {no_dialect, INHERIT_KIN},
    {stray_kin, INHERIT_KIN},
};

START_TEST(what_is_impossible_is_refused)
{
    open_number(1);
    struct connection *connection = open_number(2), saved = *connection;
    open_number(3);
    spoils[_i].spoil(connection);
    take_over(LATER_MS);
    ck_assert_uint_eq(result.adopted, 2);
    ck_assert_uint_eq(result.refused[spoils[_i].flaw], 1);
    ck_assert_uint_eq(refused(), 1);
    *connection = saved;
}
END_TEST

START_TEST(of_two_one_is_taken_over)
{
    struct connection *first = open_number(1), *second = open_number(2);
    struct tuple saved = second->tuple;
    second->tuple = first->tuple;
    take_over(LATER_MS);
    ck_assert_uint_eq(result.adopted, 1);
    ck_assert_uint_eq(result.refused[INHERIT_TWICE], 1);
    second->tuple = saved;
}
END_TEST

START_TEST(a_smaller_table_takes_what_it_can)
{
    for (uint16_t i = 1; i <= 100; i++)
        open_number(i);
    leave(&new);
    new = home_of(40, 3);
    take_over(LATER_MS);
    ck_assert_uint_eq(result.adopted, 40);
    ck_assert_uint_eq(result.refused[INHERIT_ROOM], 60);
}
END_TEST

START_TEST(whose_packets_others_passed_is_learnt_anew)
{
    struct connection *connection = open_number(1);
    connection->offloaded = true;
    take_over(LATER_MS);
    connection->offloaded = false;
    ck_assert_uint_eq(result.blind, 1);
    struct tcp_peer peers[DIRECTION_COUNT];
    memcpy(peers, find(&new, &connection->tuple)->transport.tcp.peer, sizeof peers);
    /* Far from where it stood, both ways. */
    struct packet packet = {.protocol = PROTOCOL_TCP, .payload_length = 100,
                            .tcp = {.seq = 1000000, .ack = 2000000, .sack_end = 2000000, .flags = TCP_ACK, .window = 500}};
    ck_assert_int_eq(tcp_window_check(&peers[ORIGINAL], &peers[REPLY], &packet), TCP_BOUND_NONE);
    packet.tcp.seq = 2000000;
    packet.tcp.ack = packet.tcp.sack_end = 1000100;
    ck_assert_int_eq(tcp_window_check(&peers[REPLY], &peers[ORIGINAL], &packet), TCP_BOUND_NONE);
    /* From then on it is held against that: no window is so wide. */
    packet.tcp.ack = packet.tcp.sack_end = 1000100 + UINT32_C(0x70000000);
    ck_assert_int_ne(tcp_window_check(&peers[REPLY], &peers[ORIGINAL], &packet), TCP_BOUND_NONE);
}
END_TEST

START_TEST(where_packets_passed_unseen_all_is_learnt_anew)
{
    struct connection *half = open_number(2);
    open_number(1);
    half->state = TCP_SYN_RECEIVED;
    estate_set_open(old.estate, true);
    take_over(LATER_MS);
    ck_assert_uint_eq(result.blind, 1);
    ck_assert_uint_eq(result.adopted, 1);
    ck_assert_uint_eq(result.expired, 1);
    ck_assert_uint_eq(find(&new, &(struct tuple){.low = address_v4(0x0a000001), .high = address_v4(0xc0000201), .low_port = 1,
                                                 .high_port = 80, .protocol = PROTOCOL_TCP})->transport.tcp.peer[REPLY].window, 0);
}
END_TEST

/* ---- kin ---- */

static struct packet packet_to(uint16_t port)
{
    return (struct packet){.src = address_v4(0xc0000201), .dst = address_v4(0x0a000001), .src_port = 20, .dst_port = port,
                           .protocol = PROTOCOL_TCP};
}

static uint32_t announced(struct home *home, uint16_t port, uint64_t *parent)
{
    struct packet packet = packet_to(port);
    struct expected expected;
    struct basis basis;
    return family_find(table_families(home->table), &packet, LATER_MS, &expected, &basis, parent);
}

static struct connection *open_parent(uint16_t number)
{
    struct connection *parent = open_number(number);
    ck_assert(family_found(table_families(old.table), parent, DIALECT, 30000));
    return parent;
}

static void announce(struct connection *parent, uint16_t port, bool again)
{
    struct packet packet = packet_to(port);
    struct families *families = table_families(old.table);
    struct family_order order = {.kind = ORDER_EXPECT,
                                 .expected = {.src = packet.src, .dst = packet.dst, .dst_port = port, .protocol = PROTOCOL_TCP,
                                              .again = again, .tag = port, .wait_ms = 60000}};
    ck_assert(family_obey(families, family_of(families, parent), &order, 1, 100, NOW_MS));
}

static struct connection *open_child(uint16_t port)
{
    struct packet packet = packet_to(port);
    struct tuple tuple;
    uint64_t parent;
    tuple_of(&tuple, &packet);
    struct connection *child = open_in(&old, &tuple);
    ck_assert(family_join(table_families(old.table), announced(&old, port, &parent), child, &packet, NOW_MS));
    return child;
}

START_TEST(families_go_on)
{
    struct connection *parent = open_parent(1);
    uint64_t of = 0, parent_id = parent->id;
    announce(parent, 5000, false);
    announce(parent, 5001, false);
    struct tuple child = open_child(5000)->tuple;
    if (_i == 1)
        estate_seal(old.estate);
    take_over(LATER_MS);
    ck_assert_uint_eq(result.adopted, 2);
    ck_assert_uint_eq(refused(), 0);
    /* What waited waits, and what was used does not. */
    ck_assert_uint_ne(announced(&new, 5001, &of), KIN_NONE);
    ck_assert_uint_eq(of, parent_id);
    ck_assert_uint_eq(announced(&new, 5000, &of), KIN_NONE);
    struct families *families = table_families(new.table);
    struct families_use use = families_use(families);
    ck_assert_uint_eq(use.families, 1);
    ck_assert_uint_eq(use.waiting, 1);
    ck_assert_uint_eq(use.children, 1);
    /* The child is matched as its parent is. */
    struct connection *heir = find(&new, &child), *head = find(&new, &parent->tuple);
    struct basis basis = family_basis(families, heir, &of);
    ck_assert_uint_eq(of, parent_id);
    ck_assert(tuple_equal(&basis.tuple, &parent->tuple));
    ck_assert_uint_eq(basis.opener, parent->opener);
    ck_assert_uint_eq(head->alg, DIALECT);
    ck_assert_uint_eq(family_kinship(families, head).children, 1);
    /* While it lives the parent does not idle out; when both are gone nothing is left. */
    ck_assert(!table_expired(new.table, head, NOW_MS + 100000));
    table_remove(new.table, heir, ENDING_NONE);
    table_remove(new.table, head, ENDING_NONE);
    use = families_use(families);
    ck_assert_uint_eq(use.families + use.waiting + use.children, 0);
}
END_TEST

START_TEST(children_outlive_their_parent)
{
    struct connection *parent = open_parent(1);
    announce(parent, 5000, false);
    struct tuple child = open_child(5000)->tuple;
    table_remove(old.table, parent, ENDING_NONE);
    take_over(LATER_MS);
    ck_assert_uint_eq(result.adopted, 1);
    struct families *families = table_families(new.table);
    ck_assert_uint_eq(families_use(families).families, 1);
    table_remove(new.table, find(&new, &child), ENDING_NONE);
    ck_assert_uint_eq(families_use(families).families, 0);
}
END_TEST

START_TEST(a_child_without_its_announcement_is_refused)
{
    struct connection *parent = open_parent(1);
    announce(parent, 5000, false);
    struct connection *child = open_child(5000);
    child->kin++;
    take_over(LATER_MS);
    child->kin--;
    ck_assert_uint_eq(result.adopted, 1);
    ck_assert_uint_eq(result.refused[INHERIT_KIN], 1);
    /* The parent lives, and what nobody came for is gone. */
    struct families_use use = families_use(table_families(new.table));
    ck_assert_uint_eq(use.families, 1);
    ck_assert_uint_eq(use.waiting + use.children, 0);
}
END_TEST

START_TEST(what_is_announced_for_parents_who_are_gone_is_gone)
{
    struct connection *parent = open_parent(1);
    uint64_t of;
    announce(parent, 5000, false);
    parent->timeout_ms = 1;
    take_over(LATER_MS);
    ck_assert_uint_eq(result.expired, 1);
    ck_assert_uint_eq(announced(&new, 5000, &of), KIN_NONE);
    ck_assert_uint_eq(families_use(table_families(new.table)).families, 0);
}
END_TEST

START_TEST(children_of_a_parent_who_is_refused_are_orphans)
{
    struct connection *other = open_number(9), *parent = open_parent(1);
    uint64_t of;
    announce(parent, 5000, false);
    announce(parent, 5001, true);
    struct tuple child = open_child(5000)->tuple, saved = parent->tuple;
    parent->tuple = other->tuple;
    take_over(LATER_MS);
    parent->tuple = saved;
    ck_assert_uint_eq(result.adopted, 2);
    ck_assert_uint_eq(result.refused[INHERIT_TWICE], 1);
    ck_assert_uint_eq(announced(&new, 5001, &of), KIN_NONE);
    table_remove(new.table, find(&new, &child), ENDING_NONE);
    ck_assert_uint_eq(families_use(table_families(new.table)).families, 0);
}
END_TEST

START_TEST(what_waits_again_does_so_when_its_child_has_not_come_along)
{
    struct connection *parent = open_parent(1);
    uint64_t of;
    announce(parent, 5000, true);
    open_child(5000)->timeout_ms = 1;
    take_over(LATER_MS);
    ck_assert_uint_eq(result.adopted, 1);
    ck_assert_uint_ne(announced(&new, 5000, &of), KIN_NONE);
}
END_TEST

START_TEST(a_parent_with_children_lives_however_long_it_was_silent)
{
    struct connection *parent = open_parent(1);
    announce(parent, 5000, false);
    open_child(5000);
    parent->timeout_ms = 1;
    take_over(LATER_MS);
    ck_assert_uint_eq(result.adopted, 2);
}
END_TEST

/* ---- files that are none ---- */

static void write_at(off_t at, uint64_t value)
{
    ck_assert_int_eq(pwrite(old.fd, &value, sizeof value, at), sizeof value);
}

static enum estate_flaw flaw_now(const struct estate_boot *of)
{
    former = estate_open(old.fd, of, &flaw);
    ck_assert((former != NULL) == (flaw == ESTATE_FINE));
    estate_close(former);
    former = NULL;
    return flaw;
}

#define CONNECTIONS_AT (2 << 20)

START_TEST(a_file_that_is_none_is_refused)
{
    open_number(1);
    ck_assert_int_eq(flaw_now(&boot), ESTATE_FINE);
    ck_assert_int_eq(flaw_now(&other_boot), ESTATE_BOOT);
    uint64_t bytes[16];
    ck_assert_int_eq(pread(old.fd, bytes, sizeof bytes, 0), sizeof bytes);
    write_at(0, 1);
    ck_assert_int_eq(flaw_now(&boot), ESTATE_FOREIGN);
    write_at(0, bytes[0]);
    write_at(8, bytes[1] ^ 1);
    ck_assert_int_eq(flaw_now(&boot), ESTATE_LAYOUT);
    write_at(8, bytes[1]);
    for (unsigned word = 4; word < 10; word++) {
        write_at(8 * word, bytes[word] ^ 1);
        ck_assert_int_eq(flaw_now(&boot), ESTATE_HEADER);
        write_at(8 * word, bytes[word]);
    }
    estate_void(old.estate);
    ck_assert_int_eq(flaw_now(&boot), ESTATE_FOREIGN);
}
END_TEST

START_TEST(a_sealed_file_must_not_change)
{
    open_number(1);
    estate_seal(old.estate);
    ck_assert_int_eq(flaw_now(&boot), ESTATE_FINE);
    uint64_t word;
    for (off_t at = CONNECTIONS_AT; at < CONNECTIONS_AT + 2 * 192; at += 8) {
        ck_assert_int_eq(pread(old.fd, &word, sizeof word, at), sizeof word);
        write_at(at, word ^ UINT64_C(1) << (at / 8 % 64));
        ck_assert_int_eq(flaw_now(&boot), ESTATE_CHECKSUM);
        write_at(at, word);
    }
    ck_assert_int_eq(flaw_now(&boot), ESTATE_FINE);
    ck_assert_int_eq(ftruncate(old.fd, CONNECTIONS_AT + 4096), 0);
    ck_assert_int_eq(flaw_now(&boot), ESTATE_TRUNCATED);
    ck_assert_int_eq(ftruncate(old.fd, 4096), 0);
    ck_assert_int_eq(flaw_now(&boot), ESTATE_FOREIGN);
    ck_assert_int_eq(ftruncate(old.fd, 0), 0);
    ck_assert_int_eq(flaw_now(&boot), ESTATE_FOREIGN);
}
END_TEST

START_TEST(memory_is_there_ahead_of_its_use)
{
    leave(&new);
    new = home_of(100000, 3);
    for (unsigned i = 0; i < 10; i++)
        table_tend(new.table);
    for (uint16_t i = 1; i <= 54000; i++) {
        struct tuple tuple = tuple_of_number(i, PROTOCOL_TCP);
        open_in(&new, &tuple);
        if (i % 10000 == 0)
            table_tend(new.table);
    }
    ck_assert_uint_eq(table_use(new.table).now, 54000);
    ck_assert(!estate_is_full(new.estate));
    /* 54000 entries end at the end of the 5th large page: there is a 6th. */
    for (unsigned i = 0; i < 10; i++)
        table_tend(new.table);
    uint32_t count;
    former = estate_open(new.fd, &boot, &flaw);
    ck_assert_ptr_nonnull(estate_items(former, ESTATE_CONNECTIONS, sizeof(struct connection), &count));
    ck_assert_uint_gt(count, 54000 + (1 << 20) / sizeof(struct connection));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inherit");
    TCase *test = tcase_create("inherit");
    tcase_add_checked_fixture(test, setup, teardown);
    tcase_add_loop_test(test, every_field_comes_across, 0, 2);
    tcase_add_test(test, numbers_go_on);
    tcase_add_test(test, they_expire_when_they_would_have);
    tcase_add_test(test, what_is_over_is_not_taken_over);
    tcase_add_loop_test(test, what_is_impossible_is_refused, 0, sizeof spoils / sizeof spoils[0]);
    tcase_add_test(test, of_two_one_is_taken_over);
    tcase_add_test(test, a_smaller_table_takes_what_it_can);
    tcase_add_test(test, whose_packets_others_passed_is_learnt_anew);
    tcase_add_test(test, where_packets_passed_unseen_all_is_learnt_anew);
    tcase_add_loop_test(test, families_go_on, 0, 2);
    tcase_add_test(test, children_outlive_their_parent);
    tcase_add_test(test, a_child_without_its_announcement_is_refused);
    tcase_add_test(test, what_is_announced_for_parents_who_are_gone_is_gone);
    tcase_add_test(test, children_of_a_parent_who_is_refused_are_orphans);
    tcase_add_test(test, what_waits_again_does_so_when_its_child_has_not_come_along);
    tcase_add_test(test, a_parent_with_children_lives_however_long_it_was_silent);
    tcase_add_test(test, a_file_that_is_none_is_refused);
    tcase_add_test(test, a_sealed_file_must_not_change);
    tcase_add_test(test, memory_is_there_ahead_of_its_use);
    suite_add_tcase(suite, test);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
