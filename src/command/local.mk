libhost_a_SOURCES += \
	src/command/check.c \
	src/command/check.h \
	src/command/checklist.c \
	src/command/checklist.h \
	src/command/diff.c \
	src/command/diff.h \
	src/command/explain.c \
	src/command/explain.h \
	src/command/lockdown.c \
	src/command/lockdown.h \
	src/command/machine.c \
	src/command/machine.h \
	src/command/preflight.c \
	src/command/preflight.h \
	src/command/probe.c \
	src/command/probe.h \
	src/command/replay.c \
	src/command/replay.h \
	src/command/report.c \
	src/command/report.h
