/*
 * Memory for large arrays: zeroed, and its pages cost nothing until they are touched. Arrays of many megabytes have pages of 2 MB
 * where the kernel has them (transparent huge pages, at least `madvise`): fetching memory page by page costs a new connection
 * more than all else.
 */
#ifndef BASE_MAPPING_H
#define BASE_MAPPING_H

#include <stddef.h>

/* Returns BYTES of it, or NULL when it is refused. */
void *mapping_new(size_t bytes);

/* Gives it back; NULL is allowed. */
void mapping_free(void *at, size_t bytes);

#endif
