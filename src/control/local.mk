libhost_a_SOURCES += \
	src/control/answer.c \
	src/control/answer.h
