/*
 * SDP (RFC 8866): which host receives which media at which ports. Bounded, no allocation; total on any bytes.
 *
 * Read are the connection and media lines, and `a=rtcp:` (RFC 3605), `a=rtcp-mux` (RFC 5761), `a=rtcp-mux-only` (RFC
 * 8858). Media over TCP (RFC 4145) and the candidates of ICE (RFC 8839) are not.
 */
#ifndef ALG_SDP_H
#define ALG_SDP_H

#include "alg/lines.h"

#define SDP_PORTS_MAX 4u /* of one media line that asks for several (RFC 8866, 5.14) */

/* One media line with what belongs to it. */
struct sdp_media {
    bool udp;               /* runs over UDP: the rest is filled */
    bool rtp;               /* is RTP: has RTCP too */
    bool mux, mux_only;     /* RTCP may, or will only, run at RTP's port */
    bool bad_port;          /* a port above 65535, or no number at all */
    bool strange;           /* something else of it cannot be read */
    bool host_known, rtcp_host_known; /* an address stands there, not a name */
    struct address host, rtcp_host;
    uint16_t port;          /* 0: refused, or ended (RFC 3264, 5.1, 6, 8.2) */
    uint16_t rtcp_port;     /* 0: the one after RTP's (RFC 3550, 11) */
    uint8_t count;          /* so many ports of media, each with its RTCP behind it */
};

/* What has not been read of a description, and what its session level says. */
struct sdp {
    struct span rest;
    bool host_known;
    struct address host;
};

/* Reads the session level of TEXT, which is borrowed. */
struct sdp sdp_read(struct span text);

/* Reads the next media line and what belongs to it; false at the end. */
bool sdp_next(struct sdp *sdp, struct sdp_media *media);

#endif
