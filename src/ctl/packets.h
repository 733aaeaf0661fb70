/* Packets and their verdicts, a line each: `drops`, `trace`. */
#ifndef CTL_PACKETS_H
#define CTL_PACKETS_H

struct given;

/* Each returns the exit status. */
int packets_drops_run(const struct given *given);
int packets_trace_run(const struct given *given);

#endif
