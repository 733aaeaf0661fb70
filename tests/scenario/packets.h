#ifndef TESTS_SCENARIO_PACKETS_H
#define TESTS_SCENARIO_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/build.h"

#define HOSTS_MAX 64

struct host {
    char name[32], address[64];
    uint16_t zone, port;
    char zone_name[32];
};

struct hosts {
    struct host list[HOSTS_MAX];
    unsigned count;
};

struct made {
    struct build build;
    uint8_t options[16], payload[16384];
    size_t options_length;
    uint8_t bytes[BUILD_BYTES_MAX];
    size_t length;
};

/* Makes the packet that WORDS describe, from SRC to DST. False: they describe none. */
bool packets_make(const struct hosts *hosts, struct made *made, const struct host *src, const struct host *dst,
                  char **words, unsigned count);

/* The number behind KEY= among the words; FALLBACK without it. */
uint32_t packets_field(char **words, unsigned count, const char *key, uint32_t fallback);

/* Takes the quotes and escapes off TEXT into BYTES, up to SIZE; returns how many bytes they are. */
size_t packets_text(const char *text, uint8_t *bytes, size_t size);

#endif
