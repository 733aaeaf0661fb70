libengine_a_SOURCES += \
	src/packet/address.c \
	src/packet/address.h \
	src/packet/checksum.h \
	src/packet/decode.h \
	src/packet/packet.h \
	src/packet/reason.c \
	src/packet/reason.h \
	src/packet/reasons.def \
	src/packet/reply.h \
	src/packet/timeouts.c \
	src/packet/timeouts.def \
	src/packet/timeouts.h \
	src/packet/tuple.c \
	src/packet/tuple.h \
	src/packet/verdict.c \
	src/packet/verdict.h
