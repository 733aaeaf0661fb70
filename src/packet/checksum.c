#include "packet/checksum.h"

#include <endian.h>
#include <string.h>

#include "packet/packet.h"

static uint32_t fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32); /* at most 33 bits */
    sum = (sum & 0xffff) + (sum >> 16);     /* at most 18 */
    sum = (sum & 0xffff) + (sum >> 16);     /* at most 17, and then a small number below it */
    return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

/*
 * The sum does not care in which order bytes lie in a word nor how wide a word is, as long as carries come back in at
 * the low end (RFC 1071, section 2): so whole words of 64 bits are added as they lie in memory, and turned once.
 */
uint32_t checksum_add(uint32_t sum, const uint8_t *bytes, size_t length)
{
    uint64_t total = 0, word;
    uint32_t half;
    for (; length >= sizeof word; bytes += sizeof word, length -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        total += word;
        total += total < word;
    }
    if (length >= sizeof half) {
        memcpy(&half, bytes, sizeof half);
        total += half;
        total += total < half;
        bytes += sizeof half;
        length -= sizeof half;
    }
    if (length > 0) {
        word = 0;
        memcpy(&word, bytes, length);
        total += word;
        total += total < word;
    }
    return fold((uint64_t)sum + be16toh((uint16_t)fold(total)));
}

uint16_t checksum_fold(uint32_t sum)
{
    return (uint16_t)~fold(sum);
}

static uint64_t halves(uint64_t word)
{
    return (word & 0xffffffff) + (word >> 32);
}

uint32_t checksum_pseudo(const struct packet *packet, uint32_t length)
{
    uint64_t sum = (uint64_t)length + packet->protocol;
    if (packet->family == 4)
        sum += (packet->src.low & 0xffffffff) + (packet->dst.low & 0xffffffff);
    else
        sum += halves(packet->src.high) + halves(packet->src.low) + halves(packet->dst.high) + halves(packet->dst.low);
    return fold(sum);
}

/*
 * The remainder is linear: a byte's is the sum, without carries, of its bits'. So eight constants make the table, the
 * remainders of the single bits for the reflected polynomial 0x82f63b78 (RFC 9260, appendix A).
 */
#define BIT(byte, bit, remainder) ((byte) >> (bit) & 1 ? (remainder) : 0u)
#define BYTE(byte)                                                                                                     \
    (BIT(byte, 0, 0xf26b8303u) ^ BIT(byte, 1, 0xe13b70f7u) ^ BIT(byte, 2, 0xc79a971fu) ^ BIT(byte, 3, 0x8ad958cfu) ^   \
     BIT(byte, 4, 0x105ec76fu) ^ BIT(byte, 5, 0x20bd8edeu) ^ BIT(byte, 6, 0x417b1dbcu) ^ BIT(byte, 7, 0x82f63b78u))
#define BYTES_4(byte) BYTE(byte), BYTE((byte) + 1), BYTE((byte) + 2), BYTE((byte) + 3)
#define BYTES_16(byte) BYTES_4(byte), BYTES_4((byte) + 4), BYTES_4((byte) + 8), BYTES_4((byte) + 12)
#define BYTES_64(byte) BYTES_16(byte), BYTES_16((byte) + 16), BYTES_16((byte) + 32), BYTES_16((byte) + 48)

static const uint32_t remainders[256] = {BYTES_64(0), BYTES_64(64), BYTES_64(128), BYTES_64(192)};

uint32_t crc32c(uint32_t crc, const uint8_t *bytes, size_t length)
{
    crc = ~crc;
    for (size_t i = 0; i < length; i++)
        crc = crc >> 8 ^ remainders[(crc ^ bytes[i]) & 0xff];
    return ~crc;
}
