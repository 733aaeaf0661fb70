libengine_a_SOURCES += \
	src/alg/alg.c \
	src/alg/alg.h \
	src/alg/ftp.c \
	src/alg/headers.c \
	src/alg/headers.h \
	src/alg/irc.c \
	src/alg/lines.c \
	src/alg/lines.h \
	src/alg/rtsp.c \
	src/alg/sdp.c \
	src/alg/sdp.h \
	src/alg/sip.c \
	src/alg/sip_message.c \
	src/alg/sip_message.h \
	src/alg/stream.c \
	src/alg/stream.h \
	src/alg/tftp.c
