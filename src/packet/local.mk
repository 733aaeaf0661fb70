libengine_a_SOURCES += \
	src/packet/address.c \
	src/packet/address.h \
	src/packet/alg_name.c \
	src/packet/alg_name.h \
	src/packet/algs.def \
	src/packet/checksum.c \
	src/packet/checksum.h \
	src/packet/decode.c \
	src/packet/decode.h \
	src/packet/network.c \
	src/packet/network.h \
	src/packet/packet.h \
	src/packet/quote.c \
	src/packet/reason.c \
	src/packet/reason.h \
	src/packet/reasons.def \
	src/packet/reply.c \
	src/packet/reply.h \
	src/packet/timeouts.c \
	src/packet/timeouts.def \
	src/packet/timeouts.h \
	src/packet/transport.c \
	src/packet/transport.h \
	src/packet/tuple.c \
	src/packet/tuple.h \
	src/packet/verdict.c \
	src/packet/verdict.h
