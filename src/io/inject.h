/* Sends the answers to rejected packets, by raw sockets; bounded, never waiting. */
#ifndef IO_INJECT_H
#define IO_INJECT_H

#include <stddef.h>
#include <stdint.h>

#include "packet/reply.h"

struct inject;

/* At most so many answers a second and worker: a flood is not mirrored (RFC 4443, 2.4f; RFC 1812, 4.3.2.8). */
#define INJECT_PER_SECOND_MAX 1000

struct inject_counters {
    uint64_t sent, left_out, failed;
};

/*
 * Opens the sockets; what they send carries MARK (hook.h). Returns NULL, with why in ERROR, when even IPv4's are refused; IPv6 may be
 * missing.
 */
struct inject *inject_new(uint32_t mark, char *error, size_t error_size);
void inject_free(struct inject *inject);

/* Answers the rejected PACKET at NOW_MS. */
void inject_reply(struct inject *inject, const struct packet *packet, uint64_t now_ms);

const struct inject_counters *inject_counters(const struct inject *inject);

#endif
