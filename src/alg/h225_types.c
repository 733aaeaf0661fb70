#include "alg/h225_types.h"

#include "base/reader.h"

#define FIELD(type) {&(type), false}
#define OPTIONAL(type) {&(type), true}

static const struct per_type bit = PER_TYPE_BITS(1), nothing = PER_TYPE_BITS(0);
static const struct per_type byte = PER_TYPE_INTEGER(0, 255), word = PER_TYPE_INTEGER(0, 65535);
static const struct per_type octets = PER_TYPE_OCTETS(0, UINT32_MAX);
static const struct per_type octets_4 = PER_TYPE_OCTETS(4, 4);

/* OBJECT IDENTIFIER: X.691, 23 */
const struct per_type h225_object = PER_TYPE_OCTETS(0, UINT32_MAX);

/* GatekeeperIdentifier, EndpointIdentifier ::= BMPString (SIZE(1..128)) */
const struct per_type h225_identifier = {.kind = PER_TEXT, .count = 16, .low = 1, .high = 128};

/* H221NonStandard ::= SEQUENCE {t35CountryCode INTEGER(0..255), t35Extension INTEGER(0..255), manufacturerCode
   INTEGER(0..65535), ...} */
static const struct per_type h221_non_standard = PER_TYPE_SEQUENCE(true, FIELD(byte), FIELD(byte), FIELD(word));

/* NonStandardIdentifier ::= CHOICE {object OBJECT IDENTIFIER, h221NonStandard H221NonStandard, ...} */
static const struct per_type non_standard_identifier =
    PER_TYPE_CHOICE(true, FIELD(h225_object), FIELD(h221_non_standard));

/* NonStandardParameter ::= SEQUENCE {nonStandardIdentifier NonStandardIdentifier, data OCTET STRING} */
const struct per_type h225_non_standard = PER_TYPE_SEQUENCE(false, FIELD(non_standard_identifier), FIELD(octets));

/* VendorIdentifier ::= SEQUENCE {vendor H221NonStandard, productId OCTET STRING (SIZE(1..256)) OPTIONAL, versionId (the
   same), ...} */
static const struct per_type octets_256 = PER_TYPE_OCTETS(1, 256);
const struct per_type h225_vendor =
    PER_TYPE_SEQUENCE(true, FIELD(h221_non_standard), OPTIONAL(octets_256), OPTIONAL(octets_256));

/* DataRate and SupportedPrefix stand only among additions: what a gateway may speak has as root a nonStandardData
   alone. H310Caps, H320Caps ... T120OnlyCaps, TerminalInfo, GatekeeperInfo, McuInfo ::= SEQUENCE {nonStandardData
   NonStandardParameter OPTIONAL, ...} */
static const struct per_type information = PER_TYPE_SEQUENCE(true, OPTIONAL(h225_non_standard));

/* SupportedProtocols ::= CHOICE {nonStandardData NonStandardParameter, h310 H310Caps, h320, h321, h322, h323, h324,
   voice, t120-only, ...} */
static const struct per_type supported_protocol =
    PER_TYPE_CHOICE(true, FIELD(h225_non_standard), FIELD(information), FIELD(information), FIELD(information),
                    FIELD(information), FIELD(information), FIELD(information), FIELD(information), FIELD(information));
static const struct per_type supported_protocols = PER_TYPE_LIST(supported_protocol);

/* GatewayInfo ::= SEQUENCE {protocol SEQUENCE OF SupportedProtocols OPTIONAL, nonStandardData NonStandardParameter
   OPTIONAL, ...} */
static const struct per_type gateway =
    PER_TYPE_SEQUENCE(true, OPTIONAL(supported_protocols), OPTIONAL(h225_non_standard));

/* EndpointType ::= SEQUENCE {nonStandardData NonStandardParameter OPTIONAL, vendor VendorIdentifier OPTIONAL,
   gatekeeper GatekeeperInfo OPTIONAL, gateway GatewayInfo OPTIONAL, mcu McuInfo OPTIONAL, terminal TerminalInfo
   OPTIONAL, mc BOOLEAN, undefinedNode BOOLEAN, ...} */
const struct per_type h225_endpoint =
    PER_TYPE_SEQUENCE(true, OPTIONAL(h225_non_standard), OPTIONAL(h225_vendor), OPTIONAL(information),
                      OPTIONAL(gateway), OPTIONAL(information), OPTIONAL(information), FIELD(bit), FIELD(bit));

/* AliasAddress ::= CHOICE {dialledDigits IA5String (SIZE(1..128)) (FROM("0123456789#*,")), h323-ID BMPString
   (SIZE(1..256)), ...} */
static const struct per_type digits = {.kind = PER_TEXT, .count = 4, .low = 1, .high = 128};
static const struct per_type h323_id = {.kind = PER_TEXT, .count = 16, .low = 1, .high = 256};
static const struct per_type alias = PER_TYPE_CHOICE(true, FIELD(digits), FIELD(h323_id));
const struct per_type h225_aliases = PER_TYPE_LIST(alias);

/* Q954Details ::= SEQUENCE {conferenceCalling BOOLEAN, threePartyService BOOLEAN, ...}
   QseriesOptions ::= SEQUENCE {q932Full BOOLEAN, q951Full, q952Full, q953Full, q955Full, q956Full, q957Full, q954Info
   Q954Details, ...} */
static const struct per_type q954 = PER_TYPE_SEQUENCE(true, FIELD(bit), FIELD(bit));
const struct per_type h225_call_services =
    PER_TYPE_SEQUENCE(true, FIELD(bit), FIELD(bit), FIELD(bit), FIELD(bit), FIELD(bit), FIELD(bit), FIELD(bit),
                      FIELD(q954));

/* ---- TransportAddress ---- */

struct place per_place(struct per *per, uint32_t address_bytes)
{
    struct place place = {.known = false};
    struct span span = per_octets(per, address_bytes, address_bytes);
    uint16_t port = (uint16_t)per_integer(per, 0, 65535);
    if (per->failed)
        return place;
    struct reader reader = reader_over(span.at, span.length);
    place.address = address_bytes == 4 ? address_v4(reader_u32(&reader)) : address_v6(span.at);
    place.port = port;
    place.known = true;
    return place;
}

/* ipSourceRoute SEQUENCE {ip OCTET STRING (SIZE(4)), port INTEGER(0..65535), route SEQUENCE OF OCTET STRING (SIZE(4)),
   routing CHOICE {strict NULL, loose NULL, ...}, ...} */
static const struct per_type route = PER_TYPE_LIST(octets_4);
static const struct per_type routing = PER_TYPE_CHOICE(true, FIELD(nothing), FIELD(nothing));
static const struct per_type source_route =
    PER_TYPE_SEQUENCE(true, FIELD(octets_4), FIELD(word), FIELD(route), FIELD(routing));

/* ipxAddress SEQUENCE {node OCTET STRING (SIZE(6)), netnum OCTET STRING (SIZE(4)), port OCTET STRING (SIZE(2))} */
static const struct per_type octets_6 = PER_TYPE_OCTETS(6, 6), octets_2 = PER_TYPE_OCTETS(2, 2);
static const struct per_type ipx = PER_TYPE_SEQUENCE(false, FIELD(octets_6), FIELD(octets_4), FIELD(octets_2));

static const struct per_type octets_16 = PER_TYPE_OCTETS(16, 16), octets_20 = PER_TYPE_OCTETS(1, 20);

/* TransportAddress ::= CHOICE {ipAddress SEQUENCE {ip OCTET STRING (SIZE(4)), port INTEGER(0..65535)}, ipSourceRoute
   ..., ipxAddress ..., ip6Address SEQUENCE {ip OCTET STRING (SIZE(16)), port INTEGER(0..65535), ...},
   netBios OCTET STRING (SIZE(16)), nsap OCTET STRING (SIZE(1..20)), nonStandardAddress NonStandardParameter, ...} */
struct place h225_place(struct per *per)
{
    static const struct per_type *const others[] = {NULL, &source_route, &ipx, NULL, &octets_16, &octets_20,
                                                    &h225_non_standard};
    enum { IP_ADDRESS, IP6_ADDRESS = 3, ALTERNATIVES = 7 };
    struct place place = {.known = false};
    uint32_t index = per_choice(per, true, ALTERNATIVES);
    if (index == IP_ADDRESS)
        return per_place(per, 4);
    if (index == IP6_ADDRESS) {
        struct per_head head = per_head(per, true, 0);
        place = per_place(per, 16);
        per_additions(per, &head, NULL, 0);
    } else if (index < ALTERNATIVES) {
        per_skip(per, others[index]);
    } else {
        per_open(per);
    }
    return place;
}

unsigned h225_places(struct per *per, struct place *places, unsigned size)
{
    uint32_t length = per_length(per);
    unsigned count = 0;
    for (uint32_t i = 0; i < length && i < PER_LIST_MAX && !per->failed; i++) {
        struct place place = h225_place(per);
        if (place.known && count < size)
            places[count++] = place;
    }
    per->failed |= length > PER_LIST_MAX;
    return count;
}
