/* The Internet checksum (RFC 1071) and SCTP's CRC32c (RFC 9260, appendix A). */
#ifndef PACKET_CHECKSUM_H
#define PACKET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

struct packet;

/* Adds LENGTH bytes to the running sum (start with 0); an odd LENGTH ends the sum. */
uint32_t checksum_add(uint32_t sum, const uint8_t *bytes, size_t length);

/*
 * Folds the running sum into the number that stands in a header, in host order. The sum over bytes with their right
 * checksum in place gives 0.
 */
uint16_t checksum_fold(uint32_t sum);

/* Starts the sum with the pseudo header of PACKET (RFC 9293 3.1, RFC 8200 8.1) for LENGTH transport bytes. */
uint32_t checksum_pseudo(const struct packet *packet, uint32_t length);

/* CRC32c of LENGTH bytes, continuing from CRC (start with 0). */
uint32_t crc32c(uint32_t crc, const uint8_t *bytes, size_t length);

#endif
