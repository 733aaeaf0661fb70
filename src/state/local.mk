libengine_a_SOURCES += \
	src/state/connection.h \
	src/state/datagram.h \
	src/state/icmp_error.h \
	src/state/sctp.h \
	src/state/session.c \
	src/state/session.h \
	src/state/table.c \
	src/state/table.h \
	src/state/tcp.h
