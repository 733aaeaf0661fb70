#include "packet/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"

#define GROUPS 8 /* of 16 bits in an IPv6 address */

struct address address_v6(const uint8_t bytes[16])
{
    struct address address = {0, 0};
    for (unsigned i = 0; i < 8; i++) {
        address.high = address.high << 8 | bytes[i];
        address.low = address.low << 8 | bytes[8 + i];
    }
    return address;
}

void address_bytes(struct address address, uint8_t bytes[16])
{
    for (unsigned i = 8; i-- > 0;) {
        bytes[i] = (uint8_t)address.high;
        bytes[8 + i] = (uint8_t)address.low;
        address.high >>= 8;
        address.low >>= 8;
    }
}

/* The lowest COUNT (at most 64) bits set. */
static uint64_t low_bits(unsigned count)
{
    return count == 0 ? 0 : UINT64_MAX >> (64 - count);
}

struct address_range address_prefix(struct address base, unsigned bits)
{
    unsigned free_bits = (address_is_v4(base) ? 32 : 128) - bits;
    struct address mask = {
        .high = low_bits(free_bits > 64 ? free_bits - 64 : 0),
        .low = low_bits(free_bits > 64 ? 64 : free_bits),
    };
    return (struct address_range){
        .first = {base.high & ~mask.high, base.low & ~mask.low},
        .last = {base.high | mask.high, base.low | mask.low},
    };
}

struct address address_next(struct address a)
{
    a.low++;
    a.high += a.low == 0;
    return a;
}

struct address address_previous(struct address a)
{
    a.high -= a.low == 0;
    a.low--;
    return a;
}

/* RFC 5952: the longest run of two or more zero groups, the first of equal ones, is written as "::". */
static void v6_to_text(struct text *text, struct address address)
{
    uint16_t groups[GROUPS];
    for (unsigned i = 0; i < 4; i++) {
        groups[i] = (uint16_t)(address.high >> (48 - 16 * i));
        groups[4 + i] = (uint16_t)(address.low >> (48 - 16 * i));
    }
    unsigned gap = GROUPS, gap_length = 1;
    for (unsigned i = 0; i < GROUPS; i++) {
        unsigned length = 0;
        while (i + length < GROUPS && groups[i + length] == 0)
            length++;
        if (length > gap_length) {
            gap = i;
            gap_length = length;
        }
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        if (i == gap) {
            text_add(text, "::");
            i += gap_length - 1;
        } else {
            bool colon = i > 0 && i != gap + gap_length;
            text_add(text, colon ? ":%x" : "%x", groups[i]);
        }
    }
}

void address_to_text(struct text *text, struct address address)
{
    if (!address_is_v4(address)) {
        v6_to_text(text, address);
        return;
    }
    uint32_t host = (uint32_t)address.low;
    text_add(text, "%u.%u.%u.%u", host >> 24, host >> 16 & 0xff, host >> 8 & 0xff, host & 0xff);
}

bool address_from_text(const char *text, struct address *address)
{
    uint8_t bytes[16];
    if (inet_pton(AF_INET, text, bytes) == 1) {
        *address = address_v4((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3]);
        return true;
    }
    if (inet_pton(AF_INET6, text, bytes) != 1)
        return false;
    *address = address_v6(bytes);
    return !address_is_v4(*address);
}

bool address_is_group(struct address address)
{
    if (!address_is_v4(address))
        return address.high >> 56 == 0xff; /* RFC 4291, 2.7 */
    uint32_t host = (uint32_t)address.low;
    return host >> 28 == 0xe || host == UINT32_MAX; /* RFC 1112, section 4; RFC 919, section 7 */
}
