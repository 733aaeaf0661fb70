# bison and flex write beside their sources; both results are in the tarball.
AM_YFLAGS = -d -Wno-yacc
BUILT_SOURCES += src/parser/grammar.h

libparser_a_SOURCES += \
	src/parser/check.c \
	src/parser/check.h \
	src/parser/check_alg.c \
	src/parser/check_log.c \
	src/parser/check_moving.c \
	src/parser/check_options.c \
	src/parser/check_rules.c \
	src/parser/check_services.c \
	src/parser/check_sets.c \
	src/parser/check_tests.c \
	src/parser/check_times.c \
	src/parser/diagnostic.c \
	src/parser/diagnostic.h \
	src/parser/filter.c \
	src/parser/files.c \
	src/parser/files.h \
	src/parser/fragment.c \
	src/parser/fragment.h \
	src/parser/grammar.y \
	src/parser/lexer.l \
	src/parser/names.c \
	src/parser/names.h \
	src/parser/parser.h \
	src/parser/print.c \
	src/parser/query.c \
	src/parser/scanner.h \
	src/parser/source.c \
	src/parser/source.h \
	src/parser/syntax.c \
	src/parser/syntax.h \
	src/parser/words.c \
	src/parser/words.h
