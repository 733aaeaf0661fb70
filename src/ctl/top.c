#include "ctl/top.h"

#include <stdio.h>
#include <unistd.h>

#include "ctl/ask.h"

int top_run(const struct given *given)
{
    if (given->json) {
        setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
        return ask(given, ask_request(given, "filter"), "filter", NULL);
    }
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        return top_screen_run(given);
    fprintf(stderr, "spidctl: 'top' needs a terminal; 'spidctl --json top' tells the same, a line a second\n");
    return 1;
}
