# Unit tests, one program a noun. They need libcheck.
if HAVE_CHECK
UNIT_LIBS = libengine.a $(CHECK_LIBS)
# Packets for tests; whoever uses it lists it among his sources.
UNIT_BUILD = tests/unit/build.c tests/unit/build.h

UNIT_TESTS = \
	tests/unit/test_accept \
	tests/unit/test_analysis \
	tests/unit/test_base \
	tests/unit/test_batch \
	tests/unit/test_classifier \
	tests/unit/test_classify \
	tests/unit/test_ctl \
	tests/unit/test_events \
	tests/unit/test_family \
	tests/unit/test_host \
	tests/unit/test_ledger \
	tests/unit/test_inherit \
	tests/unit/test_members \
	tests/unit/test_moving \
	tests/unit/test_neighbours \
	tests/unit/test_packet \
	tests/unit/test_packet_decode \
	tests/unit/test_packet_quote \
	tests/unit/test_per \
	tests/unit/test_preview \
	tests/unit/test_privileges \
	tests/unit/test_sink \
	tests/unit/test_stream \
	tests/unit/test_table \
	tests/unit/test_tally \
	tests/unit/test_tcp

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)

tests_unit_test_accept_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_accept_LDADD = libhost.a $(CHECK_LIBS)
tests_unit_test_analysis_SOURCES = tests/unit/test_analysis.c tests/unit/world.c tests/unit/world.h
tests_unit_test_analysis_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_analysis_LDADD = libparser.a $(UNIT_LIBS)
tests_unit_test_base_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_base_LDADD = $(UNIT_LIBS)
tests_unit_test_batch_SOURCES = tests/unit/test_batch.c tests/unit/random_rules.c tests/unit/random_rules.h $(UNIT_BUILD)
tests_unit_test_batch_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) $(CHECK_CFLAGS)
tests_unit_test_batch_LDADD = libparser.a $(UNIT_LIBS)
tests_unit_test_classifier_SOURCES = tests/unit/test_classifier.c tests/unit/random_rules.c tests/unit/random_rules.h
tests_unit_test_classifier_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) $(CHECK_CFLAGS)
tests_unit_test_classifier_LDADD = libparser.a $(UNIT_LIBS)
tests_unit_test_classify_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_classify_LDADD = $(UNIT_LIBS)
tests_unit_test_ctl_SOURCES = tests/unit/test_ctl.c src/ctl/columns.c src/ctl/columns.h src/ctl/field.c src/ctl/field.h \
	src/ctl/ask.c src/ctl/ask.h src/ctl/states.c src/ctl/states.h src/ctl/top_view.c src/ctl/top_view.h
tests_unit_test_ctl_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_ctl_LDADD = $(CHECK_LIBS) $(JANSSON_LIBS)
tests_unit_test_events_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_events_LDADD = libhost.a $(UNIT_LIBS) $(JANSSON_LIBS)
tests_unit_test_family_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_family_LDADD = $(UNIT_LIBS)
tests_unit_test_ledger_SOURCES = tests/unit/test_ledger.c tests/unit/random_rules.c tests/unit/random_rules.h
tests_unit_test_ledger_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_ledger_LDADD = $(spid_LDADD) $(CHECK_LIBS)
tests_unit_test_inherit_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_inherit_LDADD = $(UNIT_LIBS)
tests_unit_test_members_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_members_LDADD = $(spid_LDADD) $(CHECK_LIBS)
tests_unit_test_moving_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_moving_LDADD = $(UNIT_LIBS)
tests_unit_test_neighbours_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(MNL_CFLAGS)
tests_unit_test_neighbours_LDADD = libhost.a libengine.a $(MNL_LIBS) $(CHECK_LIBS)
tests_unit_test_packet_SOURCES = tests/unit/test_packet.c $(UNIT_BUILD)
tests_unit_test_packet_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_packet_LDADD = $(UNIT_LIBS)
tests_unit_test_packet_decode_SOURCES = tests/unit/test_packet_decode.c $(UNIT_BUILD)
tests_unit_test_packet_decode_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_packet_decode_LDADD = $(UNIT_LIBS)
tests_unit_test_packet_quote_SOURCES = tests/unit/test_packet_quote.c $(UNIT_BUILD)
tests_unit_test_packet_quote_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_packet_quote_LDADD = $(UNIT_LIBS)
tests_unit_test_per_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_per_LDADD = $(UNIT_LIBS)
tests_unit_test_preview_SOURCES = tests/unit/test_preview.c tests/unit/random_rules.c tests/unit/random_rules.h
tests_unit_test_preview_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_preview_LDADD = $(spid_LDADD) $(CHECK_LIBS)
tests_unit_test_privileges_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_privileges_LDADD = $(spid_LDADD) $(CHECK_LIBS)
tests_unit_test_sink_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(PCAP_CFLAGS)
tests_unit_test_sink_LDADD = libhost.a $(UNIT_LIBS) $(PCAP_LIBS)
tests_unit_test_stream_SOURCES = tests/unit/test_stream.c tests/unit/recital.c tests/unit/recital.h
tests_unit_test_stream_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) -I$(top_srcdir)
tests_unit_test_stream_LDADD = $(UNIT_LIBS)
tests_unit_test_table_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_table_LDADD = $(UNIT_LIBS)
tests_unit_test_host_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS) $(PCAP_CFLAGS)
tests_unit_test_host_LDADD = libhost.a $(UNIT_LIBS) $(JANSSON_LIBS) $(NFQ_LIBS) $(MNL_LIBS) $(PCAP_LIBS)
tests_unit_test_tally_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tally_LDADD = $(UNIT_LIBS)
tests_unit_test_tcp_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tcp_LDADD = $(UNIT_LIBS)
endif
