/* How an address and a rule look in JSON, in every answer and event. */
#ifndef CONTROL_WORDS_H
#define CONTROL_WORDS_H

#include <jansson.h>

#include "packet/address.h"
#include "rules/ruleset.h"

/* As text. */
json_t *words_address(struct address address);

/* TEXT; null where there is none, or it is not UTF-8, as a file's name need not be. */
json_t *words_string(const char *text);

/* "FILE:LINE" of RULE, and its `as`; null where RULE is NULL, and where it has no name. */
json_t *words_place(const struct rule *rule);
json_t *words_name(const struct rule *rule);

/* The rule with this index; NULL for RULE_DEFAULT. */
const struct rule *words_rule(const struct ruleset *ruleset, uint32_t index);

#endif
