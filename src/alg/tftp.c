/*
 * TFTP (RFC 1350; RFC 2347 for options).
 *
 * A request goes to the server's well-known port; the server answers it from a port that it chooses for this transfer (RFC
 * 1350, 4), to the client's. So each request announces one answer, from that server to the port that asked; the transfer is
 * the connection that comes of it. A request that is sent again announces nothing more while its answer is waited for; after
 * it, for a further one. A server that answers from the well-known port itself needs nothing. Multicast transfers (RFC 2090)
 * are not read.
 */
#include "alg/alg.h"
#include "alg/lines.h"
#include "base/reader.h"
#include "packet/packet.h"

#define TFTP_REQUEST_BYTES_MAX 512u /* RFC 2347, "Packet Formats" */
#define TFTP_EXPECTATIONS_MAX 1u    /* a port asks for one file at a time */

enum tftp_opcode { TFTP_READ = 1, TFTP_WRITE = 2 }; /* RFC 1350, 5 */

/* Takes a text and the NUL behind it off the front. */
static bool read_text(struct span *rest, struct span *text)
{
    const size_t before = rest->length;
    *text = span_until(rest, '\0');
    return text->length > 0 && before > text->length + rest->length;
}

/* The file's name and the mode; REST becomes what follows them. */
static bool read_request(struct span *rest)
{
    struct span file, mode;
    return read_text(rest, &file) && read_text(rest, &mode) &&
           (span_is(mode, "octet") || span_is(mode, "netascii") || span_is(mode, "mail"));
}

/* Options, each with its value. */
static bool are_options(struct span rest)
{
    struct span option, value;
    while (rest.length > 0)
        if (!read_text(&rest, &option) || !read_text(&rest, &value))
            return false;
    return true;
}

static void hear_request(struct hearing *hearing, const struct speech *speech, struct span text)
{
    const struct expected expected = {
        .src = speech->listener,
        .dst = speech->speaker,
        .dst_port = speech->speaker_port,
        .protocol = PROTOCOL_UDP,
    };
    bool read = read_request(&text);
    /* Boot ROMs fill the datagram up behind the mode; servers bear it. */
    if (speech->strict && !(read && are_options(text) && speech->length <= TFTP_REQUEST_BYTES_MAX))
        hearing_refuse(hearing, "a TFTP request that cannot be read");
    else if (read)
        hearing_expect(hearing, speech, &expected);
}

static size_t hear(struct hearing *hearing, const struct speech *speech)
{
    struct reader reader = reader_over(speech->bytes, speech->length);
    uint16_t opcode = reader_u16(&reader);
    if (speech->direction == ORIGINAL && (opcode == TFTP_READ || opcode == TFTP_WRITE))
        hear_request(hearing, speech, (struct span){reader.at, reader_left(&reader)});
    return speech->length;
}

const struct alg alg_tftp = {
    .name = "tftp",
    .expectations_max = TFTP_EXPECTATIONS_MAX,
    .hear = hear,
};
