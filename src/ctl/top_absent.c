/* In place of the live view where ncurses is missing. */
#include <stdio.h>

#include "ctl/top.h"

int top_screen_run(const struct given *given)
{
    (void)given;
    fprintf(stderr, "spidctl: this spidctl was built without ncurses and has no live view; 'spidctl --json top' tells the same, a "
                    "line a second\n");
    return 1;
}
