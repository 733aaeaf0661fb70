libengine_a_SOURCES += \
	src/state/call.c \
	src/state/call.h \
	src/state/connection.h \
	src/state/datagram.c \
	src/state/datagram.h \
	src/state/departed.c \
	src/state/departed.h \
	src/state/family.c \
	src/state/family.h \
	src/state/icmp_error.c \
	src/state/icmp_error.h \
	src/state/limit.c \
	src/state/limit.h \
	src/state/sctp.c \
	src/state/sctp.h \
	src/state/session.c \
	src/state/session.h \
	src/state/stream.c \
	src/state/stream.h \
	src/state/table.c \
	src/state/table.h \
	src/state/tally.c \
	src/state/tally.h \
	src/state/tcp.c \
	src/state/tcp.h \
	src/state/tcp_loose.c \
	src/state/tcp_window.c
