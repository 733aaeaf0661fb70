libhost_a_SOURCES += \
	src/control/accept.c \
	src/control/accept.h \
	src/control/answer.c \
	src/control/answer.h \
	src/control/explain.c \
	src/control/explain.h \
	src/control/explain_text.c \
	src/control/explain_text.h \
	src/control/metrics.c \
	src/control/metrics.h \
	src/control/moving.c \
	src/control/moving.h \
	src/control/words.c \
	src/control/words.h
