#include "load/advise.h"

#include <stdio.h>

#include "analysis/findings.h"
#include "analysis/witness.h"
#include "base/text.h"

#define WITNESS_BYTES 300
#define BY_BYTES 1000

struct advice {
    struct diagnostics *diagnostics;
    const struct ruleset *ruleset;
};

/* "office.rules:9, office.rules:12 and others" */
static void add_by(struct text *text, const struct ruleset *ruleset, const struct finding *finding)
{
    for (unsigned i = 0; i < finding->by_count; i++) {
        const struct rule *rule = &ruleset->rules[finding->by[i]];
        text_add(text, "%s%s:%u", i > 0 ? ", " : "", rule->file, rule->line);
    }
    if (finding->more)
        text_add(text, " and others");
}

static void add_record(struct advice *advice, const struct finding *finding, const struct rule *rule,
                       enum severity severity, enum diagnostic_code code, const char *message)
{
    char witness_bytes[WITNESS_BYTES], by_bytes[BY_BYTES];
    struct text witness, by;
    text_init(&witness, witness_bytes, sizeof witness_bytes);
    text_init(&by, by_bytes, sizeof by_bytes);
    if (finding->has_witness)
        witness_to_text(&witness, advice->ruleset, &finding->witness, false);
    add_by(&by, advice->ruleset, finding);
    struct diagnostic record = {
        .severity = severity,
        .code = code,
        .file = rule->file,
        .line = rule->line,
        .column = 1,
        .width = 1,
        .witness = witness.length > 0 ? witness_bytes : NULL,
        .by = by.length > 0 ? by_bytes : NULL,
    };
    diagnostics_add(advice->diagnostics, &record, "%s%s%s%s%s", message, by.length > 0 ? " by " : "", by_bytes,
                    witness.length > 0 ? ", such as " : "", witness_bytes);
}

static void take(void *context, const struct finding *finding)
{
    static const struct {
        enum diagnostic_code code;
        const char *message;
    } words[] = {
        [FINDING_NEVER] = {CODE_FAMILY, "the rule can match no packet"},
        [FINDING_SHADOWED] = {CODE_SHADOWED, "no packet comes to this rule: all are taken"},
        [FINDING_REDUNDANT] = {CODE_REDUNDANT, "without this rule every packet would get the same verdict"},
        [FINDING_NO_CONTINUATION] = {CODE_NO_CONTINUATION,
                                     "the rule admits connections whose established packets nothing allows; leave `new` out, or "
                                     "allow `established` too"},
        [FINDING_NO_OPENER] = {CODE_NO_OPENER, "no rule admits such a connection; add the same rule with `new`, or leave the states out"},
        [FINDING_WIDE_SELF] = {CODE_WIDE_SELF, "`to any` opens the gateway itself too, because `input` is hooked; write `to !self`"},
        [FINDING_EXPIRED] = {CODE_EXPIRED, "the rule's last day is over: it matches nothing any more"},
    };
    struct advice *advice = context;
    add_record(advice, finding, &advice->ruleset->rules[finding->rule], SEVERITY_WARNING, words[finding->kind].code,
               words[finding->kind].message);
}

struct findings_left advise(struct diagnostics *diagnostics, const struct ruleset *ruleset, int32_t today)
{
    struct advice advice = {diagnostics, ruleset};
    struct findings_left left = findings_of(ruleset, today, take, &advice);
    diagnostics_sort(diagnostics);
    return left;
}

static void take_protection(void *context, const struct finding *finding)
{
    struct advice *advice = context;
    add_record(advice, finding, &advice->ruleset->protects[finding->rule], SEVERITY_ERROR, CODE_PROTECT,
               "the rules do not allow all that is protected here");
}

void advise_protection(struct diagnostics *diagnostics, const struct ruleset *ruleset, int32_t today)
{
    struct advice advice = {diagnostics, ruleset};
    findings_of_protection(ruleset, today, take_protection, &advice);
}
