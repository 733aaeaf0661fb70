libhost_a_SOURCES += \
	src/load/civil.c \
	src/load/civil.h \
	src/load/load.c \
	src/load/load.h
