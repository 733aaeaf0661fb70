#include "alg/headers.h"

struct span header_strip(struct span span)
{
    while (span.length > 0 && span.at[0] <= ' ')
        span = (struct span){span.at + 1, span.length - 1};
    while (span.length > 0 && span.at[span.length - 1] <= ' ')
        span.length--;
    return span;
}

struct span header_part(struct span *rest, char separator)
{
    bool quoted = false;
    struct span part = {rest->at, 0};
    for (; part.length < rest->length && (quoted || rest->at[part.length] != (uint8_t)separator); part.length++)
        quoted ^= rest->at[part.length] == '"';
    size_t taken = part.length < rest->length ? part.length + 1 : part.length;
    *rest = (struct span){rest->at + taken, rest->length - taken};
    return header_strip(part);
}

size_t headers_read(const uint8_t *bytes, size_t length, struct span *start, struct span *headers)
{
    struct span line;
    size_t begin = lines_first(bytes, length, start), done = begin;
    for (size_t more = begin; more > 0; done += more) {
        more = lines_first(bytes + done, length - done, &line);
        if (more > 0 && line.length == 0) {
            *headers = (struct span){bytes + begin, done - begin};
            return done + more;
        }
    }
    return 0;
}

bool headers_next(struct span *headers, struct header *header)
{
    struct span line, all = {headers->at, 0};
    do {
        size_t more = headers->length > 0 ? lines_first(headers->at, headers->length, &line) : 0;
        if (more == 0)
            break;
        all.length += more;
        *headers = (struct span){headers->at + more, headers->length - more};
    } while (headers->length > 0 && headers->at[0] <= ' ');
    header->value = all;
    header->name = header_strip(span_until(&header->value, ':'));
    header->value = header_strip(header->value);
    return all.length > 0;
}
