/*
 * A message of SIP (RFC 3261, 7), as far as it matters for media: compact forms (7.3.3) and folded lines (7.3.1) too. Bounded,
 * no allocation; total on any bytes.
 */
#ifndef ALG_SIP_MESSAGE_H
#define ALG_SIP_MESSAGE_H

#include "alg/lines.h"

#define SIP_PORT 5060u /* where none is said (RFC 3261, 19.1.2) */

/* The first address of record's host in Contact (RFC 3261, 20.10). */
struct sip_contact {
    bool known;            /* an address stands there, and UDP or TCP */
    uint8_t protocol;
    struct address host;
    uint16_t port;
};

struct sip_message {
    struct span method;    /* of a response: that of its request, by CSeq */
    uint32_t code;         /* of a response; 0: a request */
    struct span call;      /* Call-ID */
    struct span type;      /* Content-Type */
    struct sip_contact contact;
    uint32_t expires_s;    /* the longest that Contact or Expires says */
    uint16_t answer_port;  /* of a request over UDP: its response goes to this port of its source; 0: to that it came from */
    uint32_t body_bytes;   /* Content-Length */
    bool body_known;       /* it was given */
    bool body_bad;         /* it is no number, or two that differ */
    bool contact_given, expires_given;
    bool within;           /* To has a tag: it belongs to a dialog (RFC 3261, 12.2) */
    bool strange;          /* Call-ID, CSeq or Via is missing or cannot be read, or CSeq names another method (8.1.1.5) */
};

/* Does LINE begin a message? */
bool sip_begins(struct span line);

/* Reads the head of a message into *MESSAGE; returns its length with the empty line, 0 when it has not ended. */
size_t sip_read(const uint8_t *bytes, size_t length, struct sip_message *message);

/* Can the body of MESSAGE hold a description of media? */
bool sip_describes(const struct sip_message *message);

/* The description of media in BODY, alone or as a part (RFC 2046, 5.1; parts of parts are not looked for); empty: none. */
struct span sip_description(const struct sip_message *message, struct span body);

#endif
