libengine_a_SOURCES += \
	src/alg/alg.c \
	src/alg/alg.h \
	src/alg/ftp.c \
	src/alg/irc.c \
	src/alg/lines.c \
	src/alg/lines.h \
	src/alg/pptp.c \
	src/alg/rtsp.c \
	src/alg/stream.c \
	src/alg/stream.h \
	src/alg/tftp.c
