libhost_a_SOURCES += \
	src/control/answer.c \
	src/control/answer.h \
	src/control/explain.c \
	src/control/explain.h
