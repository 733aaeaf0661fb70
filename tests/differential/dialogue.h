/*
 * TCP dialogues, made up from a seed: two end hosts that keep to RFC 9293, and a network between them that loses, delays,
 * doubles and reorders. What is told is what somebody in the middle sees. Beside them somebody may shout in between.
 */
#ifndef TESTS_DIFFERENTIAL_DIALOGUE_H
#define TESTS_DIFFERENTIAL_DIALOGUE_H

#include <stdbool.h>
#include <stdint.h>

/* A segment, as it passes the middle. */
struct segment {
    bool from_server;
    bool foreign; /* neither host has sent it */
    uint8_t flags;
    uint32_t seq, ack;
    uint16_t window, length;
    uint8_t scale; /* of a SYN; DIALOGUE_NO_SCALE: the option is absent */
    bool sacks;
    uint32_t sack_begin, sack_end;
};

#define DIALOGUE_NO_SCALE 255

/* Tells the dialogue of SEED, segment by segment. The same seed tells the same. */
void dialogue(uint64_t seed, void (*tell)(void *context, const struct segment *segment), void *context);

#endif
