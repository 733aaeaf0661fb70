#include "alg/sdp.h"

#include <string.h>

/* The first line that has not been read, without its end; the last one may have none. False at the end. */
static bool peek(const struct span *rest, struct span *line, size_t *bytes)
{
    *bytes = rest->length > 0 ? lines_first(rest->at, rest->length, line) : 0;
    if (*bytes == 0) {
        *line = *rest;
        *bytes = rest->length;
    }
    return *bytes > 0;
}

static void advance(struct span *rest, size_t bytes)
{
    *rest = (struct span){rest->at + bytes, rest->length - bytes};
}

/* "IN IP4 192.0.2.1": is there an address? A name, and a group with its time to live, are none. */
static bool read_host(struct span text, struct address *host)
{
    struct span net = span_word(&text), family = span_word(&text);
    return span_is(net, "IN") && (span_is(family, "IP4") || span_is(family, "IP6")) && span_address(text, host) &&
           address_is_v4(*host) == span_is(family, "IP4");
}

/* RFC 8866, 8.2.4; "udptl" is older than the registry's rule. */
static void read_transport(struct span text, struct sdp_media *media)
{
    media->rtp = span_begins(text, "RTP");
    media->udp = media->rtp || span_begins(text, "UDP") || span_is(text, "udptl");
    while (text.length > 0 && !media->rtp) {
        struct span part = span_until(&text, '/');
        media->rtp = span_is(part, "RTP") && media->udp;
    }
}

static bool read_port(struct span *text, uint16_t *port)
{
    uint32_t number = 0;
    bool read = span_number(text, UINT16_MAX, &number);
    *port = (uint16_t)number;
    return read;
}

/* "audio 49170/2 RTP/AVP 0" */
static void read_media(struct span text, struct sdp_media *media)
{
    uint32_t count = 1;
    span_word(&text);
    struct span port = span_word(&text);
    read_transport(span_word(&text), media);
    media->bad_port = !read_port(&port, &media->port);
    if (span_take(&port, '/'))
        media->strange = !span_number(&port, SDP_PORTS_MAX, &count) || count == 0;
    media->bad_port |= port.length > 0 && !media->strange;
    media->strange |= media->port + 2 * (count - 1) > UINT16_MAX;
    media->count = (uint8_t)count;
}

/* "53020", or "53020 IN IP4 192.0.2.1" (RFC 3605, 2.1) */
static void read_rtcp(struct span text, struct sdp_media *media)
{
    struct span port = span_word(&text);
    media->bad_port |= !read_port(&port, &media->rtcp_port) || port.length > 0;
    if (text.length > 0)
        media->rtcp_host_known = read_host(text, &media->rtcp_host);
}

/* What stands behind "a=" on media level. RTCP's host is filled in afterwards where only the port was said. */
static void read_attribute(struct span text, struct sdp_media *media, struct span *rtcp)
{
    if (span_is(text, "rtcp-mux-only"))
        media->mux_only = true;
    else if (span_is(text, "rtcp-mux"))
        media->mux = true;
    else if (span_begins(text, "rtcp") && text.length > 5)
        *rtcp = (struct span){text.at + 5, text.length - 5};
}

struct sdp sdp_read(struct span text)
{
    struct sdp sdp = {.rest = text};
    struct span line;
    for (size_t bytes; peek(&sdp.rest, &line, &bytes) && !(line.length > 1 && line.at[0] == 'm' && line.at[1] == '=');) {
        advance(&sdp.rest, bytes);
        if (line.length > 1 && line.at[0] == 'c' && line.at[1] == '=')
            sdp.host_known = read_host((struct span){line.at + 2, line.length - 2}, &sdp.host);
    }
    return sdp;
}

bool sdp_next(struct sdp *sdp, struct sdp_media *media)
{
    struct span line, rtcp = {NULL, 0};
    size_t bytes;
    if (!peek(&sdp->rest, &line, &bytes))
        return false;
    memset(media, 0, sizeof *media);
    media->host_known = sdp->host_known;
    media->host = sdp->host;
    for (bool first = true; peek(&sdp->rest, &line, &bytes); first = false) {
        struct span value = line.length > 1 ? (struct span){line.at + 2, line.length - 2} : (struct span){line.at, 0};
        char kind = line.length > 1 && line.at[1] == '=' ? (char)line.at[0] : '\0';
        if (kind == 'm' && !first)
            break;
        advance(&sdp->rest, bytes);
        if (kind == 'm')
            read_media(value, media);
        else if (kind == 'c')
            media->host_known = read_host(value, &media->host);
        else if (kind == 'a')
            read_attribute(value, media, &rtcp);
    }
    media->rtcp_host = media->host;
    media->rtcp_host_known = media->host_known;
    if (rtcp.length > 0)
        read_rtcp(rtcp, media);
    return true;
}
