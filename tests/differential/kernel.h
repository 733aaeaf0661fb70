/*
 * The kernel's own connection tracker, in a network namespace of our own: packets go in one by one, and come back with the
 * state that conntrack has given them.
 */
#ifndef TESTS_DIFFERENTIAL_KERNEL_H
#define TESTS_DIFFERENTIAL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an iptables rule has recorded: the match `conntrack --ctstate`. */
enum kernel_state { KERNEL_NONE, KERNEL_INVALID, KERNEL_NEW, KERNEL_ESTABLISHED, KERNEL_RELATED, KERNEL_UNTRACKED, KERNEL_STATE_COUNT };

const char *kernel_state_name(enum kernel_state state);

/*
 * Puts this process into a fresh network namespace whose conntrack knows nothing. Returns false, with why in ERROR, when that
 * is refused or something is missing. May be called again: the namespace before is left.
 */
bool kernel_enter(char *error, size_t error_size);

struct kernel_packet {
    enum kernel_state state;
    const uint8_t *bytes; /* as the tracker saw it: fragments are whole datagrams; borrowed until the next call */
    size_t length;
};

/* Sends the IP packet of LENGTH bytes into the namespace, with a hop limit of 64. False: it is too long or too short. */
bool kernel_send(const uint8_t *bytes, size_t length);

/* Waits a moment for the next packet that comes out. False: none does. */
bool kernel_take(struct kernel_packet *packet);

/* Both: false when the packet was not forwarded, or waits for other fragments. */
bool kernel_pass(const uint8_t *bytes, size_t length, struct kernel_packet *packet);

#endif
