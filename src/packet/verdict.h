/*
 * The words in which spid speaks about a packet: the state it is in and what is done with it. Rules name them, the
 * engine decides them, every output prints them.
 */
#ifndef PACKET_VERDICT_H
#define PACKET_VERDICT_H

/* The state of a packet. STATE_NONE: the packet is no well-formed one, no rule was asked. */
enum packet_state { STATE_NONE, STATE_NEW, STATE_ESTABLISHED, STATE_RELATED, STATE_INVALID, STATE_COUNT };

/* A set of states, as a rule holds it. */
#define STATE_BIT(state) (1u << (state))
#define STATES_BY_DEFAULT (STATE_BIT(STATE_NEW) | STATE_BIT(STATE_ESTABLISHED) | STATE_BIT(STATE_RELATED))

/* What a rule does. ACTION_AUDIT is never a verdict: it logs, and the reading goes on. */
enum action { ACTION_DENY, ACTION_ALLOW, ACTION_REJECT, ACTION_AUDIT, ACTION_COUNT };

/* "new", "established", "related", "invalid"; "none" for STATE_NONE. */
const char *state_name(enum packet_state state);

/* "allow", "deny", "reject", "audit". */
const char *action_name(enum action action);

/* The kernel's chains whose packets can be queued. */
enum chain { CHAIN_FORWARD, CHAIN_INPUT, CHAIN_OUTPUT, CHAIN_COUNT };
#define CHAIN_BIT(chain) (1u << (chain))

/* "forward", "input", "output". */
const char *chain_name(enum chain chain);

#endif
