#include "alg/alg.h"

#include "packet/packet.h"

/* Who speaks what: the name that a rule gives, and the protocol below (0: only announced connections speak it). */
static const struct {
    const struct alg *alg;
    enum alg_name name;
    uint8_t protocol;
} dialects[DIALECT_COUNT] = {
    [DIALECT_FTP] = {&alg_ftp, ALG_FTP, PROTOCOL_TCP},
    [DIALECT_H225] = {&alg_h225, ALG_H323, PROTOCOL_TCP},
    [DIALECT_H245] = {&alg_h245, ALG_H323, 0},
    [DIALECT_IRC] = {&alg_irc, ALG_IRC, PROTOCOL_TCP},
    [DIALECT_PPTP] = {&alg_pptp, ALG_PPTP, PROTOCOL_TCP},
    [DIALECT_RAS] = {&alg_ras, ALG_H323, PROTOCOL_UDP},
    [DIALECT_RTSP] = {&alg_rtsp, ALG_RTSP, PROTOCOL_TCP},
    [DIALECT_SIP] = {&alg_sip, ALG_SIP, PROTOCOL_UDP},
    [DIALECT_SIP_TCP] = {&alg_sip_tcp, ALG_SIP, PROTOCOL_TCP},
    [DIALECT_TFTP] = {&alg_tftp, ALG_TFTP, PROTOCOL_UDP},
};

const char *dialect_name(uint8_t dialect)
{
    return dialect == DIALECT_NONE || dialect >= DIALECT_COUNT ? "none" : dialects[dialect].alg->name;
}

uint8_t dialect_of(enum alg_name name, uint8_t protocol)
{
    for (uint8_t dialect = DIALECT_NONE + 1; name != ALG_NONE && dialect < DIALECT_COUNT; dialect++)
        if (dialects[dialect].name == name && dialects[dialect].protocol == protocol)
            return dialect;
    return DIALECT_NONE;
}

const struct alg *alg_of(uint8_t dialect)
{
    return dialects[dialect].alg;
}

void hearing_refuse(struct hearing *hearing, const char *why)
{
    if (hearing->refused == NULL)
        hearing->refused = why;
}

static struct family_order *order(struct hearing *hearing)
{
    if (hearing->order_count == HEARING_ORDERS_MAX) {
        hearing_refuse(hearing, "more announcements in one packet than anybody needs");
        return NULL;
    }
    struct family_order *next = &hearing->orders[hearing->order_count++];
    *next = (struct family_order){.kind = ORDER_EXPECT};
    return next;
}

void hearing_expect(struct hearing *hearing, const struct speech *speech, const struct expected *expected)
{
    bool ports = expected->protocol == PROTOCOL_TCP || expected->protocol == PROTOCOL_UDP;
    if (ports && expected->dst_port < ANNOUNCED_PORT_MIN) {
        hearing_refuse(hearing, "an announced port below 1024");
        return;
    }
    struct family_order *next = order(hearing);
    if (next == NULL)
        return;
    next->expected = *expected;
    if (next->expected.wait_ms == 0)
        next->expected.wait_ms = speech->wait_ms;
}

void hearing_withdraw_all(struct hearing *hearing, uint32_t tag, uint32_t any_bits, uint32_t grace_ms, bool lingers)
{
    struct family_order *next = order(hearing);
    if (next == NULL)
        return;
    next->kind = ORDER_WITHDRAW;
    next->tag = tag;
    next->any_bits = any_bits;
    next->grace_ms = grace_ms;
    next->lingers = lingers;
}

void hearing_withdraw(struct hearing *hearing, uint32_t tag, uint32_t grace_ms)
{
    hearing_withdraw_all(hearing, tag, 0, grace_ms, false);
}

void hearing_prolong(struct hearing *hearing, uint32_t tag, uint32_t any_bits, uint32_t wait_ms)
{
    struct family_order *next = order(hearing);
    if (next == NULL)
        return;
    next->kind = ORDER_PROLONG;
    next->tag = tag;
    next->any_bits = any_bits;
    next->wait_ms = wait_ms;
}

bool speech_own(const struct speech *speech, struct address address)
{
    return address_equal(address, speech->speaker) ||
           (speech->may_media != NULL && speech->may_media(speech->context, address));
}

uint32_t alg_tag(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint32_t tag = 2166136261u;
    for (size_t i = 0; i < length; i++)
        tag = (tag ^ at[i]) * 16777619u;
    return tag != 0 ? tag : 1;
}
