/* The commands of spidctl: one row each, from which its usage and its help are written. */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "ctl/ask.h"

/* Options that belong to some commands only. */
enum command_option { OPTION_NUMBER = 0x1, OPTION_CONFIRM = 0x2, OPTION_DRY_RUN = 0x4, OPTION_OPEN = 0x8 };

struct command {
    const char *name;
    const char *arguments; /* what stands behind it */
    unsigned options;      /* enum command_option */
    const char *what;      /* one line, or several; those that begin with '-' are its options */
    const char *more;      /* for its own help: paragraphs and examples; NULL: nothing */
    int (*run)(const struct given *given); /* returns the exit status */
};

/* NULL: there is none of that name. */
const struct command *commands_find(const char *name);

/* Says that there is no command NAME, and which one may be meant; the exit status. */
int commands_unknown(const char *name);

/* A command that takes OPTION. */
const struct command *commands_taking(enum command_option option);

/* The usage of the program; the help of one command. */
void commands_usage(void);
void commands_help(const struct command *command);

#endif
