/*
 * Parents and children: what is expected, by whom, how often, for how long, and what is left when all have gone.
 */
#include <check.h>
#include <pthread.h>

#include "state/family.h"

#define ORPHAN_MS 30000
#define DIALECT 1

static struct tally *tally;
static struct families *families;

static void setup(void)
{
    const struct siphash_key key = {5, 6};
    tally = tally_new(4096, &key);
    families = families_new(&key, tally, NULL);
    ck_assert_ptr_nonnull(families);
}

static void teardown(void)
{
    families_free(families);
    tally_free(tally);
}

/* A control connection from 10.0.0.CLIENT, port 1000, to 192.0.2.1, port 21, that is listened to. */
static struct connection parent_of(uint8_t client, uint64_t id)
{
    struct connection parent = {
        .id = id,
        .opener = 77,
        .in_interface = 1,
        .out_interface = 2,
        .tuple = {.low = address_v4(0x0a000000u + client), .high = address_v4(0xc0000201), .low_port = 1000, .high_port = 21,
                  .protocol = PROTOCOL_TCP},
    };
    ck_assert(family_found(families, &parent, DIALECT, ORPHAN_MS));
    return parent;
}

static struct family *family(const struct connection *parent)
{
    return family_of(families, parent);
}

/* The server may connect to the client's PORT. */
static struct expected expected_at(uint16_t port, uint32_t tag)
{
    return (struct expected){
        .src = address_v4(0xc0000201),
        .dst = address_v4(0x0a000001),
        .dst_port = port,
        .protocol = PROTOCOL_TCP,
        .tag = tag,
        .wait_ms = 1000,
    };
}

static bool expect_at(const struct connection *parent, uint16_t port, uint32_t tag, uint64_t now_ms)
{
    const struct family_order order = {.kind = ORDER_EXPECT, .expected = expected_at(port, tag)};
    return family_obey(families, family(parent), &order, 1, 100, now_ms);
}

static struct packet packet_to(uint16_t port)
{
    return (struct packet){
        .src = address_v4(0xc0000201),
        .dst = address_v4(0x0a000001),
        .src_port = 20,
        .dst_port = port,
        .protocol = PROTOCOL_TCP,
    };
}

static uint32_t find(const struct packet *packet, uint64_t now_ms)
{
    struct expected expected;
    struct basis basis;
    uint64_t parent;
    return family_find(families, packet, now_ms, &expected, &basis, &parent);
}

/* The child that PACKET is the first packet of. */
static struct connection child_of(const struct packet *packet, uint64_t id)
{
    return (struct connection){
        .id = id,
        .flags = CONNECTION_OPENER_HIGH,
        .tuple = {.low = packet->dst, .high = packet->src, .low_port = packet->dst_port, .high_port = packet->src_port,
                  .protocol = packet->protocol},
    };
}

static uint32_t waiting(void)
{
    return families_use(families).waiting;
}

START_TEST(only_the_packet_that_was_announced_fits)
{
    struct connection parent = parent_of(1, 1);
    struct packet good = packet_to(5000), other;
    ck_assert_uint_eq(find(&good, 100), KIN_NONE);
    ck_assert(expect_at(&parent, 5000, 1, 100));
    ck_assert_uint_ne(find(&good, 100), KIN_NONE);
    ck_assert_uint_ne(find(&good, 1099), KIN_NONE);
    ck_assert_uint_eq(find(&good, 1100), KIN_NONE);
    other = good, other.dst_port++;
    ck_assert_uint_eq(find(&other, 100), KIN_NONE);
    other = good, other.src.low++;
    ck_assert_uint_eq(find(&other, 100), KIN_NONE);
    other = good, other.dst.low++;
    ck_assert_uint_eq(find(&other, 100), KIN_NONE);
    other = good, other.protocol = PROTOCOL_UDP;
    ck_assert_uint_eq(find(&other, 100), KIN_NONE);
    other = good, other.src_port = 9999;
    ck_assert_uint_ne(find(&other, 100), KIN_NONE);

    struct family_order exact = {.kind = ORDER_EXPECT, .expected = expected_at(6000, 1)};
    exact.expected.src_port = 20;
    ck_assert(family_obey(families, family(&parent), &exact, 1, 100, 100));
    good = packet_to(6000);
    ck_assert_uint_ne(find(&good, 100), KIN_NONE);
    good.src_port = 21;
    ck_assert_uint_eq(find(&good, 100), KIN_NONE);

    exact.expected = expected_at(7000, 1);
    exact.expected.any_src = true;
    ck_assert(family_obey(families, family(&parent), &exact, 1, 100, 100));
    good = packet_to(7000), good.src.low++;
    ck_assert_uint_ne(find(&good, 100), KIN_NONE);
    family_leave(families, &parent, 200);
    ck_assert_uint_eq(waiting(), 0);
    ck_assert_uint_eq(tally_keys(tally), 0);
}
END_TEST

START_TEST(it_is_used_once_and_told_what_it_is_matched_as)
{
    struct connection parent = parent_of(1, 41);
    struct packet packet = packet_to(5000);
    struct expected expected;
    struct basis basis;
    uint64_t announcer;
    ck_assert(expect_at(&parent, 5000, 1, 100));
    uint32_t index = family_find(families, &packet, 100, &expected, &basis, &announcer);
    ck_assert_uint_eq(announcer, 41);
    ck_assert_uint_eq(basis.opener, 77);
    ck_assert_uint_eq(basis.tuple.high_port, 21);
    ck_assert_uint_eq(basis.in_interface, 1);
    ck_assert(!basis.opener_high);
    struct connection child = child_of(&packet, 42), late = child_of(&packet, 43);
    ck_assert(family_join(families, index, &child, &packet, 200));
    ck_assert(child.flags & CONNECTION_RELATED);
    ck_assert(!family_join(families, index, &late, &packet, 200));
    ck_assert(!(late.flags & CONNECTION_RELATED));
    ck_assert_uint_eq(find(&packet, 200), KIN_NONE);
    basis = family_basis(families, &child, &announcer);
    ck_assert_uint_eq(announcer, 41);
    ck_assert_uint_eq(basis.tuple.low_port, 1000);
    ck_assert_uint_eq(family_kinship(families, &parent).children, 1);
    ck_assert_uint_eq(family_kinship(families, &child).parent, 41);
    family_leave(families, &child, 300);
    family_leave(families, &parent, 300);
    ck_assert_uint_eq(families_use(families).families, 0);
    ck_assert_uint_eq(tally_keys(tally), 0);
}
END_TEST

START_TEST(another_one_in_its_place_is_not_joined)
{
    struct connection parent = parent_of(1, 1);
    struct packet packet = packet_to(5000), other = packet_to(5001);
    ck_assert(expect_at(&parent, 5000, 1, 100));
    uint32_t index = find(&packet, 100);
    const struct family_order end = {.kind = ORDER_WITHDRAW, .tag = 1};
    ck_assert(family_obey(families, family(&parent), &end, 1, 100, 100));
    ck_assert(expect_at(&parent, 5001, 1, 100));
    ck_assert_uint_eq(find(&other, 100), index);
    struct connection child = child_of(&packet, 2);
    ck_assert(!family_join(families, index, &child, &packet, 100));
    ck_assert_uint_ne(find(&other, 100), KIN_NONE);
}
END_TEST

START_TEST(what_is_repeated_is_not_doubled)
{
    struct connection parent = parent_of(1, 1);
    struct packet packet = packet_to(5000);
    for (unsigned i = 0; i < 5; i++)
        ck_assert(expect_at(&parent, 5000, 1, 100 + i * 500));
    ck_assert_uint_eq(waiting(), 1);
    /* The last time counts for how long it waits. */
    ck_assert_uint_ne(find(&packet, 3000), KIN_NONE);

    /* Withdrawn and expected again at once: one that may be used again goes on with its child. */
    struct family_order orders[] = {{.kind = ORDER_WITHDRAW, .tag = 9, .grace_ms = 0},
                                    {.kind = ORDER_EXPECT, .expected = expected_at(6000, 9)}};
    orders[1].expected.again = true;
    ck_assert(family_obey(families, family(&parent), orders, 2, 100, 100));
    packet = packet_to(6000);
    struct connection child = child_of(&packet, 2);
    ck_assert(family_join(families, find(&packet, 100), &child, &packet, 100));
    ck_assert(family_obey(families, family(&parent), orders, 2, 100, 200));
    ck_assert_uint_eq(waiting(), 1);
    ck_assert_uint_eq(family_due(families, &child, 5000, 1000), 5000);
    /* With another port the old child ends. */
    orders[1].expected.dst_port = 6002;
    ck_assert(family_obey(families, family(&parent), orders, 2, 100, 300));
    ck_assert_uint_eq(family_due(families, &child, 5000, 1000), 300);
    ck_assert_uint_eq(waiting(), 2);
}
END_TEST

START_TEST(again_means_that_it_waits_when_its_child_has_ended)
{
    struct connection parent = parent_of(1, 1);
    struct family_order order = {.kind = ORDER_EXPECT, .expected = expected_at(6000, 9)};
    struct packet packet = packet_to(6000);
    order.expected.again = true;
    ck_assert(family_obey(families, family(&parent), &order, 1, 100, 100));
    for (unsigned i = 0; i < 3; i++) {
        struct connection child = child_of(&packet, 2 + i);
        ck_assert(family_join(families, find(&packet, 100), &child, &packet, 100));
        ck_assert_uint_eq(find(&packet, 100), KIN_NONE);
        family_leave(families, &child, 100);
    }
    const struct family_order end = {.kind = ORDER_WITHDRAW, .tag = 9};
    ck_assert(family_obey(families, family(&parent), &end, 1, 100, 100));
    ck_assert_uint_eq(find(&packet, 100), KIN_NONE);
    ck_assert_uint_eq(waiting(), 0);
}
END_TEST

START_TEST(several_children_at_once)
{
    struct connection parent = parent_of(1, 1);
    struct family_order order = {.kind = ORDER_EXPECT, .expected = expected_at(6000, 9)};
    struct packet packet = packet_to(6000);
    struct connection children[3];
    order.expected.again = true;
    order.expected.at_once = 3;
    ck_assert(family_obey(families, family(&parent), &order, 1, 100, 100));
    for (unsigned i = 0; i < 3; i++) {
        packet.src_port = (uint16_t)(7000 + i);
        children[i] = child_of(&packet, 2 + i);
        ck_assert(family_join(families, find(&packet, 100), &children[i], &packet, 100));
    }
    ck_assert_uint_eq(find(&packet, 100), KIN_NONE);
    family_leave(families, &children[1], 100);
    ck_assert_uint_ne(find(&packet, 100), KIN_NONE);

    /* All of them end when it is withdrawn, and only then it is forgotten. */
    const struct family_order end = {.kind = ORDER_WITHDRAW, .tag = 9, .grace_ms = 50};
    ck_assert(family_obey(families, family(&parent), &end, 1, 100, 100));
    ck_assert_uint_eq(family_due(families, &children[0], 5000, 1000), 150);
    ck_assert_uint_eq(family_due(families, &children[2], 5000, 1000), 150);
    family_leave(families, &children[0], 150);
    family_leave(families, &children[2], 150);
    ck_assert_uint_eq(waiting(), 0);
    ck_assert_uint_eq(families_use(families).children, 0);
}
END_TEST

START_TEST(prolonged_it_waits_longer_from_then_on)
{
    struct connection parent = parent_of(1, 1);
    struct family_order orders[] = {{.kind = ORDER_EXPECT, .expected = expected_at(6000, 0x11)},
                                    {.kind = ORDER_EXPECT, .expected = expected_at(6002, 0x20)},
                                    {.kind = ORDER_EXPECT, .expected = expected_at(6004, 0x12)}};
    for (unsigned i = 0; i < 3; i++) {
        orders[i].expected.again = i < 2;
        orders[i].expected.wait_ms = 1000;
    }
    ck_assert(family_obey(families, family(&parent), orders, 3, 100, 0));
    const struct family_order prolong = {.kind = ORDER_PROLONG, .tag = 0x10, .any_bits = 0xf, .wait_ms = 5000};
    ck_assert(family_obey(families, family(&parent), &prolong, 1, 100, 500));
    struct packet packet = packet_to(6000);
    ck_assert_uint_ne(find(&packet, 5499), KIN_NONE);
    ck_assert_uint_eq(find(&packet, 5500), KIN_NONE);
    struct packet other = packet_to(6002), once = packet_to(6004);
    ck_assert_uint_eq(find(&other, 1000), KIN_NONE);
    ck_assert_uint_eq(find(&once, 1000), KIN_NONE);
    /* When its child has ended too; but what has ended by its time stays so. */
    struct connection child = child_of(&packet, 2);
    ck_assert(family_join(families, find(&packet, 600), &child, &packet, 600));
    family_leave(families, &child, 10000);
    ck_assert_uint_ne(find(&packet, 14999), KIN_NONE);
    ck_assert(family_obey(families, family(&parent), &prolong, 1, 100, 15000));
    ck_assert_uint_eq(find(&packet, 15000), KIN_NONE);
}
END_TEST

START_TEST(at_once_it_has_so_many_children_and_no_more_time)
{
    struct connection parent = parent_of(1, 1), children[3];
    struct family_order order = {.kind = ORDER_EXPECT, .expected = expected_at(6000, 9)};
    struct packet packet = packet_to(6000);
    order.expected.at_once = 2;
    ck_assert(family_obey(families, family(&parent), &order, 1, 100, 100));
    for (unsigned i = 0; i < 2; i++) {
        children[i] = child_of(&packet, 2 + i);
        ck_assert(family_join(families, find(&packet, 100), &children[i], &packet, 100));
    }
    ck_assert_uint_eq(find(&packet, 100), KIN_NONE);
    /* Said again while it is full: more time, as much as is said this time, and still no more children. */
    order.expected.wait_ms = 2000;
    ck_assert(family_obey(families, family(&parent), &order, 1, 100, 200));
    ck_assert_uint_eq(find(&packet, 200), KIN_NONE);
    family_leave(families, &children[0], 300);
    ck_assert_uint_ne(find(&packet, 2199), KIN_NONE);
    ck_assert_uint_eq(find(&packet, 2200), KIN_NONE);
    /* Its time is over, and a child lives: it waits only when it is said again. */
    families_expire(families, 2200, 100);
    ck_assert_uint_eq(waiting(), 0);
    ck_assert(family_obey(families, family(&parent), &order, 1, 100, 2300));
    ck_assert_uint_eq(waiting(), 1);
    children[0] = child_of(&packet, 5);
    ck_assert(family_join(families, find(&packet, 2300), &children[0], &packet, 2300));
    /* Withdrawn: room is of no use. */
    const struct family_order end = {.kind = ORDER_WITHDRAW, .tag = 9, .grace_ms = GRACE_OWN_END};
    ck_assert(family_obey(families, family(&parent), &end, 1, 100, 2400));
    family_leave(families, &children[0], 2500);
    family_leave(families, &children[1], 2500);
    ck_assert_uint_eq(waiting(), 0);
}
END_TEST

START_TEST(who_is_named_goes_before_anybody_who_is_trusted)
{
    struct connection parent = parent_of(1, 1);
    struct family_order orders[] = {{.kind = ORDER_EXPECT, .expected = expected_at(6000, 9)},
                                    {.kind = ORDER_EXPECT, .expected = expected_at(6000, 9)}};
    struct packet packet = packet_to(6000);
    struct expected expected;
    struct basis basis;
    uint64_t announcer;
    for (unsigned older = 0; older < 2; older++) {
        orders[older].expected.any_src = true;
        orders[!older].expected.any_src = false;
        ck_assert(family_obey(families, family(&parent), orders, 2, 100, 100));
        ck_assert_uint_ne(family_find(families, &packet, 100, &expected, &basis, &announcer), KIN_NONE);
        ck_assert(!expected.any_src);
        packet.src = address_v4(0xc0000299);
        ck_assert_uint_ne(family_find(families, &packet, 100, &expected, &basis, &announcer), KIN_NONE);
        ck_assert(expected.any_src);
        packet = packet_to(6000);
        const struct family_order end = {.kind = ORDER_WITHDRAW, .tag = 9};
        ck_assert(family_obey(families, family(&parent), &end, 1, 100, 100));
    }
}
END_TEST

START_TEST(the_other_direction_is_done_with_too)
{
    struct connection parent = parent_of(1, 1);
    struct family_order orders[] = {{.kind = ORDER_EXPECT, .expected = expected_at(5000, 1)},
                                    {.kind = ORDER_EXPECT, .expected = expected_at(0, 1)}};
    orders[1].expected = (struct expected){.src = address_v4(0x0a000001), .dst = address_v4(0xc0000201), .dst_port = 20,
                                           .protocol = PROTOCOL_TCP, .wait_ms = 1000};
    ck_assert(family_obey(families, family(&parent), orders, 2, 100, 100));
    ck_assert_uint_eq(waiting(), 2);
    struct packet packet = packet_to(5000);
    struct connection child = child_of(&packet, 2);
    ck_assert(family_join(families, find(&packet, 100), &child, &packet, 100));
    ck_assert_uint_eq(waiting(), 0);
}
END_TEST

START_TEST(a_family_and_a_source_have_bounds)
{
    struct connection parent = parent_of(1, 1), sister = parent_of(1, 2), stranger = parent_of(2, 3);
    const struct family_order one = {.kind = ORDER_EXPECT, .expected = expected_at(2000, 1)};
    /* The oldest gives way. */
    for (uint16_t port = 5000; port < 5010; port++) {
        struct family_order order = {.kind = ORDER_EXPECT, .expected = expected_at(port, 1)};
        ck_assert(family_obey(families, family(&parent), &order, 1, 4, 100));
    }
    ck_assert_uint_eq(waiting(), 4);
    struct packet old = packet_to(5005), young = packet_to(5006);
    ck_assert_uint_eq(find(&old, 100), KIN_NONE);
    ck_assert_uint_ne(find(&young, 100), KIN_NONE);
    /* Over all families of the source: refused, and nothing of the orders is done. */
    for (uint16_t i = 0; i < EXPECTATIONS_SOURCE_MAX - 4; i++) {
        struct family_order order = {.kind = ORDER_EXPECT, .expected = expected_at((uint16_t)(10000 + i), 1)};
        ck_assert(family_obey(families, family(&sister), &order, 1, 2000, 100));
    }
    struct family_order orders[] = {{.kind = ORDER_WITHDRAW, .tag = 1},
                                    {.kind = ORDER_EXPECT, .expected = expected_at(3000, 1)},
                                    {.kind = ORDER_EXPECT, .expected = expected_at(3001, 1)}};
    ck_assert(!family_obey(families, family(&sister), orders, 3, 2000, 100));
    ck_assert_uint_eq(waiting(), EXPECTATIONS_SOURCE_MAX);
    ck_assert_uint_ne(find(&young, 100), KIN_NONE);
    ck_assert(family_obey(families, family(&stranger), &one, 1, 2000, 100));
    /* What has waited for too long makes room. */
    for (unsigned i = 0; i < 100; i++)
        families_expire(families, 1200, 100);
    ck_assert_uint_eq(waiting(), 0);
    ck_assert(family_obey(families, family(&sister), orders, 3, 2000, 1300));
}
END_TEST

START_TEST(when_the_parent_ends)
{
    struct connection parent = parent_of(1, 1);
    struct packet tcp = packet_to(5000), udp = packet_to(6000);
    udp.protocol = PROTOCOL_UDP;
    struct family_order order = {.kind = ORDER_EXPECT, .expected = expected_at(6000, 2)};
    order.expected.protocol = PROTOCOL_UDP;
    order.expected.again = true;
    ck_assert(expect_at(&parent, 5000, 1, 100));
    ck_assert(expect_at(&parent, 5001, 1, 100));
    ck_assert(family_obey(families, family(&parent), &order, 1, 100, 100));
    struct connection runs = child_of(&tcp, 2), media = child_of(&udp, 3);
    ck_assert(family_join(families, find(&tcp, 100), &runs, &tcp, 100));
    ck_assert(family_join(families, find(&udp, 100), &media, &udp, 100));

    /* Living children keep it. */
    ck_assert_uint_gt(family_due(families, &parent, 500, 400), 1000000000u);
    family_end(families, family(&parent), 200);
    ck_assert_uint_eq(waiting(), 0);
    ck_assert_uint_eq(family_due(families, &runs, 9000000, 1000), 9000000);
    ck_assert_uint_eq(family_due(families, &media, 9000000, 1000), 200 + ORPHAN_MS);
    ck_assert_uint_eq(family_due(families, &parent, 500, 400), 500);
    family_leave(families, &parent, 300);
    ck_assert_uint_eq(families_use(families).families, 1);
    uint64_t announcer;
    ck_assert_uint_eq(family_basis(families, &runs, &announcer).opener, 77);
    family_leave(families, &media, 400);
    ck_assert_uint_eq(waiting(), 0);
    family_leave(families, &runs, 500);
    ck_assert_uint_eq(families_use(families).families, 0);
    ck_assert_uint_eq(tally_keys(tally), 0);
}
END_TEST

START_TEST(a_parent_has_its_time_again_when_its_last_child_has_ended)
{
    struct connection parent = parent_of(1, 1);
    struct packet packet = packet_to(5000);
    ck_assert(expect_at(&parent, 5000, 1, 100));
    struct connection child = child_of(&packet, 2);
    ck_assert(family_join(families, find(&packet, 100), &child, &packet, 100));
    family_leave(families, &child, 50000);
    ck_assert_uint_eq(family_due(families, &parent, 500, 400), 50400);
    ck_assert_uint_eq(family_due(families, &parent, 60000, 400), 60000);
    family(&parent)->idle_ms = 1000;
    ck_assert_uint_eq(family_due(families, &parent, 60000, 400), 60600);
}
END_TEST

START_TEST(grandchildren_are_matched_as_the_first_parent)
{
    struct connection parent = parent_of(1, 11);
    struct packet packet = packet_to(5000), media = packet_to(6000);
    ck_assert(expect_at(&parent, 5000, 1, 100));
    struct connection child = child_of(&packet, 12);
    ck_assert(family_join(families, find(&packet, 100), &child, &packet, 100));
    ck_assert(family_found(families, &child, DIALECT + 1, ORPHAN_MS));
    ck_assert(expect_at(&child, 6000, 1, 100));
    struct connection grandchild = child_of(&media, 13);
    ck_assert(family_join(families, find(&media, 100), &grandchild, &media, 100));
    uint64_t announcer;
    struct basis basis = family_basis(families, &grandchild, &announcer);
    ck_assert_uint_eq(announcer, 12);
    ck_assert_uint_eq(basis.tuple.high_port, 21);
    basis = family_basis(families, &child, &announcer);
    ck_assert_uint_eq(announcer, 11);
    ck_assert_uint_eq(basis.tuple.high_port, 21);
    family_leave(families, &parent, 200);
    family_leave(families, &child, 200);
    ck_assert_uint_eq(family_basis(families, &grandchild, &announcer).tuple.high_port, 21);
    family_leave(families, &grandchild, 200);
    ck_assert_uint_eq(families_use(families).families, 0);
    ck_assert_uint_eq(tally_keys(tally), 0);
}
END_TEST

#define FAMILIES 40
#define CHILDREN 200

/* Whatever happens in whatever order, nothing is left when all have gone. */
START_TEST(nothing_is_left_of_what_ended)
{
    static struct connection parents[FAMILIES], children[CHILDREN];
    uint64_t random = 88172645463325252u;
    unsigned joined = 0;
    for (unsigned i = 0; i < FAMILIES; i++)
        parents[i] = parent_of((uint8_t)(i % 7), i + 1);
    for (unsigned turn = 0; turn < 200000; turn++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        struct connection *parent = &parents[random % FAMILIES], *child = &children[random / 64 % CHILDREN];
        uint64_t now_ms = 100 + turn / 10;
        uint16_t port = (uint16_t)(5000 + random / 100000 % 50);
        struct packet packet = packet_to(port);
        struct family_order orders[] = {{.kind = ORDER_WITHDRAW, .tag = (uint32_t)(random / 7 % 3), .grace_ms = random & 1 ? 10 : GRACE_OWN_END},
                                        {.kind = ORDER_EXPECT, .expected = expected_at(port, (uint32_t)(random / 11 % 3))}};
        orders[1].expected.again = random / 13 % 2;
        orders[1].expected.at_once = (uint32_t)(random / 29 % 4);
        switch (random / 17 % 6) {
        case 0:
        case 1:
            family_obey(families, family(parent), orders + random / 19 % 2, 1 + (random / 19 % 2 == 0), 6, now_ms);
            break;
        case 2:
        case 3:
            if (child->kin == KIN_NONE && find(&packet, now_ms) != KIN_NONE) {
                *child = child_of(&packet, turn);
                joined += family_join(families, find(&packet, now_ms), child, &packet, now_ms);
            }
            break;
        case 4:
            if (child->kin != KIN_NONE)
                family_leave(families, child, now_ms);
            break;
        default:
            families_expire(families, now_ms, 16);
            if (random / 23 % 50 == 0) {
                family_leave(families, parent, now_ms);
                *parent = parent_of((uint8_t)(random % 7), turn);
            }
        }
    }
    ck_assert_uint_gt(joined, 1000);
    for (unsigned i = 0; i < FAMILIES; i++)
        family_leave(families, &parents[i], 100000);
    for (unsigned i = 0; i < CHILDREN; i++)
        if (children[i].kin != KIN_NONE)
            family_leave(families, &children[i], 100000);
    struct families_use use = families_use(families);
    ck_assert_uint_eq(use.families, 0);
    ck_assert_uint_eq(use.waiting, 0);
    ck_assert_uint_eq(use.children, 0);
    ck_assert_uint_eq(tally_keys(tally), 0);
}
END_TEST

struct race {
    uint32_t index;
    unsigned won;
};

static void *join_it(void *argument)
{
    struct race *race = argument;
    struct packet packet = packet_to(5000);
    struct connection child = child_of(&packet, 2);
    race->won = family_join(families, race->index, &child, &packet, 100);
    return NULL;
}

START_TEST(of_two_packets_at_once_one_is_the_child)
{
    for (unsigned turn = 0; turn < 200; turn++) {
        struct connection parent = parent_of(1, 1);
        struct packet packet = packet_to(5000);
        pthread_t threads[2];
        struct race races[2];
        ck_assert(expect_at(&parent, 5000, 1, 100));
        for (unsigned i = 0; i < 2; i++) {
            races[i] = (struct race){find(&packet, 100), 0};
            ck_assert_uint_ne(races[i].index, KIN_NONE);
        }
        for (unsigned i = 0; i < 2; i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, join_it, &races[i]), 0);
        for (unsigned i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        ck_assert_uint_eq(races[0].won + races[1].won, 1);
        family_leave(families, &parent, 200);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("family");
    TCase *cases = tcase_create("families");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, only_the_packet_that_was_announced_fits);
    tcase_add_test(cases, it_is_used_once_and_told_what_it_is_matched_as);
    tcase_add_test(cases, another_one_in_its_place_is_not_joined);
    tcase_add_test(cases, what_is_repeated_is_not_doubled);
    tcase_add_test(cases, again_means_that_it_waits_when_its_child_has_ended);
    tcase_add_test(cases, several_children_at_once);
    tcase_add_test(cases, prolonged_it_waits_longer_from_then_on);
    tcase_add_test(cases, at_once_it_has_so_many_children_and_no_more_time);
    tcase_add_test(cases, who_is_named_goes_before_anybody_who_is_trusted);
    tcase_add_test(cases, the_other_direction_is_done_with_too);
    tcase_add_test(cases, a_family_and_a_source_have_bounds);
    tcase_add_test(cases, when_the_parent_ends);
    tcase_add_test(cases, a_parent_has_its_time_again_when_its_last_child_has_ended);
    tcase_add_test(cases, grandchildren_are_matched_as_the_first_parent);
    tcase_add_test(cases, nothing_is_left_of_what_ended);
    tcase_add_test(cases, of_two_packets_at_once_one_is_the_child);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
