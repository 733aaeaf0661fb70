/*
 * Parents and children. A family is a connection that an ALG listens to (the parent), the expectations that were announced
 * on it, and the connections that came of them (the children).
 *
 * A child is matched by the rules as what its parent is, for its whole life, and keeps the parent from idling out. When the
 * parent ends, expectations that wait end at once, UDP children after a while, TCP children run to their own end
 * (tracking.md). A child may be a parent too: H.323's call signalling announces the control channel, which announces the
 * media; the whole line is matched as its first parent.
 *
 * Records refer to each other by index and live in mappings whose pages are touched only when used; nothing is allocated
 * after families_new. A family lives as long as its parent or one of its children does. Connections hold their record
 * by `kin`: the parent its family, a child its expectation.
 *
 * Locking. A lock inside comes after a stripe of the state table and before the tally. What the ALG remembers of a
 * family belongs to the parent's stripe. Everything else is changed under the lock inside; the few values that packets of
 * children read are atomic.
 */
#ifndef STATE_FAMILY_H
#define STATE_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/siphash.h"
#include "packet/packet.h"
#include "state/connection.h"
#include "state/stream.h"
#include "state/tally.h"

#define KIN_NONE 0u

#define FAMILIES_MAX 65535u            /* connections that are listened to at once */
#define EXPECTATIONS_MAX 262143u       /* expectations that wait or have a child, of all families */
#define EXPECTATIONS_SOURCE_MAX 1024u  /* of all families whose parents one source opened */
#define FAMILY_MEMORY_BYTES 512u       /* what an ALG may remember of a connection */

/* What the rules match a connection's packets as: the connection itself, or the first parent of its line. */
struct basis {
    struct tuple tuple;
    uint32_t in_interface, out_interface;
    uint32_t opener;    /* identity of the rule that admitted it */
    bool opener_high;   /* the tuple's high end opened it */
    uint8_t chain;      /* enum chain */
};

/* What CONNECTION itself is; of one that nobody announced, that is what its packets are matched as. */
static inline struct basis connection_basis(const struct connection *connection)
{
    return (struct basis){
        .tuple = connection->tuple,
        .in_interface = connection->in_interface,
        .out_interface = connection->out_interface,
        .opener = connection->opener,
        .opener_high = connection->flags & CONNECTION_OPENER_HIGH,
        .chain = connection->chain,
    };
}

/* Why an ALG hears nothing more of a connection. */
enum deaf {
    DEAF_NOT,       /* it listens */
    DEAF_ENCRYPTED, /* the two speak TLS from here on */
    DEAF_GAP,       /* bytes were acknowledged, or came too far ahead, that never came by */
    DEAF_TOO_LONG,  /* a message longer than the ALG reads */
    DEAF_CUT,       /* a packet whose bytes were not all at hand */
    DEAF_NO_ROOM,   /* no block was free for what must be kept */
    DEAF_DONE,      /* nothing more that matters can come */
    DEAF_FOREIGN,   /* another protocol is spoken */
    DEAF_COUNT
};

/* "listening", "encrypted", "gap" ... */
const char *deaf_name(enum deaf deaf);

/* Why the ALG could not go on, for people; NULL: it had nothing more to hear. */
const char *deaf_error(enum deaf deaf);

/* What is announced. A packet fits when it has all of it. */
struct expected {
    struct address src, dst;
    uint16_t src_port;      /* 0: any */
    uint16_t dst_port;      /* GRE: the call id that packets to dst carry */
    uint8_t protocol;
    uint8_t alg;            /* who listens to the child: a dialect of room alg; 0: nobody */
    bool any_src;           /* others than src fit too: the caller of family_find asks further about them */
    bool anybody;           /* src does not matter: who will come is nowhere announced, by the nature of the protocol */
    bool again;             /* it waits again when its child has ended, until it is withdrawn or its time is over */
    uint32_t at_once;       /* it waits on until it has so many children; one that ends makes room, no time; 0: one */
    uint32_t tag;           /* of what it was announced for (a transfer, a call): names it when it is withdrawn */
    uint32_t wait_ms;       /* so long it waits for its child */
};

struct family {
    struct basis basis;
    uint64_t parent;        /* id of the connection that is listened to */
    uint32_t announced_by;  /* the expectation that the parent came of; KIN_NONE: a rule admitted it */
    uint32_t orphan_ms;     /* so long UDP children outlive the parent */
    uint8_t alg;            /* the dialect spoken */
    /* The parent's stripe guards these: */
    uint8_t deaf;           /* enum deaf */
    uint32_t idle_ms;       /* the parent may idle at least so long */
    struct stream streams[DIRECTION_COUNT];
    _Alignas(8) uint8_t memory[FAMILY_MEMORY_BYTES]; /* zeroed at first */
    /* The lock inside guards these: */
    uint32_t next_free;
    uint32_t holders;       /* the parent and the children */
    uint32_t first;         /* head of the list of its expectations */
    uint32_t expectations;
    /* Atomic: */
    uint32_t children;      /* that live */
    uint64_t child_ms;      /* when the last child ended */
    uint64_t ended_ms;      /* when the parent ended, plus one; 0: it lives */
};

struct estate;
struct families;

/*
 * Returns an empty store, or NULL when memory is refused. TALLY counts expectations a source, and is borrowed. ESTATE as in
 * struct table_config.
 */
struct families *families_new(const struct siphash_key *key, struct tally *tally, struct estate *estate);
void families_free(struct families *families);

/* Blocks for what streams must keep. */
struct blocks *families_blocks(struct families *families);

/*
 * PARENT is listened to by the dialect ALG from now on: makes its family and sets `kin` and `alg` of the connection, which is just made. A
 * child (CONNECTION_RELATED) gives its expectation into the family. False: there are as many families as there may be.
 */
bool family_found(struct families *families, struct connection *parent, uint8_t alg, uint32_t orphan_ms);

/* The family of a connection that is listened to (its stripe is locked); NULL when it is not. */
struct family *family_of(struct families *families, const struct connection *connection);

/* What CONNECTION (its stripe is locked) is matched as; *PARENT is the id of the connection that announced it, 0: none. */
struct basis family_basis(struct families *families, const struct connection *connection, uint64_t *parent);

#define GRACE_OWN_END UINT32_MAX

/* One thing that an ALG wants done. */
struct family_order {
    enum { ORDER_EXPECT, ORDER_WITHDRAW, ORDER_PROLONG } kind;
    struct expected expected; /* ORDER_EXPECT */
    uint32_t tag, any_bits;   /* the others: all expectations with this tag (whatever these bits of it are) ... */
    uint32_t grace_ms;        /* ORDER_WITHDRAW: ... whose children end after so long; GRACE_OWN_END: by themselves */
    bool lingers;             /* what waits may still be used until then */
    uint32_t wait_ms;         /* ORDER_PROLONG, carried out last: ... wait so long, from now on and whenever they wait again */
};

/*
 * Carries out ORDERS about FAMILY in their order, as one. What is withdrawn and expected again by the same orders goes on
 * with its child. Where the family has MOST waiting expectations the oldest gives way. False: the source has as many as
 * it may, and nothing was done.
 */
bool family_obey(struct families *families, struct family *family, const struct family_order *orders, unsigned count,
                 unsigned most, uint64_t now_ms);

/*
 * The expectation that PACKET, which belongs to no connection, fits at NOW_MS, or KIN_NONE. *EXPECTED, *BASIS and *PARENT
 * (the id of the connection that announced it) are filled. Costs one atomic read while nothing waits.
 */
uint32_t family_find(struct families *families, const struct packet *packet, uint64_t now_ms, struct expected *expected,
                     struct basis *basis, uint64_t *parent);

/*
 * CHILD, just made of PACKET, is what the expectation INDEX, that family_find has just found, waited for: sets its `kin` and
 * CONNECTION_RELATED. An expectation of the same family that waits for the other direction of the child is done with too.
 * False: another packet was faster, or the time is over.
 */
bool family_join(struct families *families, uint32_t index, struct connection *child, const struct packet *packet,
                 uint64_t now_ms);

/* The parent is over, whatever its entry still waits for: expectations end, the UDP children soon. */
void family_end(struct families *families, struct family *family, uint64_t now_ms);

/* CONNECTION, of which `kin` is set, is forgotten at NOW_MS. */
void family_leave(struct families *families, struct connection *connection, uint64_t now_ms);

/* When CONNECTION, of which `kin` is set, expires, if left alone it would expire at DUE_MS after TIMEOUT_MS of idling. */
uint64_t family_due(const struct families *families, const struct connection *connection, uint64_t due_ms,
                    uint32_t timeout_ms);

/* Forgets expectations that have waited for too long, looking at no more than BUDGET. */
void families_expire(struct families *families, uint64_t now_ms, unsigned budget);

struct families_use {
    uint32_t families, waiting, children; /* now */
    uint64_t announced, used, withdrawn, expired, displaced, refused; /* expectations since families_new */
};
struct families_use families_use(struct families *families);

/* What is known of CONNECTION's family, for people. Its stripe is locked. */
struct kinship {
    uint64_t parent;       /* who announced it; 0: nobody */
    uint8_t alg;           /* the dialect that listens to it; 0: none */
    uint8_t deaf;
    uint32_t waiting, children;
};
struct kinship family_kinship(struct families *families, const struct connection *connection);

/* Copies what FAMILY waits for to EXPECTED, up to SIZE; returns how many there are. */
unsigned family_waiting(struct families *families, const struct family *family, uint64_t now_ms, struct expected *expected,
                        unsigned size);

#endif
