# The kernel's connection tracker and spid on the same packets.
check_PROGRAMS += tests/differential/differential tests/differential/fragments
tests_differential_differential_SOURCES = \
	tests/differential/dialogue.c \
	tests/differential/dialogue.h \
	tests/differential/differential.c \
	tests/differential/explain.c \
	tests/differential/explain.h \
	tests/differential/kernel.c \
	tests/differential/kernel.h \
	tests/unit/allow_all.h \
	tests/unit/build.c \
	tests/unit/build.h
tests_differential_differential_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) $(MNL_CFLAGS) $(NFQ_CFLAGS) $(PCAP_CFLAGS)
tests_differential_differential_LDADD = libhost.a libengine.a $(NFQ_LIBS) $(MNL_LIBS) $(PCAP_LIBS) $(JANSSON_LIBS) $(EV_LIBS)
tests_differential_fragments_SOURCES = \
	tests/differential/fragments.c \
	tests/differential/kernel.c \
	tests/differential/kernel.h
tests_differential_fragments_CPPFLAGS = $(tests_differential_differential_CPPFLAGS)
tests_differential_fragments_LDADD = $(tests_differential_differential_LDADD)
# The fast path and the engine alone on the same packets.
check_PROGRAMS += tests/differential/fastpath
tests_differential_fastpath_SOURCES = \
	tests/differential/dialogue.c \
	tests/differential/dialogue.h \
	tests/differential/fastpath.c \
	tests/unit/allow_all.h \
	tests/unit/build.c \
	tests/unit/build.h
tests_differential_fastpath_CPPFLAGS = $(tests_differential_differential_CPPFLAGS)
tests_differential_fastpath_LDADD = $(tests_differential_differential_LDADD) $(BPF_LIBS)
dist_check_SCRIPTS += tests/differential/run.sh tests/differential/fastpath.sh
TESTS += tests/differential/run.sh tests/differential/fastpath.sh
CLEANFILES += differential.files
