/*
 * An explained decision for people. Knows nothing but the JSON, so that spid and spidctl print the same.
 */
#ifndef CONTROL_EXPLAIN_TEXT_H
#define CONTROL_EXPLAIN_TEXT_H

#include <jansson.h>

/* Prints the ANSWER of explain_answer to standard output. */
void explain_print(const json_t *answer);

#endif
