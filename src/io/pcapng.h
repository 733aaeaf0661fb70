/*
 * Packets as blocks of a pcapng file (draft-ietf-opsawg-pcapng), in this machine's byte order: raw IP, each with a comment. Pure.
 */
#ifndef IO_PCAPNG_H
#define IO_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

/* What a section begins with: its header and its one interface. SNAP: bytes of a packet at most. */
#define PCAPNG_HEAD_BYTES 128
size_t pcapng_head(uint8_t head[PCAPNG_HEAD_BYTES], uint32_t snap);

/* Bytes of a packet's block beside its CAPTURED bytes and its comment, at most. */
#define PCAPNG_PACKET_BYTES 48

/*
 * Writes a packet's block to the SIZE bytes at TO: seen at TIME_US since 1970, CAPTURED bytes of LENGTH. Returns its length; 0:
 * it does not fit.
 */
size_t pcapng_packet(uint8_t *to, size_t size, uint64_t time_us, const uint8_t *bytes, uint32_t captured, uint32_t length,
                     const char *comment);

#endif
