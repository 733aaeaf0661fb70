/* Which process owns a queue: for the message of a daemon that cannot have it. */
#ifndef IO_OWNER_H
#define IO_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writes "process 123 (name)" of whoever owns queue NUMBER to TEXT, or "another process" when that cannot be told. Returns
 * whether somebody does.
 */
bool owner_of_queue(uint16_t number, char *text, size_t size);

/* Reads the small file at PATH, terminated, cut at SIZE - 1 bytes; returns its length, 0 when it cannot be read. */
size_t owner_read_file(const char *path, char *text, size_t size);

/*
 * The kernel's list of the queues of this network namespace, for nfqueue_kernel_read. Only root can open it (-1: it cannot be
 * opened), everybody can read it again and again once it is open; the text is cut and terminated as above.
 */
int owner_open_queues(void);
size_t owner_read_queues(int file, char *text, size_t size);

/* The socket's inode of the netlink port in TEXT, which is /proc/net/netlink's; 0 when it is not there. */
unsigned long owner_inode(const char *text, uint32_t port);

#endif
