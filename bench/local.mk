# Figures, never tests: `make bench` builds the engine's and runs it, and the checker's; bulk.py needs the lab.
EXTRA_PROGRAMS = bench/engine bench/classifier bench/fastpath
BENCH_RULES = tests/unit/random_rules.c tests/unit/random_rules.h
bench_engine_SOURCES = bench/engine.c $(BENCH_RULES) tests/unit/build.c tests/unit/build.h
bench_engine_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
bench_engine_LDADD = libparser.a libengine.a
bench_classifier_SOURCES = bench/classifier.c $(BENCH_RULES)
bench_classifier_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
bench_classifier_LDADD = libparser.a libengine.a
bench_fastpath_SOURCES = bench/fastpath.c tests/unit/build.c tests/unit/build.h
bench_fastpath_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
bench_fastpath_LDADD = $(tests_differential_fastpath_LDADD)
EXTRA_DIST += bench/bulk.py bench/check.py
CLEANFILES += bench/engine bench/classifier bench/fastpath

bench: bench/engine bench/classifier bench/fastpath spid
	bench/engine established 1000 3000000
	bench/engine established 100000 3000000
	bench/engine established 1000000 3000000
	bench/engine new 1000000
	$(PYTHON) $(srcdir)/bench/check.py ./spid
	bench/engine rules 300000 10 1000 10000
	bench/classifier
	-bench/fastpath 262144
.PHONY: bench
