/* Another network namespace: the interfaces, rules and queues there are all that changes; files, pins below /sys/fs/bpf too, stay. */
#ifndef IO_NAMESPACE_H
#define IO_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Enters the network namespace at NAME, which `ip netns` knows, or a path (with a '/') such as /proc/123/ns/net. For this thread and
 * those that it starts later. False, with why and the mend in ERROR: it cannot be entered.
 */
bool namespace_enter(const char *name, char *error, size_t error_size);

#endif
