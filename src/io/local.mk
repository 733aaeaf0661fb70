libhost_a_SOURCES += \
	src/io/capture.c \
	src/io/capture.h \
	src/io/hook.c \
	src/io/hook.h \
	src/io/inject.c \
	src/io/inject.h \
	src/io/interfaces.c \
	src/io/interfaces.h \
	src/io/link.c \
	src/io/link.h \
	src/io/local_socket.c \
	src/io/local_socket.h \
	src/io/nfqueue.c \
	src/io/nfqueue.h \
	src/io/outlet.c \
	src/io/outlet.h \
	src/io/owner.c \
	src/io/owner.h \
	src/io/pcapng.c \
	src/io/pcapng.h \
	src/io/reassemble.c \
	src/io/reassemble.h \
	src/io/resolver.c \
	src/io/resolver.h
