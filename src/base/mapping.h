/*
 * Memory for large arrays: zeroed, and its pages cost nothing until they are touched. Arrays of many megabytes have
 * pages of 2 MB where the kernel has them (transparent huge pages, at least `madvise`): fetching memory page by page
 * costs a new connection more than all else.
 *
 * It may be a file's (on a tmpfs): then it outlasts the process. A file system can be full, and whoever touches a
 * page that it cannot give is killed; so such memory must be provided before it is used.
 */
#ifndef BASE_MAPPING_H
#define BASE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A large page, and the largest of the small ones. */
#define MAPPING_LARGE_BYTES ((size_t)2 << 20)
#define MAPPING_GRAIN_BYTES ((size_t)64 << 10)

/* Returns BYTES of it, or NULL when it is refused. */
void *mapping_new(size_t bytes);

/*
 * Returns the BYTES from OFFSET on of the file FD, which is long enough; NULL when they are refused. Both are
 * multiples of MAPPING_GRAIN_BYTES. Where OFFSET is a multiple of MAPPING_LARGE_BYTES the address is one too, as
 * large pages need it.
 */
void *mapping_of_file(int fd, uint64_t offset, size_t bytes);

/* The same, only to be read. */
const void *mapping_to_read(int fd, uint64_t offset, size_t bytes);

/* Has the file's system give the memory for BYTES from OFFSET on; false: it has none, errno says why. */
bool mapping_provide(int fd, uint64_t offset, size_t bytes);

/*
 * Puts the MAPPING_LARGE_BYTES at AT, of which the first page at least is provided, on one large page, provided as a
 * whole. Takes a fraction of a millisecond, in which who touches it waits. False: the kernel cannot (it can from
 * Linux 6.1 on), or not now (errno is EAGAIN, EBUSY or ENOMEM).
 */
bool mapping_enlarge(void *at);

/* Gives it back; NULL is allowed. */
void mapping_free(const void *at, size_t bytes);

#endif
