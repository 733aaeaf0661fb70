#include "alg/sip_message.h"

#include <string.h>

#include "alg/headers.h"
#include "packet/packet.h"

bool sip_begins(struct span line)
{
    struct span rest = line, method = span_word(&rest), uri = span_word(&rest);
    return span_begins(line, "SIP") || (method.length > 0 && uri.length > 0 && span_begins(rest, "SIP"));
}

static bool is_header(struct span name, const char *full, const char *compact)
{
    return span_is(name, full) || span_is(name, compact);
}

/* ---- hosts and ports ---- */

/* "192.0.2.1:5070", "[2001:db8::1]", "phone.example : 5070": false when the port is none. */
static bool read_host_port(struct span text, struct span *host, uint16_t *port)
{
    uint32_t number = SIP_PORT;
    *host = text;
    if (span_take(&text, '[')) {
        span_until(&text, ']');
        host->length -= text.length;
        span_take(&text, ':');
    } else {
        *host = header_strip(span_until(&text, ':'));
    }
    text = header_strip(text);
    bool read = text.length == 0 || (span_number(&text, UINT16_MAX, &number) && number > 0 && text.length == 0);
    *port = (uint16_t)number;
    return read;
}

/* "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1;rport" (RFC 3261, 18.2.2; RFC 3581, 4). */
static void take_via(struct sip_message *message, struct span value)
{
    struct span rest = header_part(&value, ','), sent = header_part(&rest, ';'), host;
    uint16_t port;
    span_until(&sent, '/');
    span_until(&sent, '/');
    struct span transport = span_word(&sent);
    if (!read_host_port(header_strip(sent), &host, &port) || host.length == 0) {
        message->strange = true;
        return;
    }
    bool same = !span_is(transport, "UDP");
    while (rest.length > 0) {
        struct span parameter = header_part(&rest, ';');
        same |= span_is(header_strip(span_until(&parameter, '=')), "rport");
    }
    message->answer_port = same ? 0 : port;
}

/* "sip:bob@192.0.2.1:5070;transport=tcp" */
static void read_uri(struct span uri, struct sip_contact *contact)
{
    struct span parameters = uri, host;
    uri = span_until(&parameters, ';');
    bool named = span_is(span_until(&uri, ':'), "sip");
    if (memchr(uri.at, '@', uri.length) != NULL)
        span_until(&uri, '@');
    contact->protocol = PROTOCOL_UDP;
    while (parameters.length > 0) {
        struct span value = header_part(&parameters, ';'), name = span_until(&value, '=');
        if (!span_is(name, "transport"))
            continue;
        contact->protocol = PROTOCOL_TCP;
        if (span_is(value, "UDP"))
            contact->protocol = PROTOCOL_UDP;
        else
            named &= span_is(value, "TCP");
    }
    contact->known = named && read_host_port(span_until(&uri, '?'), &host, &contact->port) &&
                     span_address(host, &contact->host);
}

/* "Bob" <sip:bob@192.0.2.1>;expires=60, and others */
static void take_contact(struct sip_message *message, struct span list)
{
    while (list.length > 0) {
        struct span rest = header_part(&list, ','), before = rest, uri = header_part(&rest, '<');
        if (rest.length > 0)
            uri = span_until(&rest, '>');
        else
            rest = before, uri = header_part(&rest, ';');
        if (!message->contact_given)
            read_uri(uri, &message->contact);
        message->contact_given = true;
        while (rest.length > 0) {
            struct span value = header_part(&rest, ';'), name = header_strip(span_until(&value, '='));
            uint32_t seconds;
            value = header_strip(value);
            if (!span_is(name, "expires") || !span_number(&value, UINT32_MAX, &seconds))
                continue;
            message->expires_s = !message->expires_given || seconds > message->expires_s ? seconds : message->expires_s;
            message->expires_given = true;
        }
    }
}

/* "Bob" <sip:bob@example.org>;tag=a6c85cf */
static bool has_tag(struct span value)
{
    struct span rest = value;
    header_part(&rest, '<');
    if (rest.length > 0)
        span_until(&rest, '>');
    else
        rest = value;
    header_part(&rest, ';');
    while (rest.length > 0) {
        struct span parameter = header_part(&rest, ';');
        if (span_is(header_strip(span_until(&parameter, '=')), "tag"))
            return true;
    }
    return false;
}

/* ---- the head ---- */

static void take_length(struct sip_message *message, struct span value)
{
    uint32_t bytes = 0;
    bool number = span_number(&value, UINT32_MAX, &bytes) && value.length == 0;
    message->body_bad |= !number || (message->body_known && message->body_bytes != bytes);
    message->body_bytes = bytes;
    message->body_known = true;
}

/* What has been seen of a head beside the message itself. */
struct head {
    struct sip_message *message;
    bool via;
    struct span method, expires;
};

static void take_header(struct head *head, const struct header *header)
{
    struct sip_message *message = head->message;
    struct span name = header->name, value = header->value;
    if (is_header(name, "Call-ID", "i") && message->call.length == 0) {
        message->call = value;
    } else if (span_is(name, "CSeq")) {
        span_word(&value);
        head->method = value;
    } else if (is_header(name, "Via", "v") && !head->via) {
        head->via = true;
        take_via(message, value);
    } else if (is_header(name, "To", "t")) {
        message->within = has_tag(value);
    } else if (is_header(name, "Contact", "m")) {
        take_contact(message, value);
    } else if (span_is(name, "Expires")) {
        head->expires = value;
    } else if (is_header(name, "Content-Type", "c")) {
        message->type = value;
    } else if (is_header(name, "Content-Length", "l")) {
        take_length(message, value);
    }
}

size_t sip_read(const uint8_t *bytes, size_t length, struct sip_message *message)
{
    struct span start, headers;
    struct header header;
    struct head head = {.message = message};
    memset(message, 0, sizeof *message);
    length = headers_read(bytes, length, &start, &headers);
    if (length == 0)
        return 0;
    while (headers_next(&headers, &header))
        take_header(&head, &header);
    message->method = span_word(&start);
    if (span_begins(message->method, "SIP")) {
        message->strange |= !span_number(&start, 699, &message->code) || message->code < 100;
        message->method = head.method;
    }
    message->strange |= !span_equal(message->method, head.method);
    /* What Contact says of its own counts more (RFC 3261, 10.2.1.1). */
    if (!message->expires_given && head.expires.length > 0)
        message->expires_given = span_number(&head.expires, UINT32_MAX, &message->expires_s);
    message->strange |= !head.via || head.method.length == 0 || message->call.length == 0;
    return length;
}

/* ---- bodies ---- */

/* Is the media type in VALUE this one? A SUBTYPE that is NULL is any. REST becomes its parameters. */
static bool is_type(struct span value, const char *type, const char *subtype, struct span *rest)
{
    *rest = value;
    if (value.length == 0)
        return false;
    struct span minor = header_part(rest, ';'), major = header_strip(span_until(&minor, '/'));
    return span_is(major, type) && (subtype == NULL || span_is(header_strip(minor), subtype));
}

bool sip_describes(const struct sip_message *message)
{
    struct span rest;
    return is_type(message->type, "application", "sdp", &rest) || is_type(message->type, "multipart", NULL, &rest);
}

static struct span boundary_of(struct span parameters)
{
    while (parameters.length > 0) {
        struct span value = header_part(&parameters, ';'), name = header_strip(span_until(&value, '='));
        value = header_strip(value);
        if (!span_is(name, "boundary"))
            continue;
        if (span_take(&value, '"'))
            value = span_until(&value, '"');
        return value;
    }
    return (struct span){NULL, 0};
}

/* The bytes of BODY before the next line that begins with two dashes and BOUNDARY; all of them where there is none. */
static size_t before_boundary(struct span body, struct span boundary)
{
    struct span line;
    size_t done = 0;
    for (size_t more = 1; more > 0 && done < body.length; done += more) {
        more = lines_first(body.at + done, body.length - done, &line);
        if (more == 0)
            line = (struct span){body.at + done, body.length - done};
        if (line.length >= boundary.length + 2 && memcmp(line.at, "--", 2) == 0 &&
            memcmp(line.at + 2, boundary.at, boundary.length) == 0)
            return done;
    }
    return body.length;
}

static struct span part_of(struct span body, struct span boundary)
{
    struct span start, headers, rest;
    struct header header;
    for (;;) {
        size_t before = before_boundary(body, boundary);
        body = (struct span){body.at + before, body.length - before};
        size_t head = headers_read(body.at, body.length, &start, &headers);
        if (head == 0)
            return (struct span){NULL, 0};
        body = (struct span){body.at + head, body.length - head};
        while (headers_next(&headers, &header))
            if (is_header(header.name, "Content-Type", "c") && is_type(header.value, "application", "sdp", &rest))
                return (struct span){body.at, before_boundary(body, boundary)};
    }
}

struct span sip_description(const struct sip_message *message, struct span body)
{
    struct span rest;
    if (is_type(message->type, "application", "sdp", &rest))
        return body;
    if (!is_type(message->type, "multipart", NULL, &rest))
        return (struct span){NULL, 0};
    struct span boundary = boundary_of(rest);
    return boundary.length > 0 ? part_of(body, boundary) : (struct span){NULL, 0};
}
