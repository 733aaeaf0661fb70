/*
 * H.323's call signalling (ITU-T H.225.0, 7): Q.931 messages in TPKTs, and in their user-to-user element what H.323
 * adds.
 *
 * A SETUP begins a call, a RELEASE COMPLETE ends it. Between them either side may say where it takes H.245, a
 * connection that is listened to as well, and once for each address; may speak H.245 here itself (h245Control,
 * tunnelled); and may propose media at once (fastStart). What a call has not begun announces nothing.
 *
 * Each announces his own addresses. Somebody else's media address is announced only if the rule's media set holds it; a
 * call that is forwarded to another host needs a rule. Not read: H.225 over UDP (annex E), call signalling in TLS, and
 * what stands in a user-to-user element behind tokens of a PROGRESS.
 *
 * No library: those of Debian that read ASN.1 build trees of allocated objects.
 */
#include "alg/channels.h"
#include "alg/tpkt.h"
#include "base/reader.h"
#include "packet/packet.h"

#define H225_CALLS_MAX 16u /* on one connection at once; further ones are not heard of */

enum {
    Q931_DISCRIMINATOR = 0x08,       /* ITU-T Q.931, 4.2 */
    Q931_SETUP = 0x05,               /* 4.4 */
    Q931_RELEASE_COMPLETE = 0x5a,
    Q931_USER_USER = 0x7e,           /* 4.5.1; its length has two bytes (H.225.0, 7.2.2.31) */
    Q931_ONE_BYTE = 0x80,            /* an element without a length (4.5.1) */
    H225_DISCRIMINATOR = 0x05        /* of the user-to-user element: X.680 and X.690 */
};

struct h225_memory {
    struct channels channels;
    struct call {
        uint32_t key;                    /* its reference and who has chosen it; 0: none is here */
        uint32_t said[DIRECTION_COUNT];  /* a number for the H.245 address that was announced last */
    } calls[H225_CALLS_MAX];
};

_Static_assert(sizeof(struct h225_memory) <= FAMILY_MEMORY_BYTES, "what H.225 remembers fits a family's memory");

static struct h225_memory *memory_of(const struct hearing *hearing)
{
    return (struct h225_memory *)(void *)hearing->memory;
}

/* What stands in a user-to-user element. The lists are each a SEQUENCE OF OCTET STRING; bytes NULL: it is absent. */
struct uuie {
    struct place h245;
    struct per fast_start, parallel, tunnelled;
};

/* ---- H323-UserInformation ---- */

enum uuie_body { BODY_SETUP, BODY_CALL_PROCEEDING, BODY_CONNECT, BODY_ALERTING, BODY_INFORMATION, BODY_RELEASE_COMPLETE,
                 BODY_FACILITY, BODY_PROGRESS, BODY_ROOTS = BODY_PROGRESS };

/* ConferenceIdentifier, GloballyUniqueID ::= OCTET STRING (SIZE(16)) */
static void skip_guid(struct per *per)
{
    per_octets(per, 16, 16);
}

/* A CHOICE of COUNT NULLs, ... */
static void skip_nulls(struct per *per, unsigned count)
{
    if (per_choice(per, true, count) >= count)
        per_open(per);
}

static const struct per_type call_reference = PER_TYPE_INTEGER(0, 65535);
static const struct per_type references = PER_TYPE_LIST(call_reference);

/* Setup-UUIE ::= SEQUENCE {protocolIdentifier OBJECT IDENTIFIER, h245Address TransportAddress OPTIONAL,
   sourceAddress SEQUENCE OF AliasAddress OPTIONAL, sourceInfo EndpointType, destinationAddress SEQUENCE OF AliasAddress
   OPTIONAL, destCallSignalAddress TransportAddress OPTIONAL, destExtraCallInfo SEQUENCE OF AliasAddress OPTIONAL,
   destExtraCRV SEQUENCE OF INTEGER(0..65535) OPTIONAL, activeMC BOOLEAN, conferenceID ConferenceIdentifier,
   conferenceGoal CHOICE {create NULL, join NULL, invite NULL, ...}, callServices QseriesOptions OPTIONAL,
   callType CHOICE {pointToPoint NULL, oneToN NULL, nToOne NULL, nToN NULL, ...}, ...,
   6 others, fastStart SEQUENCE OF OCTET STRING OPTIONAL, 17 others, parallelH245Control SEQUENCE OF OCTET STRING
   OPTIONAL, ...} */
static void read_setup(struct per *per, struct uuie *uuie)
{
    struct per additions[25];
    struct per_head head = per_head(per, true, 7);
    per_skip(per, &h225_object);
    if (per_has(&head, 0))
        uuie->h245 = h225_place(per);
    if (per_has(&head, 1))
        per_skip(per, &h225_aliases);
    per_skip(per, &h225_endpoint);
    if (per_has(&head, 2))
        per_skip(per, &h225_aliases);
    if (per_has(&head, 3))
        h225_place(per);
    if (per_has(&head, 4))
        per_skip(per, &h225_aliases);
    if (per_has(&head, 5))
        per_skip(per, &references);
    per_bits(per, 1);
    skip_guid(per);
    skip_nulls(per, 3);
    if (per_has(&head, 6))
        per_skip(per, &h225_call_services);
    skip_nulls(per, 4);
    per_additions(per, &head, additions, 25);
    uuie->fast_start = additions[6];
    uuie->parallel = additions[24];
}

/* CallProceeding-UUIE, Alerting-UUIE ::= SEQUENCE {protocolIdentifier OBJECT IDENTIFIER, destinationInfo EndpointType,
   h245Address TransportAddress OPTIONAL, ..., 4 others, fastStart SEQUENCE OF OCTET STRING OPTIONAL, ...} */
static void read_alerting(struct per *per, struct uuie *uuie)
{
    struct per additions[5];
    struct per_head head = per_head(per, true, 1);
    per_skip(per, &h225_object);
    per_skip(per, &h225_endpoint);
    if (per_has(&head, 0))
        uuie->h245 = h225_place(per);
    per_additions(per, &head, additions, 5);
    uuie->fast_start = additions[4];
}

/* Connect-UUIE ::= SEQUENCE {protocolIdentifier OBJECT IDENTIFIER, h245Address TransportAddress OPTIONAL,
   destinationInfo EndpointType, conferenceID ConferenceIdentifier, ..., 4 others, fastStart SEQUENCE OF OCTET STRING
   OPTIONAL, ...} */
static void read_connect(struct per *per, struct uuie *uuie)
{
    struct per additions[5];
    struct per_head head = per_head(per, true, 1);
    per_skip(per, &h225_object);
    if (per_has(&head, 0))
        uuie->h245 = h225_place(per);
    per_skip(per, &h225_endpoint);
    skip_guid(per);
    per_additions(per, &head, additions, 5);
    uuie->fast_start = additions[4];
}

/* Information-UUIE ::= SEQUENCE {protocolIdentifier OBJECT IDENTIFIER, ..., 3 others, fastStart SEQUENCE OF OCTET
   STRING OPTIONAL, ...} */
static void read_information(struct per *per, struct uuie *uuie)
{
    struct per additions[4];
    struct per_head head = per_head(per, true, 0);
    per_skip(per, &h225_object);
    per_additions(per, &head, additions, 4);
    uuie->fast_start = additions[3];
}

/* ReleaseComplete-UUIE ::= SEQUENCE {protocolIdentifier OBJECT IDENTIFIER,
   reason CHOICE {12 NULLs, ...} OPTIONAL, ...} */
static void read_release_complete(struct per *per)
{
    struct per_head head = per_head(per, true, 1);
    per_skip(per, &h225_object);
    if (per_has(&head, 0))
        skip_nulls(per, 12);
    per_additions(per, &head, NULL, 0);
}

/* Facility-UUIE ::= SEQUENCE {protocolIdentifier OBJECT IDENTIFIER, alternativeAddress TransportAddress OPTIONAL,
   alternativeAliasAddress SEQUENCE OF AliasAddress OPTIONAL, conferenceID ConferenceIdentifier OPTIONAL,
   reason CHOICE {4 NULLs, ...}, ..., 6 others, h245Address TransportAddress OPTIONAL, fastStart SEQUENCE OF OCTET
   STRING OPTIONAL, ...} */
static void read_facility(struct per *per, struct uuie *uuie)
{
    struct per additions[8];
    struct per_head head = per_head(per, true, 3);
    per_skip(per, &h225_object);
    if (per_has(&head, 0))
        h225_place(per);
    if (per_has(&head, 1))
        per_skip(per, &h225_aliases);
    if (per_has(&head, 2))
        skip_guid(per);
    skip_nulls(per, 4);
    per_additions(per, &head, additions, 8);
    uuie->fast_start = additions[7];
    if (additions[6].bytes == NULL)
        return;
    uuie->h245 = h225_place(&additions[6]);
    per_join(per, &additions[6]);
}

/* Progress-UUIE ::= SEQUENCE {protocolIdentifier OBJECT IDENTIFIER, destinationInfo EndpointType, h245Address
   TransportAddress OPTIONAL, callIdentifier SEQUENCE {guid GloballyUniqueID, ...}, h245SecurityMode OPTIONAL, tokens
   OPTIONAL, cryptoTokens OPTIONAL, fastStart SEQUENCE OF OCTET STRING OPTIONAL, ...} */
static void read_progress(struct per *per, struct uuie *uuie)
{
    struct per_head head = per_head(per, true, 5);
    per_skip(per, &h225_object);
    per_skip(per, &h225_endpoint);
    if (per_has(&head, 0))
        uuie->h245 = h225_place(per);
    struct per_head call = per_head(per, true, 0);
    skip_guid(per);
    per_additions(per, &call, NULL, 0);
    bool secured = per_has(&head, 1) || per_has(&head, 2) || per_has(&head, 3);
    if (!secured && per_has(&head, 4))
        uuie->fast_start = *per;
}

static void read_body(struct per *per, struct uuie *uuie)
{
    struct per inner;
    switch (per_choice(per, true, BODY_ROOTS)) {
    case BODY_SETUP:
        read_setup(per, uuie);
        break;
    case BODY_CALL_PROCEEDING:
    case BODY_ALERTING:
        read_alerting(per, uuie);
        break;
    case BODY_CONNECT:
        read_connect(per, uuie);
        break;
    case BODY_INFORMATION:
        read_information(per, uuie);
        break;
    case BODY_RELEASE_COMPLETE:
        read_release_complete(per);
        break;
    case BODY_FACILITY:
        read_facility(per, uuie);
        break;
    case BODY_PROGRESS:
        inner = per_open(per);
        read_progress(&inner, uuie);
        per_join(per, &inner);
        break;
    default:
        per_open(per);
    }
}

/* H323-UserInformation ::= SEQUENCE {h323-uu-pdu H323-UU-PDU, user-data ... OPTIONAL, ...}
   H323-UU-PDU ::= SEQUENCE {h323-message-body CHOICE {setup, callProceeding, connect, alerting, information,
   releaseComplete, facility, ..., progress, ...}, nonStandardData NonStandardParameter OPTIONAL, ...,
   h4501SupplementaryService ... OPTIONAL, h245Tunnelling BOOLEAN, h245Control SEQUENCE OF OCTET STRING
   OPTIONAL, ...} */
static void read_uuie(struct per *per, struct uuie *uuie)
{
    struct per additions[3];
    per_head(per, true, 1);
    struct per_head head = per_head(per, true, 1);
    read_body(per, uuie);
    if (per_has(&head, 0))
        per_skip(per, &h225_non_standard);
    per_additions(per, &head, additions, 3);
    uuie->tunnelled = additions[2];
}

/* ---- calls ---- */

/* The call that KEY stands for; 0: a free place. NULL: there is none. */
static struct call *call_of(struct h225_memory *memory, uint32_t key)
{
    for (unsigned i = 0; i < H225_CALLS_MAX; i++)
        if (memory->calls[i].key == key)
            return &memory->calls[i];
    return NULL;
}

static unsigned index_of(const struct h225_memory *memory, const struct call *call)
{
    return (unsigned)(call - memory->calls);
}

static void end_call(struct hearing *hearing, struct call *call)
{
    struct h225_memory *memory = memory_of(hearing);
    unsigned index = index_of(memory, call);
    channels_end(&memory->channels, hearing, index);
    hearing_withdraw(hearing, channels_tag_of_call(index), GRACE_OWN_END);
    *call = (struct call){.key = 0};
}

static void announce_h245(struct hearing *hearing, const struct speech *speech, struct call *call,
                          const struct place *place)
{
    const uint64_t words[] = {place->address.high, place->address.low, place->port};
    uint32_t said = alg_tag(words, sizeof words);
    /* PROCEEDING, ALERTING and CONNECT say it again: still one connection. */
    bool fresh = call->said[speech->direction] != said;
    if (!place->known || place->port == 0 || !speech_own(speech, place->address) || !fresh)
        return;
    call->said[speech->direction] = said;
    const struct expected expected = {
        .src = speech->listener,
        .dst = place->address,
        .dst_port = place->port,
        .protocol = PROTOCOL_TCP,
        .alg = DIALECT_H245,
        .tag = channels_tag_of_call(index_of(memory_of(hearing), call)),
    };
    hearing_expect(hearing, speech, &expected);
}

/* Tells the elements of a SEQUENCE OF OCTET STRING, each a message or a proposal. */
static void hear_list(struct hearing *hearing, const struct speech *speech, unsigned call, struct per *list,
                      bool proposals)
{
    if (list->bytes == NULL)
        return;
    uint32_t count = per_length(list);
    list->failed |= count > PER_LIST_MAX;
    for (uint32_t i = 0; i < count && !list->failed; i++) {
        struct span element = per_octets(list, 0, UINT32_MAX);
        if (element.length > 0 && proposals)
            channels_hear_proposal(hearing, speech, call, element);
        else if (element.length > 0)
            channels_hear(&memory_of(hearing)->channels, hearing, speech, call, element);
    }
    channels_readable(hearing, speech, list);
}

static void hear_user_user(struct hearing *hearing, const struct speech *speech, struct call *call, struct span user)
{
    struct uuie uuie = {.h245.known = false};
    struct per per = per_over(user);
    unsigned index = index_of(memory_of(hearing), call);
    read_uuie(&per, &uuie);
    if (!channels_readable(hearing, speech, &per))
        return;
    announce_h245(hearing, speech, call, &uuie.h245);
    hear_list(hearing, speech, index, &uuie.fast_start, true);
    hear_list(hearing, speech, index, &uuie.parallel, false);
    hear_list(hearing, speech, index, &uuie.tunnelled, false);
}

/* ---- Q.931 ---- */

struct signal {
    uint8_t type;
    uint32_t key;     /* of its call */
    bool by_caller;   /* who speaks has chosen the call's reference */
    struct span user; /* the user-to-user element's content behind its discriminator; empty: it has none */
};

/* Reads the elements up to the user-to-user one. */
static void read_elements(struct reader *reader, struct signal *signal)
{
    while (reader_left(reader) > 0 && !reader->failed) {
        uint8_t element = reader_u8(reader);
        if (element & Q931_ONE_BYTE)
            continue;
        size_t length = element == Q931_USER_USER ? reader_u16(reader) : reader_u8(reader);
        const uint8_t *content = reader_bytes(reader, length);
        if (content == NULL || element != Q931_USER_USER)
            continue;
        if (length > 1 && content[0] == H225_DISCRIMINATOR)
            signal->user = (struct span){content + 1, length - 1};
        return;
    }
}

/* ITU-T Q.931, 4.1 to 4.5: the discriminator, the call reference behind its length, the type, elements. */
static bool read_signal(struct span message, enum direction direction, struct signal *signal)
{
    struct reader reader = reader_over(message.at, message.length);
    uint32_t reference = 0;
    *signal = (struct signal){.by_caller = true};
    reader_u8(&reader); /* the discriminator */
    uint8_t bytes = reader_u8(&reader) & 0x0f;
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t byte = reader_u8(&reader);
        if (i == 0) {
            signal->by_caller = (byte & 0x80) == 0;
            byte &= 0x7f;
        }
        reference = (reference << 8 | byte) & 0xffff;
    }
    enum direction caller = signal->by_caller ? direction : direction_other(direction);
    signal->key = 1 + (reference << 1 | caller);
    signal->type = reader_u8(&reader);
    read_elements(&reader, signal);
    return !reader.failed;
}

static void hear_message(struct hearing *hearing, const struct speech *speech, struct span message)
{
    struct h225_memory *memory = memory_of(hearing);
    struct signal signal;
    if (message.at[0] != Q931_DISCRIMINATOR) {
        if (speech->strict)
            hearing_refuse(hearing, "no Q.931 message where one must stand");
        return;
    }
    if (!read_signal(message, speech->direction, &signal)) {
        hearing_refuse(hearing, "a Q.931 message that says that it is longer than its packet");
        return;
    }
    struct call *call = call_of(memory, signal.key);
    if (call == NULL && signal.type == Q931_SETUP && signal.by_caller && (call = call_of(memory, 0)) != NULL)
        call->key = signal.key;
    if (call == NULL)
        return;
    if (signal.user.length > 0)
        hear_user_user(hearing, speech, call, signal.user);
    if (signal.type == Q931_RELEASE_COMPLETE)
        end_call(hearing, call);
}

static size_t hear(struct hearing *hearing, const struct speech *speech)
{
    return tpkt_hear(hearing, speech, hear_message);
}

const struct alg alg_h225 = {
    .name = "h225",
    .message_bytes_max = BLOCK_BYTES,
    .expectations_max = CHANNELS_EXPECTATIONS_MAX,
    .hear = hear,
};
