libengine_a_SOURCES += \
	src/alg/alg.c \
	src/alg/alg.h \
	src/alg/ftp.c \
	src/alg/lines.c \
	src/alg/lines.h \
	src/alg/stream.c \
	src/alg/stream.h
