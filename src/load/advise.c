#include "load/advise.h"

#include <stdlib.h>

#include "analysis/findings.h"
#include "analysis/witness.h"
#include "base/text.h"
#include "parser/source.h"

#define WITNESS_BYTES 300
#define BY_BYTES 1000
#define MESSAGE_BYTES 1800

struct advice {
    struct diagnostics *diagnostics;
    const struct ruleset *ruleset;
};

/* What is said of one finding, while it is put together. */
struct words {
    char message_bytes[MESSAGE_BYTES], witness_bytes[WITNESS_BYTES], by_bytes[BY_BYTES];
    struct text message, witness, by;
    const char *mend; /* a line that would do, or NULL */
};

/* office.rules:9 "web" */
static void add_rule(struct text *text, const struct rule *rule)
{
    text_add(text, "%s:%u", rule->file, rule->line);
    if (rule->name != NULL)
        text_add(text, " \"%s\"", rule->name);
}

/* One more rule that has to do with it; the machine's list is without names. */
static void note_by(struct words *words, const struct rule *rule)
{
    text_add(&words->by, "%s%s:%u", words->by.length > 0 ? ", " : "", rule->file, rule->line);
}

static void say_shadowed(struct advice *advice, const struct finding *finding, struct words *words)
{
    text_add(&words->message, "no packet comes to this rule: ");
    for (unsigned i = 0; i < finding->by_count; i++) {
        const char *between = i == 0 ? "" : i + 1 == finding->by_count && !finding->more ? " and " : ", ";
        text_add(&words->message, "%s", between);
        add_rule(&words->message, &advice->ruleset->rules[finding->by[i]]);
        note_by(words, &advice->ruleset->rules[finding->by[i]]);
    }
    text_add(&words->message, "%s %s all, such as %s; remove it, or move it above", finding->more ? " and others" : "",
             finding->by_count == 1 ? "takes them" : "together take them", words->witness_bytes);
}

/* Who denies the witness: " by office.rules:9", or " by default". The rule, or NULL. */
static const struct rule *say_denied(struct advice *advice, const struct finding *finding, struct words *words)
{
    uint32_t decider;
    enum action action;
    const struct ruleset *ruleset = advice->ruleset;
    if (!witness_classify(ruleset, &finding->witness, &decider, &action))
        abort(); /* as an arena does */
    if (decider == RULE_DEFAULT) {
        text_add(&words->message, " by default");
        return NULL;
    }
    text_add(&words->message, " by ");
    add_rule(&words->message, &ruleset->rules[decider]);
    note_by(words, &ruleset->rules[decider]);
    return &ruleset->rules[decider];
}

static void say_above(struct words *words, const struct rule *decider)
{
    if (decider != NULL)
        text_add(&words->message, ", above %s:%u", decider->file, decider->line);
}

static void say_no_continuation(struct advice *advice, const struct finding *finding, struct words *words)
{
    const struct rule *own = &advice->ruleset->rules[finding->rule];
    text_add(&words->message, "the rule admits connections that cannot go on: %s is denied", words->witness_bytes);
    const struct rule *decider = say_denied(advice, finding, words);
    if (own->states & STATE_BIT(STATE_ESTABLISHED)) {
        /* It speaks of them, but comes too late: so a rule it is that denies. */
        text_add(&words->message, "; put this rule where it is read first");
        say_above(words, decider);
        return;
    }
    words->mend = own->opening;
    text_add(&words->message, "; write it without states: %s", own->opening);
    if (decider != NULL && decider < own)
        say_above(words, decider);
}

static void say_no_opener(struct advice *advice, const struct finding *finding, struct words *words)
{
    words->mend = advice->ruleset->rules[finding->rule].opening;
    text_add(&words->message, "no rule admits such a connection: %s is denied", words->witness_bytes);
    const struct rule *decider = say_denied(advice, finding, words);
    text_add(&words->message, "; to admit them add the line: %s", words->mend);
    say_above(words, decider);
}

static void say_redundant(struct advice *advice, const struct finding *finding, struct words *words)
{
    static const char *const nothing[ACTION_COUNT] = {[ACTION_DENY] = "denies nothing that would pass",
                                                      [ACTION_ALLOW] = "allows nothing that would not pass",
                                                      [ACTION_REJECT] = "rejects nothing that would not be rejected"};
    const struct rule *rules = advice->ruleset->rules;
    if (finding->by_count == 0) {
        text_add(&words->message, "without this rule every packet would get the same verdict, such as %s; remove it",
                 words->witness_bytes);
        return;
    }
    text_add(&words->message, "the rule %s without it: ", nothing[rules[finding->rule].action]);
    add_rule(&words->message, &rules[finding->by[0]]);
    note_by(words, &rules[finding->by[0]]);
    text_add(&words->message, " takes %s first; move this rule above it", words->witness_bytes);
}

static void say(struct advice *advice, const struct finding *finding, struct words *words)
{
    struct text *message = &words->message;
    const struct rule *own = &advice->ruleset->rules[finding->rule];
    switch (finding->kind) {
    case FINDING_NEVER:
        text_add(message, "the rule can match no packet: its source, destination, services and flags have none in common; mend or "
                          "remove it");
        break;
    case FINDING_SHADOWED:
        say_shadowed(advice, finding, words);
        break;
    case FINDING_REDUNDANT:
        say_redundant(advice, finding, words);
        break;
    case FINDING_NO_CONTINUATION:
        say_no_continuation(advice, finding, words);
        break;
    case FINDING_NO_OPENER:
        say_no_opener(advice, finding, words);
        break;
    case FINDING_WIDE_SELF:
        text_add(message, "this opens the gateway itself too, because 'input' is hooked, such as %s; write 'to %s'",
                 words->witness_bytes, own->outward != NULL ? own->outward : "!self");
        break;
    case FINDING_NO_ALG:
        text_add(message, "nobody listens to what such a connection announces, and what it announces is denied where no rule opens "
                          "it: %s; write a rule for these services with 'alg %s'",
                 words->witness_bytes, alg_name_text(finding->alg));
        break;
    case FINDING_WIDE_ALG:
        text_add(message, "anybody may have ports opened by anybody with 'alg %s', such as %s; name the clients or the servers",
                 alg_name_text(own->alg->name), words->witness_bytes);
        break;
    case FINDING_EXPIRED:
        text_add(message, "the rule's last day is over, it matches nothing any more; remove it, or give it another day");
        break;
    case FINDING_PROTECT:
        break;
    }
}

static void words_init(struct words *words, const struct advice *advice, const struct finding *finding)
{
    words->mend = NULL;
    text_init(&words->message, words->message_bytes, sizeof words->message_bytes);
    text_init(&words->witness, words->witness_bytes, sizeof words->witness_bytes);
    text_init(&words->by, words->by_bytes, sizeof words->by_bytes);
    if (finding->has_witness)
        witness_to_text(&words->witness, advice->ruleset, &finding->witness, false);
}

static void report(struct advice *advice, const struct words *words, struct diagnostic record)
{
    record.witness = words->witness.length > 0 ? words->witness_bytes : NULL;
    record.by = words->by.length > 0 ? words->by_bytes : NULL;
    record.mend = words->mend;
    diagnostics_add(advice->diagnostics, &record, "%s", words->message_bytes);
}

static void take(void *context, const struct finding *finding)
{
    static const enum diagnostic_code codes[] = {
        [FINDING_NEVER] = CODE_NEVER,
        [FINDING_SHADOWED] = CODE_SHADOWED,
        [FINDING_REDUNDANT] = CODE_REDUNDANT,
        [FINDING_NO_CONTINUATION] = CODE_NO_CONTINUATION,
        [FINDING_NO_OPENER] = CODE_NO_OPENER,
        [FINDING_WIDE_SELF] = CODE_WIDE_SELF,
        [FINDING_NO_ALG] = CODE_NO_ALG,
        [FINDING_WIDE_ALG] = CODE_WIDE_ALG,
        [FINDING_EXPIRED] = CODE_EXPIRED,
    };
    struct advice *advice = context;
    struct words words;
    words_init(&words, advice, finding);
    say(advice, finding, &words);
    report(advice, &words, quote_record(advice->ruleset->rules[finding->rule].quote, SEVERITY_WARNING, codes[finding->kind]));
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
    const struct rule *protected = &advice->ruleset->protects[finding->rule];
    const struct rule *decider = NULL;
    struct words words;
    words_init(&words, advice, finding);
    if (finding->refused) {
        text_add(&words.message, "antispoof does not let in all that is protected here: %s is refused, as its network is another zone's; "
                                 "name the zone that it comes from",
                 words.witness_bytes);
        report(advice, &words, quote_record(protected->quote, SEVERITY_ERROR, CODE_PROTECT));
        return;
    }
    if (finding->has_witness) {
        text_add(&words.message, "the rules do not allow all that is protected here: %s is denied", words.witness_bytes);
        decider = say_denied(advice, finding, &words);
    } else {
        text_add(&words.message, "it cannot be proved within the bounds that the rules allow all that is protected here");
    }
    words.mend = protected->opening;
    text_add(&words.message, "; to allow it add the line: %s", words.mend);
    if (!finding->has_witness)
        text_add(&words.message, ", at the top");
    say_above(&words, decider);
    report(advice, &words, quote_record(protected->quote, SEVERITY_ERROR, CODE_PROTECT));
}

void advise_protection(struct diagnostics *diagnostics, const struct ruleset *ruleset, int32_t today)
{
    struct advice advice = {diagnostics, ruleset};
    findings_of_protection(ruleset, today, take_protection, &advice);
}
