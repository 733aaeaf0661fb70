/* `top`: the connections that come first, live. */
#ifndef CTL_TOP_H
#define CTL_TOP_H

struct given;

/* Returns the exit status. */
int top_run(const struct given *given);

/* The live view on the terminal; the exit status. Without ncurses it says that there is none. */
int top_screen_run(const struct given *given);

#endif
