/*
 * Logical channels: what two H.323 hosts say of the media of a call, and the expectations that come of it. H.245 speaks
 * of them on a connection of its own or tunnelled in call signalling, and H.225's fast start proposes them.
 *
 * Each side says where it takes RTP and RTCP (ITU-T H.323, 6.2.8.2): the other may send there from any port, for as
 * long as the channel is open. Channels of one session, a medium in both directions, use the same ports: what was
 * announced for a session ends with the last of its channels, what fast start has proposed with the call.
 */
#ifndef ALG_CHANNELS_H
#define ALG_CHANNELS_H

#include "alg/alg.h"
#include "alg/h245_message.h"

#define CHANNELS_MAX 32u /* open at once, of all calls of a connection; further ones are not heard of */

/* Four addresses each (audio, video, content, far-end camera control), twice where the rule has a media set, and their
   calls. */
#define CHANNELS_EXPECTATIONS_MAX 64u

struct channels {
    struct channel {
        uint16_t number;        /* 0: none is here */
        uint8_t opener;         /* enum direction: who has chosen the number */
        uint8_t call, session;
    } list[CHANNELS_MAX];
};

/* Tags: of what a call announces itself, and of its media. CALL is a small number of the caller's. */
uint32_t channels_tag_of_call(unsigned call);

/* Hears the H.245 MESSAGE, read from PER, of CALL. */
void channels_hear(struct channels *channels, struct hearing *hearing, const struct speech *speech, unsigned call,
                   struct span message);

/* Hears the OpenLogicalChannel PROPOSAL of CALL's fast start. */
void channels_hear_proposal(struct hearing *hearing, const struct speech *speech, unsigned call, struct span proposal);

/* CALL is over, and so are its media. */
void channels_end(struct channels *channels, struct hearing *hearing, unsigned call);

/* Refuses or passes over a message that PER could not read to its end, as alg.h says. Returns whether it was read. */
bool channels_readable(struct hearing *hearing, const struct speech *speech, const struct per *per);

#endif
