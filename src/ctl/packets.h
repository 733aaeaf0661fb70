/* Packets and their verdicts, a line each: `drops`, `trace`. */
#ifndef CTL_PACKETS_H
#define CTL_PACKETS_H

#include <jansson.h>

/* The answer to `drops`. */
void packets_show_drops(const json_t *answer);

/* One line of `trace`: a packet, how many were left out, or that it begins. */
void packets_show_traced(const json_t *line);

#endif
