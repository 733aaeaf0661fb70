/*
 * Addresses of both families in one space of 128 bits, in host order, so that a set is a list of ranges and a
 * comparison is two subtractions.
 *
 * An IPv4 address is kept as its mapped form ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). No honest packet carries a mapped
 * address on the wire (RFC 4942, 2.2), and packet_decode refuses it, so the two families never meet in this space.
 */
#ifndef PACKET_ADDRESS_H
#define PACKET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

struct text;

struct address {
    uint64_t high, low;
};

struct address_range {
    struct address first, last; /* both included; first <= last */
};

#define ADDRESS_V4_BASE 0x0000ffff00000000u /* .low of ::ffff:0.0.0.0 */

/* The address of IPv4's HOST-order number. */
static inline struct address address_v4(uint32_t host)
{
    return (struct address){0, ADDRESS_V4_BASE | host};
}

static inline bool address_is_v4(struct address a)
{
    return a.high == 0 && a.low >> 32 == 0xffff;
}

static inline bool address_equal(struct address a, struct address b)
{
    return a.high == b.high && a.low == b.low;
}

/* Below zero, zero or above, as a is before, at or after b. */
static inline int address_compare(struct address a, struct address b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return a.low < b.low ? -1 : a.low > b.low;
}

/* Reads the 16 bytes of an IPv6 address in network order. */
struct address address_v6(const uint8_t bytes[16]);

/* Writes the 16 bytes of ADDRESS (the mapped form for IPv4) in network order. */
void address_bytes(struct address address, uint8_t bytes[16]);

/*
 * All addresses that share the first BITS bits with BASE. BITS counts within the family: 0..32 for IPv4, 0..128 for
 * IPv6. ::/0 would hold the mapped addresses too: the caller that means "IPv6" takes them out.
 */
struct address_range address_prefix(struct address base, unsigned bits);

/* The next address up or down; wraps around at the ends of the space. */
struct address address_next(struct address a);
struct address address_previous(struct address a);

/* Appends the usual text form: 192.0.2.1 or RFC 5952. */
void address_to_text(struct text *text, struct address address);

/* Reads the usual text form of either family; false when TEXT is none. A mapped IPv6 form is refused. */
bool address_from_text(const char *text, struct address *address);

/* Multicast of either family, or IPv4's limited broadcast: nothing to which an error may be sent. */
bool address_is_group(struct address address);

#endif
