/*
 * Packets out of a scenario's words. See the head of run.c for what the words are.
 */
#include "tests/scenario/packets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/packet.h"

static const struct host *host_called(const struct hosts *hosts, const char *name)
{
    for (unsigned i = 0; i < hosts->count; i++)
        if (strcmp(hosts->list[i].name, name) == 0)
            return &hosts->list[i];
    return NULL;
}

/* Takes the escapes out of the LENGTH characters at TEXT, in quotes, into BYTES; returns how many bytes they are. */
size_t packets_text(const char *text, uint8_t *bytes, size_t size)
{
    size_t length = 0;
    for (text++; *text != '"' && *text != '\0' && length < size; text++) {
        unsigned byte = (uint8_t)*text;
        if (*text == '\\' && text[1] == 'x' && sscanf(text + 2, "%2x", &byte) == 1)
            text += 3;
        else if (*text == '\\' && text[1] != '\0')
            byte = *++text == 'r' ? '\r' : *text == 'n' ? '\n' : *text == 't' ? '\t' : (uint8_t)*text;
        bytes[length++] = (uint8_t)byte;
    }
    return length;
}

uint32_t packets_field(char **words, unsigned count, const char *key, uint32_t fallback)
{
    size_t length = strlen(key);
    for (unsigned i = 0; i < count; i++)
        if (strncmp(words[i], key, length) == 0 && words[i][length] == '=')
            return (uint32_t)strtoul(words[i] + length + 1, NULL, 0);
    return fallback;
}

static void put_u32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint8_t flags_of(const char *letters)
{
    static const char all[] = "FSRPAUEC";
    uint8_t flags = 0;
    for (; *letters != '\0'; letters++) {
        const char *found = strchr(all, *letters);
        if (found == NULL)
            return 0;
        flags |= (uint8_t)(1u << (found - all));
    }
    return flags;
}

static void make_tcp(struct made *made, uint8_t flags, char **words, unsigned count)
{
    uint32_t scale = packets_field(words, count, "ws", 99);
    made->build.protocol = PROTOCOL_TCP;
    made->build.flags = flags;
    made->build.seq = packets_field(words, count, "seq", 0);
    made->build.ack = packets_field(words, count, "ack", 0);
    made->build.window = (uint16_t)packets_field(words, count, "win", 65535);
    if (scale != 99) {
        const uint8_t option[4] = {1, 3, 3, (uint8_t)scale};
        memcpy(made->options, option, 4);
        made->options_length = 4;
    }
    for (unsigned i = 0; i < count; i++)
        if (strncmp(words[i], "sack=", 5) == 0) {
            char *dash;
            const uint8_t option[4] = {1, 1, 5, 10};
            memcpy(made->options, option, 4);
            put_u32(made->options + 4, (uint32_t)strtoul(words[i] + 5, &dash, 0));
            put_u32(made->options + 8, (uint32_t)strtoul(dash + 1, NULL, 0));
            made->options_length = 12;
        }
    made->build.tcp_options = (struct build_bytes){made->options, made->options_length};
}

static void make_sctp(struct made *made, const char *chunk, char **words, unsigned count)
{
    static const struct {
        const char *name;
        uint8_t type;
    } chunks[] = {{"data", 0}, {"init", 1}, {"init-ack", 2}, {"sack", 3}, {"abort", 6}, {"shutdown", 7},
                  {"shutdown-ack", 8}, {"cookie-echo", 10}, {"cookie-ack", 11}, {"shutdown-complete", 14}};
    uint8_t type = 0;
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++)
        if (strcmp(chunks[i].name, chunk) == 0)
            type = chunks[i].type;
    made->build.protocol = PROTOCOL_SCTP;
    made->build.seq = packets_field(words, count, "tag", 0);
    memset(made->payload, 0, 20);
    made->payload[0] = type;
    made->payload[3] = 20;
    put_u32(made->payload + 4, packets_field(words, count, "itag", 0));
    made->payload[13] = made->payload[15] = 1; /* streams: an INIT names at least one each way */
    made->build.payload = (struct build_bytes){made->payload, 20};
}

static bool make_icmp_error(const struct hosts *hosts, struct made *made, const char *kind, bool v6, char **words,
                            unsigned count);

bool packets_make(const struct hosts *hosts, struct made *made, const struct host *src, const struct host *dst,
                 char **words, unsigned count)
{
    memset(made, 0, sizeof *made);
    bool v6 = strchr(src->address, ':') != NULL;
    uint32_t length = packets_field(words, count, "len", 0);
    made->build.src = src->address;
    made->build.dst = dst->address;
    made->build.src_port = src->port;
    made->build.dst_port = dst->port;
    memset(made->payload, 'x', sizeof made->payload);
    made->build.payload = (struct build_bytes){made->payload, length < sizeof made->payload ? length : 0};
    for (unsigned i = 1; i < count; i++)
        if (words[i][0] == '"')
            made->build.payload.length = packets_text(words[i], made->payload, sizeof made->payload);
    const char *kind = words[0];
    if (strcmp(kind, "udp") == 0) {
        made->build.protocol = PROTOCOL_UDP;
    } else if (strcmp(kind, "tcp") == 0 || flags_of(kind) != 0 || strcmp(kind, "-") == 0) {
        make_tcp(made, strcmp(kind, "tcp") == 0 ? TCP_ACK : flags_of(kind), words, count);
    } else if (strcmp(kind, "ping") == 0 || strcmp(kind, "pong") == 0) {
        bool reply = kind[1] == 'o';
        made->build.protocol = v6 ? PROTOCOL_ICMP6 : PROTOCOL_ICMP;
        made->build.type = v6 ? (reply ? 129 : 128) : (reply ? 0 : 8);
        made->build.id = (uint16_t)packets_field(words, count, "id", 1);
        made->build.number = (uint16_t)packets_field(words, count, "seq", 1);
    } else if (strcmp(kind, "icmp") == 0 && count > 1) {
        made->build.protocol = v6 ? PROTOCOL_ICMP6 : PROTOCOL_ICMP;
        made->build.type = (uint8_t)strtoul(words[1], NULL, 0);
        made->build.hop_limit = (uint8_t)packets_field(words, count, "ttl", 64);
    } else if (strcmp(kind, "sctp") == 0 && count > 1) {
        make_sctp(made, words[1], words, count);
    } else if (strcmp(kind, "proto") == 0 && count > 1) {
        made->build.protocol = (uint8_t)strtoul(words[1], NULL, 0);
    } else if (!make_icmp_error(hosts, made, kind, v6, words, count)) {
        return false;
    }
    if (packets_field(words, count, "version", 0) != 0)
        made->build.patches[0] = (struct build_patch){0, 1, 0x55};
    if (packets_field(words, count, "frag", 0) != 0)
        made->build.patches[1] = (struct build_patch){6, 2, 0x2000};
    made->length = build_packet(&made->build, made->bytes) - packets_field(words, count, "cut", 0);
    if (packets_field(words, count, "sum", 0) != 0)
        made->bytes[made->length - 1] ^= 0xff;
    return true;
}

static bool make_icmp_error(const struct hosts *hosts, struct made *made, const char *kind, bool v6, char **words,
                            unsigned count)
{
    static const struct {
        const char *name;
        uint8_t type4, code4, type6, code6;
    } kinds[] = {{"unreachable", 3, 3, 1, 4}, {"too-big", 3, 4, 2, 0}, {"time-exceeded", 11, 0, 3, 0},
                 {"redirect", 5, 0, 137, 0}, {"source-quench", 4, 0, 1, 0}};
    static struct made quoted;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, kind) != 0)
            continue;
        if (count < 6 || strcmp(words[1], "quoting") != 0)
            return false;
        const struct host *src = host_called(hosts, words[2]), *dst = host_called(hosts, words[4]);
        if (src == NULL || dst == NULL || !packets_make(hosts, &quoted, src, dst, words + 5, count - 5))
            return false;
        size_t most = v6 ? 48 : 28; /* the IP header and 8 bytes: as little as an error may quote */
        made->build.protocol = v6 ? PROTOCOL_ICMP6 : PROTOCOL_ICMP;
        made->build.type = v6 ? kinds[i].type6 : kinds[i].type4;
        made->build.code = v6 ? kinds[i].code6 : kinds[i].code4;
        memcpy(made->payload, quoted.bytes, most);
        made->build.payload = (struct build_bytes){made->payload, quoted.length < most ? quoted.length : most};
        return true;
    }
    return false;
}
