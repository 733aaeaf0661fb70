/*
 * The names of the application-layer gateways (ALGs): rules name them, connections remember them, room alg speaks them. The
 * list is algs.def.
 */
#ifndef PACKET_ALG_NAME_H
#define PACKET_ALG_NAME_H

#include <stdbool.h>
#include <stdint.h>

enum alg_name {
    ALG_NONE,
#define ALG(name, text, protocols, port, details) ALG_##name,
#include "packet/algs.def"
#undef ALG
    ALG_NAME_COUNT
};

enum alg_over { ALG_OVER_TCP = 0x01, ALG_OVER_UDP = 0x02 };

enum alg_detail {
    ALG_PLAIN = 0,
    ALG_STRICT = 0x01, /* `strict`: what breaks the protocol's grammar is denied */
    ALG_MEDIA = 0x02,  /* `media SET`: media peers beyond the two that signal */
};

/* "ftp" ...; "none" for ALG_NONE. */
const char *alg_name_text(enum alg_name name);

/* The ALG that is written TEXT, or ALG_NONE. */
enum alg_name alg_name_of(const char *text);

/* Is the ALG's control connection spoken over PROTOCOL (enum protocol)? */
bool alg_name_over(enum alg_name name, uint8_t protocol);

/* The port of its control connections, where they are of no use without it; else 0. */
uint16_t alg_name_port(enum alg_name name);

/* May a rule add this detail to its name? */
bool alg_name_takes(enum alg_name name, enum alg_detail detail);

#endif
