/*
 * A packet as everybody after the decoder sees it: offsets into the bytes, and the header fields that somebody reads,
 * in host order. packet_decode fills it; nothing else writes it.
 */
#ifndef PACKET_PACKET_H
#define PACKET_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/address.h"

enum protocol {
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_GRE = 47,
    PROTOCOL_ESP = 50,
    PROTOCOL_AH = 51,
    PROTOCOL_ICMP6 = 58,
    PROTOCOL_SCTP = 132,
};

enum tcp_flag {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80,
};

#define TCP_FLAG_COUNT 8

/* "fin" for bit 0, "syn" for bit 1 ... */
const char *tcp_flag_name(unsigned bit);

/* What an ICMP or ICMPv6 message is to a connection. */
enum icmp_role {
    ICMP_ROLE_OTHER,    /* neither asks nor answers: router advertisement, neighbour discovery, MLD ... */
    ICMP_ROLE_REQUEST,  /* echo, timestamp, information, address mask request */
    ICMP_ROLE_REPLY,    /* the answer to one of them */
    ICMP_ROLE_ERROR,    /* quotes a packet: unreachable, too big, time exceeded, parameter problem */
    ICMP_ROLE_OBSOLETE, /* redirect and source quench: never about a connection */
};

#define TCP_NO_SCALE 0xff /* the segment carries no window scale option */

struct packet_tcp {
    uint32_t seq, ack;
    uint32_t sack_end;  /* highest right edge of the SACK blocks, = ack without any (RFC 2018) */
    uint16_t window;    /* as on the wire, unscaled */
    uint8_t flags;      /* enum tcp_flag */
    uint8_t scale;      /* window scale option, at most 14 (RFC 7323, 2.3); TCP_NO_SCALE without one */
};

struct packet_icmp {
    uint8_t type, code;
    uint8_t role;           /* enum icmp_role */
    uint8_t request_type;   /* role request or reply: the type of the request, which names the session */
    uint16_t id;            /* role request or reply */
    uint16_t quote_offset;  /* role error: where the quoted packet begins; it ends with the captured bytes */
};

struct packet_sctp {
    uint32_t verification_tag;
    uint32_t initiate_tag;  /* of an INIT or INIT ACK chunk, else 0 */
    uint8_t first_chunk;    /* type of the first chunk */
};

struct packet_gre {
    uint32_t key;   /* 0 without one (RFC 2890) */
    bool has_call;  /* version 1, PPTP's (RFC 2637, 4.1) */
    uint16_t call;  /* then: the call's id, as its receiver has chosen it */
};

struct packet {
    const uint8_t *bytes;   /* the IP header begins here; borrowed */
    uint32_t length;        /* of the whole packet, as its IP header says */
    uint32_t captured;      /* how many of these bytes are at hand, <= length */
    struct address src, dst;
    uint8_t family;         /* 4 or 6 */
    uint8_t protocol;       /* the transport's number, behind all extension headers */
    uint8_t hop_limit;
    bool options;           /* IPv4 options or IPv6 extension headers are there */
    uint16_t transport;     /* offset of the transport header */
    uint16_t payload;       /* offset of what follows the transport header */
    uint32_t payload_length; /* in bytes, of the whole packet, captured or not */
    uint16_t src_port, dst_port; /* TCP, UDP, SCTP; 0 for others */
    union {
        struct packet_tcp tcp;
        struct packet_icmp icmp; /* ICMP and ICMPv6 */
        struct packet_sctp sctp;
        struct packet_gre gre;
        uint32_t esp_spi;        /* ESP and AH */
    };
};

static inline bool packet_has_call(const struct packet *packet)
{
    return packet->protocol == PROTOCOL_GRE && packet->gre.has_call;
}

#endif
