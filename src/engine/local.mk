libengine_a_SOURCES += \
	src/engine/engine.c \
	src/engine/engine.h \
	src/engine/entry.c \
	src/engine/entry.h \
	src/engine/listen.c \
	src/engine/listen.h \
	src/engine/offload.c \
	src/engine/offload.h \
	src/engine/opener.c \
	src/engine/opener.h \
	src/engine/passage.c \
	src/engine/passage.h \
	src/engine/screen.c \
	src/engine/screen.h \
	src/engine/selftest.c \
	src/engine/selftest.h
