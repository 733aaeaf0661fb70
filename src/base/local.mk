libengine_a_SOURCES += \
	src/base/arena.c \
	src/base/arena.h \
	src/base/mapping.c \
	src/base/mapping.h \
	src/base/path.c \
	src/base/path.h \
	src/base/reader.h \
	src/base/ring.h \
	src/base/siphash.c \
	src/base/siphash.h \
	src/base/text.c \
	src/base/text.h
