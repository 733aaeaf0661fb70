/*
 * H.245's messages about logical channels (ITU-T H.245, 05/2006; annex A has the ASN.1). Read is what says where media
 * go; what comes of it is in channels.h.
 */
#ifndef ALG_H245_MESSAGE_H
#define ALG_H245_MESSAGE_H

#include "alg/h225_types.h"

/* Addresses in one message: mediaChannel and mediaControlChannel, forward and reverse. */
#define H245_PLACES_MAX 4u

enum h245_kind {
    H245_OTHER, /* nothing that matters here */
    H245_OPEN,
    H245_OPEN_ACK,
    H245_OPEN_REJECT,
    H245_CLOSE,
    H245_END_SESSION
};

struct h245_message {
    enum h245_kind kind;
    uint16_t channel; /* forwardLogicalChannelNumber, of who opens it */
    uint8_t session;  /* of an H245_OPEN: its channels carry one medium; 0: not said yet */
    unsigned place_count;
    struct place places[H245_PLACES_MAX];
};

/* Reads a MultimediaSystemControlMessage. Where PER has failed in the end, MESSAGE says nothing. */
struct h245_message h245_read(struct per *per);

/* Reads an OpenLogicalChannel alone, as it stands in H.225's fastStart. */
struct h245_message h245_read_open(struct per *per);

#endif
