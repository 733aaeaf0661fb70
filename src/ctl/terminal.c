#include "ctl/terminal.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <term.h>

bool terminal_moves(void)
{
    int error;
    const char *name = getenv("TERM");
    bool moves = false;
    if (setupterm(NULL, STDOUT_FILENO, &error) == OK) {
        const char *move = tigetstr("cup");
        moves = move != NULL && move != (const char *)-1;
        del_curterm(cur_term);
    }
    if (moves)
        return true;
    fprintf(stderr, "spidctl: 'top' cannot be drawn on this terminal (TERM is '%s'); set TERM to what it is, or use "
                    "'spidctl --json top'\n", name != NULL ? name : "");
    return false;
}
