/* iptables' own tools, run: the mangle table of a family changed and printed, through either backend. */
#ifndef IO_IPTABLES_H
#define IO_IPTABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum iptables_backend {
    IPTABLES_DEFAULT, /* what `iptables` is here */
    IPTABLES_NFT,
    IPTABLES_LEGACY
};

/* Is there IPv6 in this kernel? */
bool iptables_has_ipv6(void);

/* Which backend IPTABLES_DEFAULT is; IPTABLES_DEFAULT: there is no iptables. */
enum iptables_backend iptables_backend(void);

/* The tool's name for FAMILY, 4 or 6. */
const char *iptables_name(int family);
const char *iptables_restore_name(int family);

/*
 * All of these return the tool's exit status, 0 when it was done, -errno when it cannot be run; what it says goes to the SIZE bytes at
 * OUTPUT, terminated.
 */

/* `-t mangle ACTION CHAIN`, and `-j TARGET` unless it is NULL. */
int iptables_rule(enum iptables_backend backend, int family, const char *action, const char *chain, const char *target, char *output,
                  size_t size);

/* iptables-restore --noflush with INPUT: all of it in one step, or nothing. */
int iptables_restore(int family, const char *input, char *output, size_t size);

/* A table as iptables-save prints it is no longer than this; a longer one is cut. */
#define IPTABLES_SAVE_BYTES (4u << 20)

int iptables_save(int family, char *output, size_t size);

/* A socket to ask for the older backend's tables of FAMILY by; -errno: there is none. */
int iptables_legacy_open(int family);

/* A number that changes when the older backend's mangle table of FAMILY does, whatever the counters do; 0: it cannot be read. */
uint64_t iptables_legacy_print(int fd, int family);

#endif
