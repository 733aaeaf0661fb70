/*
 * What H.225.0's messages are made of (ITU-T H.225.0, 12/2009, annex H): call signalling and RAS share it. Each type
 * stands in h225_types.c behind its ASN.1.
 */
#ifndef ALG_H225_TYPES_H
#define ALG_H225_TYPES_H

#include "alg/per.h"

/* Where one may be reached. */
struct place {
    struct address address;
    uint16_t port;
    bool known; /* it is an address of either family */
};

/* Reads a TransportAddress; what it is besides IP is stepped over. */
struct place h225_place(struct per *per);

/* Reads a SEQUENCE OF TransportAddress into PLACES, up to SIZE of those that are IP; returns how many. */
unsigned h225_places(struct per *per, struct place *places, unsigned size);

/* Reads bytes of an address of either family, and the port behind it. */
struct place per_place(struct per *per, uint32_t address_bytes);

extern const struct per_type h225_aliases, h225_call_services, h225_endpoint, h225_identifier, h225_non_standard,
    h225_object, h225_vendor;

#endif
