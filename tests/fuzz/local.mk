# Fuzz drivers: tests/fuzz/fuzz_NAME.c holds LLVMFuzzerTestOneInput, its corpus lies in tests/fuzz/corpus/NAME, and what
# it ever found in tests/bogons/NAME. `make check` runs both through a plain main. To search for more, with clang:
#   clang -g -O1 -fsanitize=fuzzer,address,undefined -Isrc tests/fuzz/fuzz_decode.c src/packet/*.c src/base/*.c
FUZZ_MAIN = tests/fuzz/run_corpus.c
FUZZERS =

FUZZERS += tests/fuzz/fuzz_decode
tests_fuzz_fuzz_decode_SOURCES = tests/fuzz/fuzz_decode.c $(FUZZ_MAIN)
tests_fuzz_fuzz_decode_LDADD = libengine.a

# The parser's corpus is the golden rules files, good and bad: parser.sh names them.
check_PROGRAMS += tests/fuzz/fuzz_parser
tests_fuzz_fuzz_parser_SOURCES = tests/fuzz/fuzz_parser.c $(FUZZ_MAIN)
tests_fuzz_fuzz_parser_LDADD = libparser.a libengine.a
dist_check_SCRIPTS += tests/fuzz/parser.sh
TESTS += tests/fuzz/parser.sh

check_PROGRAMS += $(FUZZERS)
TESTS += $(FUZZERS)
EXTRA_DIST += tests/fuzz/make-corpus.py tests/fuzz/corpus
