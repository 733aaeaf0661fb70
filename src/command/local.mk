libhost_a_SOURCES += \
	src/command/check.c \
	src/command/check.h \
	src/command/diff.c \
	src/command/diff.h \
	src/command/explain.c \
	src/command/explain.h \
	src/command/lockdown.c \
	src/command/lockdown.h \
	src/command/replay.c \
	src/command/replay.h \
	src/command/report.c \
	src/command/report.h
