/* What the terminal can, by its description. Apart, because <term.h> makes macros of many common words. */
#ifndef CTL_TERMINAL_H
#define CTL_TERMINAL_H

#include <stdbool.h>

/* Can the cursor be moved on standard output's terminal? It has said why not. */
bool terminal_moves(void);

#endif
