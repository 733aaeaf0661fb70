/*
 * RAS, with which H.323's endpoints speak to their gatekeeper (ITU-T H.225.0, 7; one message a datagram).
 *
 * An endpoint registers where it takes call signalling (RRQ), and the gatekeeper confirms it and says where itself does
 * (RCF): from then on each may call the other, up to RAS_CALLS_MAX times at once, until the registration ends (UCF,
 * RRJ) or is not renewed in its time to live. An admission (ACF) or a location (LCF) says where one call is to go. A
 * GCF says where the gatekeeper takes RAS, which may be another port than the one that was asked. An answer to what
 * nobody has asked announces nothing.
 *
 * Each announces his own addresses. Where they name others', as a gatekeeper does that does not route calls itself, the
 * rule's media set must hold them; then its hosts may call the endpoint, too. Not read: alternate gatekeepers and
 * endpoints, answers that were asked to go elsewhere (LRQ's replyAddress), and authentication.
 */
#include "alg/alg.h"
#include "alg/h225_types.h"
#include "packet/packet.h"

#define RAS_ASKED_MAX 16u   /* requests without an answer */
#define RAS_PLACES_MAX 4u   /* that are looked at in a list of addresses */
#define RAS_CALLS_MAX 16u   /* connections by a registration, each way, at once; ended ones until they are forgotten */
#define RAS_EXPECTATIONS_MAX 32u

/* A registration without a time to live lasts as long as an established TCP connection may idle; none lasts longer than
   a day. */
#define RAS_LIFE_MS 3600000u
#define RAS_LIFE_SECONDS_MAX 86400u

enum ras_message { /* RasMessage ::= CHOICE {gatekeeperRequest GatekeeperRequest, gatekeeperConfirm ..., ...} */
    RAS_GATEKEEPER_REQUEST,
    RAS_GATEKEEPER_CONFIRM,
    RAS_REGISTRATION_REQUEST = 3,
    RAS_REGISTRATION_CONFIRM,
    RAS_REGISTRATION_REJECT,
    RAS_UNREGISTRATION_REQUEST,
    RAS_UNREGISTRATION_CONFIRM,
    RAS_ADMISSION_REQUEST = 9,
    RAS_ADMISSION_CONFIRM,
    RAS_LOCATION_REQUEST = 18,
    RAS_LOCATION_CONFIRM,
    RAS_MESSAGE_COUNT = 25
};

enum { TAG_CALL = 1, TAG_GATEKEEPER, TAG_REGISTRATION };

struct asked {
    uint16_t number;  /* requestSeqNum */
    uint8_t message;  /* enum ras_message; RAS_MESSAGE_COUNT: none is here */
    uint8_t asker;    /* enum direction */
};

struct ras_memory {
    uint8_t next_asked, asked_count;
    struct asked asked[RAS_ASKED_MAX]; /* a ring */
    struct place wanted;               /* where the endpoint would like to be called */
    struct place endpoint, gatekeeper; /* of the registration that stands */
};

_Static_assert(sizeof(struct ras_memory) <= FAMILY_MEMORY_BYTES, "what RAS remembers fits a family's memory");

static struct ras_memory *memory_of(const struct hearing *hearing)
{
    return (struct ras_memory *)(void *)hearing->memory;
}

/* ---- requests and their answers ---- */

static void ask(struct hearing *hearing, const struct speech *speech, enum ras_message message, uint16_t number)
{
    struct ras_memory *memory = memory_of(hearing);
    memory->asked[memory->next_asked] = (struct asked){number, (uint8_t)message, (uint8_t)speech->direction};
    memory->next_asked = (uint8_t)((memory->next_asked + 1) % RAS_ASKED_MAX);
    if (memory->asked_count < RAS_ASKED_MAX)
        memory->asked_count++;
}

/* Does the speaker answer such a request of the other? It is answered, then. */
static bool answers(struct hearing *hearing, const struct speech *speech, enum ras_message message, uint16_t number)
{
    struct ras_memory *memory = memory_of(hearing);
    for (unsigned i = 0; i < memory->asked_count; i++) {
        struct asked *asked = &memory->asked[i];
        if (asked->number != number || asked->message != message || asked->asker == speech->direction)
            continue;
        asked->message = RAS_MESSAGE_COUNT;
        return true;
    }
    return false; /* or sent again, as UDP may be */
}

/* ---- what is announced ---- */

/* A call of FROM to PLACE. */
static struct expected call_to(struct place place, struct address from)
{
    return (struct expected){
        .src = from,
        .dst = place.address,
        .dst_port = place.port,
        .protocol = PROTOCOL_TCP,
        .alg = DIALECT_H225,
        .tag = TAG_CALL,
    };
}

/* The first of COUNT PLACES that SPEECH's speaker may announce; otherwise one that is not known. */
static struct place own_place(const struct speech *speech, const struct place *places, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (places[i].known && places[i].port != 0 && speech_own(speech, places[i].address))
            return places[i];
    return (struct place){.known = false};
}

/* Calls of FROM, or of the media set where ANY, to PLACE for as long as a registration lives. */
static void announce_registered(struct hearing *hearing, const struct speech *speech, struct place place,
                                struct address from, bool any, uint32_t life_ms)
{
    struct expected expected = call_to(place, from);
    expected.any_src = any;
    expected.at_once = RAS_CALLS_MAX;
    expected.tag = TAG_REGISTRATION;
    expected.wait_ms = life_ms;
    hearing_expect(hearing, speech, &expected);
}

/* The speaker is the gatekeeper. */
static void announce_registration(struct hearing *hearing, const struct speech *speech, uint32_t life_ms)
{
    const struct ras_memory *memory = memory_of(hearing);
    if (memory->gatekeeper.known)
        announce_registered(hearing, speech, memory->gatekeeper, speech->listener, false, life_ms);
    if (memory->endpoint.known)
        announce_registered(hearing, speech, memory->endpoint, speech->speaker, false, life_ms);
    if (memory->endpoint.known && speech->may_media != NULL)
        announce_registered(hearing, speech, memory->endpoint, speech->speaker, true, life_ms);
}

static void end_registration(struct hearing *hearing)
{
    struct ras_memory *memory = memory_of(hearing);
    memory->endpoint.known = memory->gatekeeper.known = false;
    hearing_withdraw(hearing, TAG_REGISTRATION, GRACE_OWN_END);
}

/* ---- messages; PER stands behind requestSeqNum ---- */

/* RegistrationRequest ::= SEQUENCE {requestSeqNum, protocolIdentifier OBJECT IDENTIFIER, nonStandardData
   NonStandardParameter OPTIONAL, discoveryComplete BOOLEAN, callSignalAddress SEQUENCE OF TransportAddress, ...} */
static void hear_registration_request(struct hearing *hearing, const struct speech *speech, struct per *per,
                                      const struct per_head *head, uint16_t number)
{
    struct ras_memory *memory = memory_of(hearing);
    struct place places[RAS_PLACES_MAX];
    per_skip(per, &h225_object);
    if (per_has(head, 0))
        per_skip(per, &h225_non_standard);
    per_bits(per, 1);
    unsigned count = h225_places(per, places, RAS_PLACES_MAX);
    if (per->failed)
        return;
    /* A renewal may name none, and means the same. */
    struct place own = own_place(speech, places, count);
    memory->wanted = own.known ? own : memory->endpoint;
    if (own.known && own.port < ANNOUNCED_PORT_MIN)
        hearing_refuse(hearing, "a registration of a port below 1024");
    ask(hearing, speech, RAS_REGISTRATION_REQUEST, number);
}

/* RegistrationConfirm ::= SEQUENCE {requestSeqNum, protocolIdentifier OBJECT IDENTIFIER, nonStandardData
   NonStandardParameter OPTIONAL, callSignalAddress SEQUENCE OF TransportAddress, terminalAlias SEQUENCE OF AliasAddress
   OPTIONAL, gatekeeperIdentifier OPTIONAL, endpointIdentifier, ..., alternateGatekeeper OPTIONAL, timeToLive
   INTEGER(1..4294967295) OPTIONAL, ...} */
static void hear_registration_confirm(struct hearing *hearing, const struct speech *speech, struct per *per,
                                      const struct per_head *head, uint16_t number)
{
    struct ras_memory *memory = memory_of(hearing);
    struct place places[RAS_PLACES_MAX];
    struct per additions[2];
    per_skip(per, &h225_object);
    if (per_has(head, 0))
        per_skip(per, &h225_non_standard);
    unsigned count = h225_places(per, places, RAS_PLACES_MAX);
    if (per_has(head, 1))
        per_skip(per, &h225_aliases);
    if (per_has(head, 2))
        per_skip(per, &h225_identifier);
    per_skip(per, &h225_identifier);
    per_additions(per, head, additions, 2);
    if (per->failed || !answers(hearing, speech, RAS_REGISTRATION_REQUEST, number))
        return;
    uint32_t life_ms = RAS_LIFE_MS;
    uint32_t seconds = additions[1].bytes != NULL ? per_integer(&additions[1], 1, UINT32_MAX) : 0;
    if (seconds != 0)
        life_ms = (seconds < RAS_LIFE_SECONDS_MAX ? seconds : RAS_LIFE_SECONDS_MAX) * 1000;
    /* It may be renewed in the last moment. */
    life_ms += speech->wait_ms;
    struct place own = own_place(speech, places, count);
    if (own.known)
        memory->gatekeeper = own;
    memory->endpoint = memory->wanted;
    hearing->idle_ms = life_ms;
    announce_registration(hearing, speech, life_ms);
}

/* AdmissionConfirm ::= SEQUENCE {requestSeqNum, bandWidth INTEGER(0..4294967295), callModel CHOICE {direct NULL,
   gatekeeperRouted NULL, ...}, destCallSignalAddress TransportAddress, irrFrequency OPTIONAL, nonStandardData OPTIONAL,
   ...}
   LocationConfirm ::= SEQUENCE {requestSeqNum, callSignalAddress TransportAddress, rasAddress TransportAddress,
   nonStandardData OPTIONAL, ...} */
static void hear_call(struct hearing *hearing, const struct speech *speech, struct per *per, bool admission,
                      uint16_t number)
{
    enum { CALL_MODELS = 2 };
    if (admission) {
        per_integer(per, 0, UINT32_MAX);
        if (per_choice(per, true, CALL_MODELS) >= CALL_MODELS)
            per_open(per);
    }
    struct place place = h225_place(per);
    if (per->failed ||
        !answers(hearing, speech, admission ? RAS_ADMISSION_REQUEST : RAS_LOCATION_REQUEST, number))
        return;
    place = own_place(speech, &place, 1);
    const struct expected expected = call_to(place, speech->listener);
    if (place.known)
        hearing_expect(hearing, speech, &expected);
}

/* GatekeeperConfirm ::= SEQUENCE {requestSeqNum, protocolIdentifier OBJECT IDENTIFIER, nonStandardData
   NonStandardParameter OPTIONAL, gatekeeperIdentifier OPTIONAL, rasAddress TransportAddress, ...} */
static void hear_gatekeeper(struct hearing *hearing, const struct speech *speech, struct per *per,
                            const struct per_head *head, uint16_t number)
{
    per_skip(per, &h225_object);
    if (per_has(head, 0))
        per_skip(per, &h225_non_standard);
    if (per_has(head, 1))
        per_skip(per, &h225_identifier);
    struct place place = h225_place(per);
    if (per->failed || !answers(hearing, speech, RAS_GATEKEEPER_REQUEST, number))
        return;
    place = own_place(speech, &place, 1);
    bool here = address_equal(place.address, speech->speaker) && place.port == speech->speaker_port;
    const struct expected expected = {
        .src = speech->listener,
        .dst = place.address,
        .dst_port = place.port,
        .protocol = PROTOCOL_UDP,
        .alg = DIALECT_RAS,
        .tag = TAG_GATEKEEPER,
    };
    if (place.known && !here)
        hearing_expect(hearing, speech, &expected);
}

/* How many fields of each are OPTIONAL, before its three dots. Those with none that are named here are not read. */
static const uint8_t optional_fields[RAS_MESSAGE_COUNT] = {
    [RAS_GATEKEEPER_REQUEST] = 4,   [RAS_GATEKEEPER_CONFIRM] = 2,     [RAS_REGISTRATION_REQUEST] = 3,
    [RAS_REGISTRATION_CONFIRM] = 3, [RAS_REGISTRATION_REJECT] = 2,    [RAS_UNREGISTRATION_REQUEST] = 3,
    [RAS_UNREGISTRATION_CONFIRM] = 1, [RAS_ADMISSION_REQUEST] = 7,    [RAS_ADMISSION_CONFIRM] = 2,
    [RAS_LOCATION_REQUEST] = 2,     [RAS_LOCATION_CONFIRM] = 1,
};

static void hear_message(struct hearing *hearing, const struct speech *speech, struct per *per)
{
    uint32_t message = per_choice(per, true, RAS_MESSAGE_COUNT);
    if (message >= RAS_MESSAGE_COUNT || optional_fields[message] == 0)
        return;
    struct per_head head = per_head(per, true, optional_fields[message]);
    uint16_t number = (uint16_t)per_integer(per, 1, 65535); /* RequestSeqNum ::= INTEGER(1..65535) */
    if (per->failed)
        return;
    switch (message) {
    case RAS_REGISTRATION_REQUEST:
        hear_registration_request(hearing, speech, per, &head, number);
        break;
    case RAS_REGISTRATION_CONFIRM:
        hear_registration_confirm(hearing, speech, per, &head, number);
        break;
    case RAS_REGISTRATION_REJECT:
        if (answers(hearing, speech, RAS_REGISTRATION_REQUEST, number))
            end_registration(hearing);
        break;
    case RAS_UNREGISTRATION_CONFIRM:
        if (answers(hearing, speech, RAS_UNREGISTRATION_REQUEST, number))
            end_registration(hearing);
        break;
    case RAS_GATEKEEPER_CONFIRM:
        hear_gatekeeper(hearing, speech, per, &head, number);
        break;
    case RAS_ADMISSION_CONFIRM:
    case RAS_LOCATION_CONFIRM:
        hear_call(hearing, speech, per, message == RAS_ADMISSION_CONFIRM, number);
        break;
    default:
        ask(hearing, speech, message, number);
    }
}

static size_t hear(struct hearing *hearing, const struct speech *speech)
{
    struct per per = per_over((struct span){speech->bytes, speech->length});
    if (speech->length > 0) /* an empty one keeps the way open */
        hear_message(hearing, speech, &per);
    if (per.beyond)
        hearing_refuse(hearing, "a RAS message that says that it is longer than its packet");
    else if (per.failed && speech->strict)
        hearing_refuse(hearing, "a RAS message that cannot be read");
    return speech->length;
}

const struct alg alg_ras = {
    .name = "ras",
    .expectations_max = RAS_EXPECTATIONS_MAX,
    .hear = hear,
};
