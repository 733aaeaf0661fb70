/* The fields of the daemon's answers, as they are shown. */
#ifndef CTL_FIELD_H
#define CTL_FIELD_H

#include <jansson.h>

/* "-" where there is no such text; borrowed from OBJECT. */
const char *text_of(const json_t *object, const char *key);

/* 0 where there is no such number. */
long long number_of(const json_t *object, const char *key);

#endif
