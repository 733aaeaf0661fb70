libhost_a_SOURCES += \
	src/load/load.c \
	src/load/load.h
