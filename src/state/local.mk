libengine_a_SOURCES += \
	src/state/call.c \
	src/state/call.h \
	src/state/connection.h \
	src/state/datagram.c \
	src/state/datagram.h \
	src/state/departed.c \
	src/state/departed.h \
	src/state/estate.c \
	src/state/estate.h \
	src/state/family.c \
	src/state/family.h \
	src/state/family_inherit.c \
	src/state/family_inherit.h \
	src/state/family_private.h \
	src/state/icmp_error.c \
	src/state/icmp_error.h \
	src/state/inherit.c \
	src/state/inherit.h \
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

# A number for the layout of what outlasts the daemon (state/estate.h): made from the text, so nobody forgets to change it.
STATE_LAYOUT_FILES = \
	$(srcdir)/src/alg/alg.h \
	$(srcdir)/src/packet/address.h \
	$(srcdir)/src/packet/alg_name.h \
	$(srcdir)/src/packet/algs.def \
	$(srcdir)/src/packet/packet.h \
	$(srcdir)/src/packet/tuple.h \
	$(srcdir)/src/packet/verdict.h \
	$(srcdir)/src/daemon/members.c \
	$(srcdir)/src/state/connection.h \
	$(srcdir)/src/state/estate.c \
	$(srcdir)/src/state/estate.h \
	$(srcdir)/src/state/family_private.h \
	$(srcdir)/src/state/family.h \
	$(srcdir)/src/state/stream.h
src/state/layout.h: $(srcdir)/src/state/layout.sh $(STATE_LAYOUT_FILES)
	$(AM_V_GEN)$(MKDIR_P) src/state && sh $(srcdir)/src/state/layout.sh $(STATE_LAYOUT_FILES) > $@-t && mv $@-t $@
BUILT_SOURCES += src/state/layout.h
CLEANFILES += src/state/layout.h
EXTRA_DIST += src/state/layout.sh
