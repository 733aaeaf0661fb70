#include "alg/h245_message.h"

#define FIELD(type) {&(type), false}
#define OPTIONAL(type) {&(type), true}

static const struct per_type bit = PER_TYPE_BITS(1), nothing = PER_TYPE_BITS(0);
static const struct per_type octets = PER_TYPE_OCTETS(0, UINT32_MAX);
static const struct per_type frames = PER_TYPE_INTEGER(1, 256);
static const struct per_type number_32 = PER_TYPE_INTEGER(0, UINT32_MAX);

/* NonStandardIdentifier ::= CHOICE {object OBJECT IDENTIFIER,
   h221NonStandard SEQUENCE {t35CountryCode INTEGER(0..255), t35Extension INTEGER(0..255), manufacturerCode
   INTEGER(0..65535)}}
   NonStandardParameter ::= SEQUENCE {nonStandardIdentifier NonStandardIdentifier, data OCTET STRING} */
static const struct per_type byte = PER_TYPE_INTEGER(0, 255), word = PER_TYPE_INTEGER(0, 65535);
static const struct per_type h221 = PER_TYPE_SEQUENCE(false, FIELD(byte), FIELD(byte), FIELD(word));
static const struct per_type identifier = PER_TYPE_CHOICE(false, FIELD(octets), FIELD(h221));
static const struct per_type non_standard = PER_TYPE_SEQUENCE(false, FIELD(identifier), FIELD(octets));
static const struct per_type non_standards = PER_TYPE_LIST(non_standard);

/* ---- DataType: what the media are; only stepped over ---- */

/* H261VideoCapability ::= SEQUENCE {qcifMPI INTEGER(1..4) OPTIONAL, cifMPI INTEGER(1..4) OPTIONAL,
   temporalSpatialTradeOffCapability BOOLEAN, maxBitRate INTEGER(1..19200), stillImageTransmission BOOLEAN, ...} */
static const struct per_type mpi_4 = PER_TYPE_INTEGER(1, 4), rate_19200 = PER_TYPE_INTEGER(1, 19200);
static const struct per_type h261 =
    PER_TYPE_SEQUENCE(true, OPTIONAL(mpi_4), OPTIONAL(mpi_4), FIELD(bit), FIELD(rate_19200), FIELD(bit));

/* H262VideoCapability ::= SEQUENCE {11 BOOLEANs, videoBitRate INTEGER(0..1073741823) OPTIONAL, vbvBufferSize
   INTEGER(0..262143) OPTIONAL, samplesPerLine INTEGER(0..16383) OPTIONAL, linesPerFrame INTEGER(0..16383) OPTIONAL,
   framesPerSecond INTEGER(0..15) OPTIONAL, luminanceSampleRate INTEGER(0..4294967295) OPTIONAL, ...} */
static const struct per_type bits_11 = PER_TYPE_BITS(11), video_rate = PER_TYPE_INTEGER(0, 1073741823),
                             buffer = PER_TYPE_INTEGER(0, 262143), lines = PER_TYPE_INTEGER(0, 16383),
                             pictures = PER_TYPE_INTEGER(0, 15);
static const struct per_type h262 =
    PER_TYPE_SEQUENCE(true, FIELD(bits_11), OPTIONAL(video_rate), OPTIONAL(buffer), OPTIONAL(lines), OPTIONAL(lines),
                      OPTIONAL(pictures), OPTIONAL(number_32));

/* H263VideoCapability ::= SEQUENCE {sqcifMPI INTEGER(1..32) OPTIONAL, qcifMPI, cifMPI, cif4MPI, cif16MPI (the same),
   maxBitRate INTEGER(1..192400), 5 BOOLEANs, hrd-B INTEGER(0..524287) OPTIONAL, bppMaxKb INTEGER(0..65535) OPTIONAL,
   ...} */
static const struct per_type mpi_32 = PER_TYPE_INTEGER(1, 32), rate_192400 = PER_TYPE_INTEGER(1, 192400),
                             bits_5 = PER_TYPE_BITS(5), hrd_b = PER_TYPE_INTEGER(0, 524287);
static const struct per_type h263 =
    PER_TYPE_SEQUENCE(true, OPTIONAL(mpi_32), OPTIONAL(mpi_32), OPTIONAL(mpi_32), OPTIONAL(mpi_32), OPTIONAL(mpi_32),
                      FIELD(rate_192400), FIELD(bits_5), OPTIONAL(hrd_b), OPTIONAL(word));

/* IS11172VideoCapability ::= SEQUENCE {constrainedBitstream BOOLEAN, videoBitRate OPTIONAL, vbvBufferSize OPTIONAL,
   samplesPerLine OPTIONAL, linesPerFrame OPTIONAL, pictureRate INTEGER(0..15) OPTIONAL, luminanceSampleRate OPTIONAL,
   ...} */
static const struct per_type is11172_video =
    PER_TYPE_SEQUENCE(true, FIELD(bit), OPTIONAL(video_rate), OPTIONAL(buffer), OPTIONAL(lines), OPTIONAL(lines),
                      OPTIONAL(pictures), OPTIONAL(number_32));

/* VideoCapability ::= CHOICE {nonStandard NonStandardParameter, h261VideoCapability, h262VideoCapability,
   h263VideoCapability, is11172VideoCapability, ...} */
static const struct per_type video =
    PER_TYPE_CHOICE(true, FIELD(non_standard), FIELD(h261), FIELD(h262), FIELD(h263), FIELD(is11172_video));

/* g7231 SEQUENCE {maxAl-sduAudioFrames INTEGER(1..256), silenceSuppression BOOLEAN} */
static const struct per_type g7231 = PER_TYPE_SEQUENCE(false, FIELD(frames), FIELD(bit));

/* IS11172AudioCapability ::= SEQUENCE {8 BOOLEANs, bitRate INTEGER(1..448), ...}
   IS13818AudioCapability ::= SEQUENCE {20 BOOLEANs, bitRate INTEGER(1..1130), ...} */
static const struct per_type bits_8 = PER_TYPE_BITS(8), rate_448 = PER_TYPE_INTEGER(1, 448);
static const struct per_type bits_20 = PER_TYPE_BITS(20), rate_1130 = PER_TYPE_INTEGER(1, 1130);
static const struct per_type is11172_audio = PER_TYPE_SEQUENCE(true, FIELD(bits_8), FIELD(rate_448));
static const struct per_type is13818_audio = PER_TYPE_SEQUENCE(true, FIELD(bits_20), FIELD(rate_1130));

/* AudioCapability ::= CHOICE {nonStandard NonStandardParameter, g711Alaw64k INTEGER(1..256), g711Alaw56k, g711Ulaw64k,
   g711Ulaw56k, g722-64k, g722-56k, g722-48k (the same), g7231, g728 INTEGER(1..256), g729, g729AnnexA (the same),
   is11172AudioCapability, is13818AudioCapability, ...} */
static const struct per_type audio =
    PER_TYPE_CHOICE(true, FIELD(non_standard), FIELD(frames), FIELD(frames), FIELD(frames), FIELD(frames),
                    FIELD(frames), FIELD(frames), FIELD(frames), FIELD(g7231), FIELD(frames), FIELD(frames),
                    FIELD(frames), FIELD(is11172_audio), FIELD(is13818_audio));

/* DataProtocolCapability ::= CHOICE {nonStandard NonStandardParameter, v14buffered NULL, v42lapm NULL,
   hdlcFrameTunnelling NULL, h310SeparateVCStack NULL, h310SingleVCStack NULL, transparent NULL, ...} */
static const struct per_type data_protocol =
    PER_TYPE_CHOICE(true, FIELD(non_standard), FIELD(nothing), FIELD(nothing), FIELD(nothing), FIELD(nothing),
                    FIELD(nothing), FIELD(nothing));

/* T84Profile ::= CHOICE {t84Unrestricted NULL, t84Restricted SEQUENCE {19 BOOLEANs, ...}}
   t84 SEQUENCE {t84Protocol DataProtocolCapability, t84Profile T84Profile}
   nlpid SEQUENCE {nlpidProtocol DataProtocolCapability, nlpidData OCTET STRING} */
static const struct per_type bits_19 = PER_TYPE_BITS(19);
static const struct per_type t84_restricted = PER_TYPE_SEQUENCE(true, FIELD(bits_19));
static const struct per_type t84_profile = PER_TYPE_CHOICE(false, FIELD(nothing), FIELD(t84_restricted));
static const struct per_type t84 = PER_TYPE_SEQUENCE(false, FIELD(data_protocol), FIELD(t84_profile));
static const struct per_type nlpid = PER_TYPE_SEQUENCE(false, FIELD(data_protocol), FIELD(octets));

/* DataApplicationCapability ::= SEQUENCE {application CHOICE {nonStandard NonStandardParameter, t120
   DataProtocolCapability, dsm-cc, userData (the same), t84, t434 DataProtocolCapability, h224 (the same), nlpid,
   dsvdControl NULL, h222DataPartitioning DataProtocolCapability, ...}, maxBitRate INTEGER(0..4294967295), ...} */
static const struct per_type application =
    PER_TYPE_CHOICE(true, FIELD(non_standard), FIELD(data_protocol), FIELD(data_protocol), FIELD(data_protocol),
                    FIELD(t84), FIELD(data_protocol), FIELD(data_protocol), FIELD(nlpid), FIELD(nothing),
                    FIELD(data_protocol));
static const struct per_type data = PER_TYPE_SEQUENCE(true, FIELD(application), FIELD(number_32));

/* EncryptionMode ::= CHOICE {nonStandard NonStandardParameter, h233Encryption NULL, ...} */
static const struct per_type encryption = PER_TYPE_CHOICE(true, FIELD(non_standard), FIELD(nothing));

/* DataType ::= CHOICE {nonStandard NonStandardParameter, nullData NULL, videoData VideoCapability, audioData
   AudioCapability, data DataApplicationCapability, encryptionData EncryptionMode, ...} */
static const struct per_type data_type = PER_TYPE_CHOICE(true, FIELD(non_standard), FIELD(nothing), FIELD(video),
                                                         FIELD(audio), FIELD(data), FIELD(encryption));

/* ---- addresses ---- */

/* UnicastAddress ::= CHOICE {iPAddress SEQUENCE {network OCTET STRING (SIZE(4)), tsapIdentifier INTEGER(0..65535),
   ...}, iPXAddress ..., iP6Address SEQUENCE {network OCTET STRING (SIZE(16)), tsapIdentifier INTEGER(0..65535), ...},
   netBios ..., iPSourceRouteAddress ..., ...}
   MulticastAddress ::= CHOICE {iPAddress (the same), iP6Address (the same), ...} */
static struct place read_address(struct per *per, unsigned alternatives, unsigned ip6)
{
    struct place place = {.known = false};
    uint32_t index = per_choice(per, true, alternatives);
    if (index >= alternatives) {
        per_open(per);
    } else if (index == 0 || index == ip6) {
        struct per_head head = per_head(per, true, 0);
        place = per_place(per, index == 0 ? 4 : 16);
        per_additions(per, &head, NULL, 0);
    } else {
        per->failed = true; /* media do not run so in an IP network */
    }
    return place;
}

/* TransportAddress ::= CHOICE {unicastAddress UnicastAddress, multicastAddress MulticastAddress, ...} */
static void read_place(struct per *per, struct h245_message *message)
{
    enum { UNICAST, MULTICAST, ALTERNATIVES };
    struct place place = {.known = false};
    uint32_t index = per_choice(per, true, ALTERNATIVES);
    if (index == UNICAST)
        place = read_address(per, 5, 2);
    else if (index == MULTICAST)
        read_address(per, 2, 1); /* for a rule: it is no connection */
    else
        per_open(per);
    if (place.known && message->place_count < H245_PLACES_MAX)
        message->places[message->place_count++] = place;
}

/* ---- parameters ---- */

/* H2250LogicalChannelParameters ::= SEQUENCE {nonStandard SEQUENCE OF NonStandardParameter OPTIONAL, sessionID
   INTEGER(0..255), associatedSessionID INTEGER(1..255) OPTIONAL, mediaChannel TransportAddress OPTIONAL,
   mediaGuaranteedDelivery BOOLEAN OPTIONAL, mediaControlChannel TransportAddress OPTIONAL, and 5 more that are
   OPTIONAL, ...} */
static void read_parameters(struct per *per, struct h245_message *message)
{
    struct per_head head = per_head(per, true, 10);
    if (per_has(&head, 0))
        per_skip(per, &non_standards);
    uint32_t session = per_integer(per, 0, 255);
    if (message->session == 0)
        message->session = (uint8_t)session;
    if (per_has(&head, 1))
        per_integer(per, 1, 255);
    if (per_has(&head, 2))
        read_place(per, message);
    if (per_has(&head, 3))
        per_bits(per, 1);
    if (per_has(&head, 4))
        read_place(per, message);
}

/* multiplexParameters CHOICE {ROOTS of other networks, ..., h2250LogicalChannelParameters
   H2250LogicalChannelParameters, ...} */
static void read_multiplex(struct per *per, unsigned roots, struct h245_message *message)
{
    uint32_t index = per_choice(per, true, roots);
    if (index < roots) {
        per->failed = true; /* none of H.323 */
        return;
    }
    struct per inner = per_open(per);
    if (index == roots)
        read_parameters(&inner, message);
    per_join(per, &inner);
}

/* H2250LogicalChannelAckParameters ::= SEQUENCE {nonStandard SEQUENCE OF NonStandardParameter OPTIONAL, sessionID
   INTEGER(1..255) OPTIONAL, mediaChannel TransportAddress OPTIONAL, mediaControlChannel TransportAddress OPTIONAL,
   dynamicRTPPayloadType OPTIONAL, ...} forwardMultiplexAckParameters CHOICE {h2250LogicalChannelAckParameters
   H2250LogicalChannelAckParameters, ...} */
static void read_ack_parameters(struct per *per, struct h245_message *message)
{
    if (per_choice(per, true, 1) != 0)
        return;
    struct per_head head = per_head(per, true, 5);
    if (per_has(&head, 0))
        per_skip(per, &non_standards);
    if (per_has(&head, 1))
        per_integer(per, 1, 255);
    if (per_has(&head, 2))
        read_place(per, message);
    if (per_has(&head, 3))
        read_place(per, message);
}

/* ---- messages ---- */

/* LogicalChannelNumber ::= INTEGER(1..65535) */
static uint16_t read_channel(struct per *per)
{
    return (uint16_t)per_integer(per, 1, 65535);
}

/* OpenLogicalChannel ::= SEQUENCE {forwardLogicalChannelNumber LogicalChannelNumber,
   forwardLogicalChannelParameters SEQUENCE {portNumber INTEGER(0..65535) OPTIONAL, dataType DataType,
     multiplexParameters CHOICE {h222..., h223..., v76..., ..., h2250LogicalChannelParameters, ...}, ...},
   reverseLogicalChannelParameters SEQUENCE {dataType DataType,
     multiplexParameters CHOICE {h223..., v76..., ..., h2250LogicalChannelParameters, ...} OPTIONAL, ...}
     OPTIONAL, ...} */
struct h245_message h245_read_open(struct per *per)
{
    struct h245_message message = {.kind = H245_OPEN};
    struct per_head head = per_head(per, true, 1);
    message.channel = read_channel(per);
    struct per_head forward = per_head(per, true, 1);
    if (per_has(&forward, 0))
        per_integer(per, 0, 65535);
    per_skip(per, &data_type);
    read_multiplex(per, 3, &message);
    per_additions(per, &forward, NULL, 0);
    if (!per_has(&head, 0))
        return message;
    struct per_head reverse = per_head(per, true, 1);
    per_skip(per, &data_type);
    if (per_has(&reverse, 0))
        read_multiplex(per, 2, &message);
    return message;
}

/* OpenLogicalChannelAck ::= SEQUENCE {forwardLogicalChannelNumber LogicalChannelNumber,
   reverseLogicalChannelParameters SEQUENCE {reverseLogicalChannelNumber LogicalChannelNumber, portNumber
   INTEGER(0..65535) OPTIONAL,
     multiplexParameters CHOICE {h222..., ..., h2250LogicalChannelParameters} OPTIONAL, ...} OPTIONAL, ...,
   separateStack NetworkAccessParameters OPTIONAL, forwardMultiplexAckParameters ... OPTIONAL, ...} */
static void read_open_ack(struct per *per, struct h245_message *message)
{
    struct per additions[2];
    struct per_head head = per_head(per, true, 1);
    message->channel = read_channel(per);
    if (per_has(&head, 0)) {
        struct per_head reverse = per_head(per, true, 2);
        read_channel(per);
        if (per_has(&reverse, 0))
            per_integer(per, 0, 65535);
        if (per_has(&reverse, 1))
            read_multiplex(per, 1, message);
        per_additions(per, &reverse, NULL, 0);
    }
    per_additions(per, &head, additions, 2);
    if (additions[1].bytes == NULL)
        return;
    read_ack_parameters(&additions[1], message);
    per_join(per, &additions[1]);
}

/* OpenLogicalChannelReject ::= SEQUENCE {forwardLogicalChannelNumber LogicalChannelNumber, cause ..., ...}
   CloseLogicalChannel ::= SEQUENCE {forwardLogicalChannelNumber LogicalChannelNumber, source ..., ...} */
static void read_end(struct per *per, enum h245_kind kind, struct h245_message *message)
{
    per_head(per, true, 0);
    message->kind = kind;
    message->channel = read_channel(per);
}

/* MultimediaSystemControlMessage ::= CHOICE {request RequestMessage, response ResponseMessage, command CommandMessage,
     indication IndicationMessage, ...}
   RequestMessage ::= CHOICE {3 others, openLogicalChannel OpenLogicalChannel, closeLogicalChannel CloseLogicalChannel,
   6 others, ...}
   ResponseMessage ::= CHOICE {5 others, openLogicalChannelAck OpenLogicalChannelAck, openLogicalChannelReject ..., 12
   others, ...}
   CommandMessage ::= CHOICE {5 others, endSessionCommand EndSessionCommand, miscellaneousCommand, ...} */
struct h245_message h245_read(struct per *per)
{
    enum { REQUEST, RESPONSE, COMMAND, GROUPS = 4 };
    enum { REQUESTS = 11, OPEN = 3, CLOSE = 4 };
    enum { RESPONSES = 19, OPEN_ACK = 5, OPEN_REJECT = 6 };
    enum { COMMANDS = 7, END_SESSION = 5 };
    struct h245_message message = {.kind = H245_OTHER};
    uint32_t group = per_choice(per, true, GROUPS);
    if (group > COMMAND)
        return message;
    uint32_t index = per_choice(per, true, group == REQUEST ? REQUESTS : group == RESPONSE ? RESPONSES : COMMANDS);
    if (per->failed)
        return message;
    if (group == REQUEST && index == OPEN) {
        message = h245_read_open(per);
    } else if (group == REQUEST && index == CLOSE) {
        read_end(per, H245_CLOSE, &message);
    } else if (group == RESPONSE && index == OPEN_ACK) {
        message.kind = H245_OPEN_ACK;
        read_open_ack(per, &message);
    } else if (group == RESPONSE && index == OPEN_REJECT) {
        read_end(per, H245_OPEN_REJECT, &message);
    } else if (group == COMMAND && index == END_SESSION) {
        message.kind = H245_END_SESSION;
    }
    return message;
}
