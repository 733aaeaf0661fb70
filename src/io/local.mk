libhost_a_SOURCES += \
	src/io/capture.c \
	src/io/capture.h \
	src/io/link.c \
	src/io/link.h \
	src/io/reassemble.c \
	src/io/reassemble.h
