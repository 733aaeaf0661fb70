/*
 * Bytes to a struct packet, or a reason. First station of a packet's way; total: any bytes give an answer.
 */
#ifndef PACKET_DECODE_H
#define PACKET_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "packet/packet.h"
#include "packet/reason.h"

/* What is known about the checksums before anybody computes it. */
enum checksum_status {
    CHECKSUM_VERIFY,   /* nothing is known: verify it where all bytes are at hand */
    CHECKSUM_GOOD,     /* the kernel or the network card has verified it */
    CHECKSUM_UNFILLED, /* not filled in yet (offload), the IPv4 header's perhaps neither: they cannot be judged */
};

/*
 * Decodes the IP packet in the CAPTURED bytes at BYTES, which are borrowed by PACKET. LENGTH is what the link said the
 * packet's length was on the wire (>= captured); bytes behind the length in the IP header (Ethernet padding) are
 * ignored. Returns REASON_NONE when all is well, else why not:
 *   truncated     the headers are not all there, or the packet on the wire is shorter than its header says
 *   bad-header    versions, lengths or options that RFC 791, 8200, 9293, 768, 792, 4443, 9260, 2784, 2890, 4303, 4302
 *                 do not allow; more than 8 extension headers; a type 0 routing header (RFC 5095); a mapped IPv4
 *                 address in an IPv6 header (RFC 4942); a source that is multicast; one family's ICMP in the other
 *   bad-fragment  any fragment but an atomic IPv6 one (RFC 6946): the caller reassembles before
 *   bad-checksum  the IPv4 header's unless STATUS says unfilled, or the transport's where STATUS says verify and all
 *                 bytes are at hand; in IPv6 a UDP checksum that was left out
 * On a reason, what was read so far (family, addresses, protocol, ports; zero if not reached) is in PACKET for the log.
 */
enum reason packet_decode(struct packet *packet, const uint8_t *bytes, size_t captured, size_t length,
                          enum checksum_status status);

/*
 * Decodes the packet that an ICMP error quotes (role error; packet_decode has set quote_offset). The quote may end
 * anywhere from the 8th byte of its transport header on (RFC 792, RFC 4443); checksums are not looked at; a quoted
 * fragment is taken only with offset 0. QUOTED borrows ERROR's bytes; its payload is not set, and of its transport only
 * what names a connection: for TCP the ports and seq, and what follows as far as it is quoted (flags are 0 when they
 * are not). Returns REASON_NONE, or REASON_ICMP_UNRELATED where nothing can be told from the quote or it is an ICMP
 * error itself.
 */
enum reason packet_decode_quote(struct packet *quoted, const struct packet *error);

#endif
