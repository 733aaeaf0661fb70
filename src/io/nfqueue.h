/*
 * One NFQUEUE: packets from the kernel in batches, verdicts back in one message.
 *
 * Sockets are read by recvmmsg into buffers that are made once; nothing is allocated for a packet. What cannot be read is
 * denied and counted, and so is what the kernel says it has lost (ENOBUFS): neither ends the daemon.
 */
#ifndef IO_NFQUEUE_H
#define IO_NFQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

struct nfqueue;

struct nfqueue_counters {
    uint64_t packets, batches;
    uint64_t lost;       /* times that the kernel said that messages were lost (ENOBUFS) */
    uint64_t unreadable; /* messages that could not be understood: their packets are denied where their id is known */
    uint64_t refused;    /* errors that came back on verdicts */
};

/* The most packets of one batch. A buffer holds a 64 KB packet with its attributes. */
#define NFQUEUE_BATCH_MAX ENGINE_BATCH_MAX

/* Packets that the kernel keeps for us: a burst of so many is not lost. */
#define NFQUEUE_LENGTH 8192

/* Room in our socket for a full queue of large packets, beyond net.core.rmem_max (we have CAP_NET_ADMIN). */
#define NFQUEUE_RECEIVE_BYTES (16 << 20)

/*
 * Opens and binds queue NUMBER. Returns NULL and writes why, with the mend, to the ERROR_SIZE bytes at ERROR: no privilege, taken
 * (and by which process), or missing in the kernel.
 */
struct nfqueue *nfqueue_open(uint16_t number, char *error, size_t error_size);
void nfqueue_close(struct nfqueue *queue);

/*
 * So much of each packet comes along at first: all headers, with 8 IPv6 extension headers of usual size, and what an ICMP error
 * quotes. Copying the 64 KB of a packet that a card would cut up costs more than judging it.
 */
#define NFQUEUE_HEADERS_BYTES 1024

/* From now on packets come whole, for those who read what they carry. It is not taken back. */
void nfqueue_want_whole(struct nfqueue *queue);

/* What finds the queue full passes from now on, or, at first, is dropped. */
void nfqueue_fail_open(struct nfqueue *queue, bool open);

/* While a queue is FULL it has no room: all that comes finds it full. */
void nfqueue_be_full(struct nfqueue *queue, bool full);

/*
 * Gives the queue up, as the end of the process would: what waits in it is dropped, and nobody serves it until nfqueue_return,
 * which returns 0, or -errno where another owns it now (-EBUSY, -EPERM) or the kernel refuses it.
 */
void nfqueue_leave(struct nfqueue *queue);
int nfqueue_return(struct nfqueue *queue);

/* The socket to wait on for reading. */
int nfqueue_fd(const struct nfqueue *queue);

/* What is done with a packet: it passes or not; where MASK is not 0, these bits of its mark become MARK's. */
struct nfqueue_answer {
    bool pass;
    uint32_t mark, mask;
};

/* Called for a batch: fills the COUNT answers. The jobs' arrival, bytes (from the IP header on, borrowed) and captured are set. */
typedef void (*nfqueue_judge)(void *context, struct engine_job *jobs, unsigned count, struct nfqueue_answer *answers);

/*
 * Reads one batch without waiting, asks JUDGE about its packets and sends the verdicts. NOW_MS stands in each arrival.
 * Returns the number of packets; 0 when there was nothing to read.
 */
unsigned nfqueue_turn(struct nfqueue *queue, uint64_t now_ms, nfqueue_judge judge, void *context);

const struct nfqueue_counters *nfqueue_counters(const struct nfqueue *queue);

/*
 * What the kernel says of queue NUMBER in TEXT, which is /proc/net/netfilter/nfnetlink_queue's: who owns it (a netlink
 * port), how many packets wait, how many it dropped because the queue or our socket was full. False: not in the list.
 */
struct nfqueue_kernel {
    uint32_t owner_port;
    uint32_t waiting;
    uint64_t queue_dropped, user_dropped;
};
bool nfqueue_kernel_read(const char *text, uint16_t number, struct nfqueue_kernel *kernel);

#endif
