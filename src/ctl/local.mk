spidctl_SOURCES += \
	src/ctl/ask.c \
	src/ctl/ask.h \
	src/ctl/columns.c \
	src/ctl/columns.h \
	src/ctl/commands.c \
	src/ctl/commands.h \
	src/ctl/explain.c \
	src/ctl/explain.h \
	src/ctl/failure.c \
	src/ctl/failure.h \
	src/ctl/field.c \
	src/ctl/field.h \
	src/ctl/figures.c \
	src/ctl/figures.h \
	src/ctl/packets.c \
	src/ctl/packets.h \
	src/ctl/rules.c \
	src/ctl/rules.h \
	src/ctl/sets.c \
	src/ctl/sets.h \
	src/ctl/states.c \
	src/ctl/states.h \
	src/ctl/status.c \
	src/ctl/status.h \
	src/ctl/top.c \
	src/ctl/top.h \
	src/ctl/top_view.c \
	src/ctl/top_view.h \
	src/ctl/trial.c \
	src/ctl/trial.h

if HAVE_NCURSES
spidctl_SOURCES += src/ctl/terminal.c src/ctl/terminal.h src/ctl/top_screen.c
else
spidctl_SOURCES += src/ctl/top_absent.c
endif
