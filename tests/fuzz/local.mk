# Fuzz drivers: tests/fuzz/fuzz_NAME.c holds LLVMFuzzerTestOneInput, its corpus lies in tests/fuzz/corpus/NAME, and what
# it ever found in tests/bogons/NAME. `make check` runs both through a plain main. To search for more, with clang:
#   clang -g -O1 -fsanitize=fuzzer,address,undefined -Isrc tests/fuzz/fuzz_decode.c src/packet/*.c src/base/*.c
FUZZ_MAIN = tests/fuzz/run_corpus.c
FUZZERS =

FUZZERS += tests/fuzz/fuzz_decode
tests_fuzz_fuzz_decode_SOURCES = tests/fuzz/fuzz_decode.c $(FUZZ_MAIN)
tests_fuzz_fuzz_decode_LDADD = libengine.a

FUZZERS += tests/fuzz/fuzz_estate
tests_fuzz_fuzz_estate_SOURCES = tests/fuzz/fuzz_estate.c $(FUZZ_MAIN)
tests_fuzz_fuzz_estate_LDADD = libengine.a

# One for each ALG; their corpora are written by make-alg-corpus.py.
FUZZ_DIALOGUE = tests/fuzz/dialogue.c tests/fuzz/dialogue.h $(FUZZ_MAIN)

FUZZERS += tests/fuzz/fuzz_ftp
tests_fuzz_fuzz_ftp_SOURCES = tests/fuzz/fuzz_ftp.c $(FUZZ_DIALOGUE)
tests_fuzz_fuzz_ftp_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_ftp_LDADD = libengine.a
FUZZERS += tests/fuzz/fuzz_h225
tests_fuzz_fuzz_h225_SOURCES = tests/fuzz/fuzz_h225.c $(FUZZ_DIALOGUE)
tests_fuzz_fuzz_h225_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_h225_LDADD = libengine.a
FUZZERS += tests/fuzz/fuzz_h245
tests_fuzz_fuzz_h245_SOURCES = tests/fuzz/fuzz_h245.c $(FUZZ_DIALOGUE)
tests_fuzz_fuzz_h245_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_h245_LDADD = libengine.a
FUZZERS += tests/fuzz/fuzz_irc
tests_fuzz_fuzz_irc_SOURCES = tests/fuzz/fuzz_irc.c $(FUZZ_DIALOGUE)
tests_fuzz_fuzz_irc_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_irc_LDADD = libengine.a
FUZZERS += tests/fuzz/fuzz_pptp
tests_fuzz_fuzz_pptp_SOURCES = tests/fuzz/fuzz_pptp.c $(FUZZ_DIALOGUE)
tests_fuzz_fuzz_pptp_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_pptp_LDADD = libengine.a
FUZZERS += tests/fuzz/fuzz_ras
tests_fuzz_fuzz_ras_SOURCES = tests/fuzz/fuzz_ras.c $(FUZZ_DIALOGUE)
tests_fuzz_fuzz_ras_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_ras_LDADD = libengine.a
FUZZERS += tests/fuzz/fuzz_rtsp
tests_fuzz_fuzz_rtsp_SOURCES = tests/fuzz/fuzz_rtsp.c $(FUZZ_DIALOGUE)
tests_fuzz_fuzz_rtsp_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_rtsp_LDADD = libengine.a
FUZZERS += tests/fuzz/fuzz_sip
tests_fuzz_fuzz_sip_SOURCES = tests/fuzz/fuzz_sip.c $(FUZZ_DIALOGUE)
tests_fuzz_fuzz_sip_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_sip_LDADD = libengine.a
FUZZERS += tests/fuzz/fuzz_tftp
tests_fuzz_fuzz_tftp_SOURCES = tests/fuzz/fuzz_tftp.c $(FUZZ_DIALOGUE)
tests_fuzz_fuzz_tftp_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_tftp_LDADD = libengine.a

FUZZERS += tests/fuzz/fuzz_stream
tests_fuzz_fuzz_stream_SOURCES = tests/fuzz/fuzz_stream.c tests/unit/recital.c tests/unit/recital.h $(FUZZ_MAIN)
tests_fuzz_fuzz_stream_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_stream_LDADD = libengine.a

# The parser's corpus is the golden rules files, good and bad: parser.sh names them.
check_PROGRAMS += tests/fuzz/fuzz_parser
tests_fuzz_fuzz_parser_SOURCES = tests/fuzz/fuzz_parser.c $(FUZZ_MAIN)
tests_fuzz_fuzz_parser_LDADD = libparser.a libengine.a
dist_check_SCRIPTS += tests/fuzz/parser.sh
TESTS += tests/fuzz/parser.sh

check_PROGRAMS += $(FUZZERS)
TESTS += $(FUZZERS)
EXTRA_DIST += tests/fuzz/make-corpus.py tests/fuzz/make-alg-corpus.py tests/fuzz/make-estate-corpus.py tests/fuzz/corpus
