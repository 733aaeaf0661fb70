/* Link-layer frames to the IP packet within. Used by captures only: the kernel queues IP packets. */
#ifndef IO_LINK_H
#define IO_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is this libpcap link type (DLT_...) one that spid reads? Ethernet, raw IP, Linux cooked v1 and v2, null, loopback. */
bool link_known(int link_type);

/*
 * Finds the IP packet in the LENGTH bytes of a frame: its offset, or -1 when the frame holds none (ARP, STP ...) or is
 * too short to tell. VLAN tags (802.1Q, 802.1ad, QinQ) are stepped over.
 */
int link_ip_offset(int link_type, const uint8_t *frame, size_t length);

#endif
