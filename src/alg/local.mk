libengine_a_SOURCES += \
	src/alg/alg.c \
	src/alg/alg.h \
	src/alg/channels.c \
	src/alg/channels.h \
	src/alg/ftp.c \
	src/alg/h225.c \
	src/alg/h225_types.c \
	src/alg/h225_types.h \
	src/alg/h245.c \
	src/alg/h245_message.c \
	src/alg/h245_message.h \
	src/alg/irc.c \
	src/alg/lines.c \
	src/alg/lines.h \
	src/alg/per.c \
	src/alg/per.h \
	src/alg/pptp.c \
	src/alg/ras.c \
	src/alg/rtsp.c \
	src/alg/stream.c \
	src/alg/stream.h \
	src/alg/tftp.c \
	src/alg/tpkt.c \
	src/alg/tpkt.h
