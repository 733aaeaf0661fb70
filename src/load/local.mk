libhost_a_SOURCES += \
	src/load/advise.c \
	src/load/advise.h \
	src/load/civil.c \
	src/load/civil.h \
	src/load/load.c \
	src/load/load.h
