/*
 * Application-layer gateways: what two hosts say on a control connection, to the connections that they announce.
 *
 * One file a protocol, behind one struct alg that declares its limits. An ALG is told what one side says, in order and
 * once, whole messages or their beginning (alg/stream.h puts TCP segments in order). It answers with orders about its
 * family (state/family.h), or refuses the packet. It sees nothing else: no table, no rules, no clock.
 *
 * Hearing changes nothing by itself: the ALG works on a copy of its memory, and the caller carries the orders out and keeps
 * the copy only if the packet passes.
 */
#ifndef ALG_ALG_H
#define ALG_ALG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/alg_name.h"
#include "state/family.h"

/* What is spoken on a control connection: mostly one a name, but H.323 is a family of protocols. */
enum dialect {
    DIALECT_NONE,
    DIALECT_FTP,
    DIALECT_H225,
    DIALECT_H245,
    DIALECT_IRC,
    DIALECT_PPTP,
    DIALECT_RAS,
    DIALECT_RTSP,
    DIALECT_SIP,
    DIALECT_SIP_TCP,
    DIALECT_TFTP,
    DIALECT_COUNT
};

/* "ftp" ... */
const char *dialect_name(uint8_t dialect);

/* The dialect of the ALG called NAME over PROTOCOL; DIALECT_NONE when it has none there. */
uint8_t dialect_of(enum alg_name name, uint8_t protocol);

#define HEARING_ORDERS_MAX 64u /* a packet with more is refused */

/* The least port that may be announced: nobody runs a transfer on a well-known port (RFC 6335, 6). */
#define ANNOUNCED_PORT_MIN 1024u

/* What one side says. */
struct speech {
    enum direction direction;       /* who speaks: ORIGINAL is who opened the control connection */
    struct address speaker, listener;
    uint16_t speaker_port, listener_port;
    const uint8_t *bytes;           /* borrowed */
    size_t length;
    uint64_t now_ms;
    uint32_t wait_ms;               /* so long an expectation waits, by the rules; for expected.wait_ms */
    bool strict;                    /* what breaks the grammar is to be refused */
    bool closed;                    /* and so is what the ALG cannot go on with (`on inspect-error drop`) */
    /* May media come from ADDRESS, which is none of the two? By the rule's `media SET`; NULL: it has none. */
    bool (*may_media)(const void *context, struct address address);
    const void *context;
};

/* What an ALG makes of it. */
struct hearing {
    uint8_t *memory;      /* FAMILY_MEMORY_BYTES, the ALG's own; zeroed when the connection was opened; a copy */
    struct family_order orders[HEARING_ORDERS_MAX];
    unsigned order_count;
    const char *refused;  /* why the packet is denied; NULL: it may pass */
    enum deaf deaf;       /* why the ALG hears nothing more from now on */
    enum deaf broken;     /* refused, and so is all that follows on this connection, for this */
    uint32_t skip;        /* so many bytes behind those that were read are nobody's to read (a message's body) */
    uint32_t idle_ms;     /* the control connection may idle at least so long; as it was, unless changed */
};

struct alg {
    const char *name;
    uint32_t message_bytes_max; /* a longer message ends the listening (strict: is refused); at most BLOCK_BYTES; 0: datagrams only */
    uint32_t expectations_max;  /* that wait at once on one control connection; the oldest gives way */
    /*
     * Hears SPEECH. Returns how many of its bytes were whole messages: over TCP the rest is told again together with what
     * follows it, over UDP it is nothing. What was not read must not have changed the memory or given orders.
     */
    size_t (*hear)(struct hearing *hearing, const struct speech *speech);
};

/* The ALG of a dialect. */
const struct alg *alg_of(uint8_t dialect);

/*
 * Orders for ALGs. What may not be announced refuses the packet: a port below ANNOUNCED_PORT_MIN, more than
 * HEARING_ORDERS_MAX orders. Fields of EXPECTED that are left zero mean what state/family.h says; wait_ms 0 becomes the
 * speech's.
 */
void hearing_expect(struct hearing *hearing, const struct speech *speech, const struct expected *expected);
void hearing_withdraw(struct hearing *hearing, uint32_t tag, uint32_t grace_ms);

/* Withdraws all whose tags differ from TAG at most in ANY_BITS, what belongs to one call. What LINGERS can be used until then. */
void hearing_withdraw_all(struct hearing *hearing, uint32_t tag, uint32_t any_bits, uint32_t grace_ms, bool lingers);

/* All that wait again, and whose tags differ from TAG at most in ANY_BITS, wait for WAIT_MS from now on. */
void hearing_prolong(struct hearing *hearing, uint32_t tag, uint32_t any_bits, uint32_t wait_ms);

/* Refuses the packet: WHY is a constant, and says what a person would want to know. The first reason stands. */
void hearing_refuse(struct hearing *hearing, const char *why);

/* May SPEECH announce ADDRESS as one of its speaker's: is it his own, or allowed by the rule? */
bool speech_own(const struct speech *speech, struct address address);

/* A number that stands for LENGTH bytes at BYTES, for tags: FNV-1a (Fowler, Noll, Vo), never 0. */
uint32_t alg_tag(const void *bytes, size_t length);

/* The protocols. */
extern const struct alg alg_ftp;
extern const struct alg alg_h225;
extern const struct alg alg_h245;
extern const struct alg alg_irc;
extern const struct alg alg_pptp;
extern const struct alg alg_ras;
extern const struct alg alg_rtsp;
extern const struct alg alg_sip, alg_sip_tcp;
extern const struct alg alg_tftp;

#endif
