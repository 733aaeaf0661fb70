# Figures, never tests; bench/README says what they mean.
EXTRA_PROGRAMS = bench/engine bench/classifier bench/blast bench/acceptall bench/fastpath
BENCH_RULES = tests/unit/random_rules.c tests/unit/random_rules.h
bench_engine_SOURCES = bench/engine.c tests/unit/allow_all.h $(BENCH_RULES) tests/unit/build.c tests/unit/build.h
bench_engine_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
bench_engine_LDFLAGS = $(LINK_FLAGS) $(LTO_LDFLAGS)
bench_engine_LDADD = libparser.a libengine.a
bench_classifier_SOURCES = bench/classifier.c $(BENCH_RULES)
bench_classifier_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
bench_classifier_LDADD = libparser.a libengine.a
bench_blast_SOURCES = bench/blast.c
bench_acceptall_SOURCES = bench/acceptall.c
bench_acceptall_LDADD = $(NFQ_LIBS) $(MNL_LIBS)
bench_fastpath_SOURCES = bench/fastpath.c tests/unit/allow_all.h tests/unit/build.c tests/unit/build.h
bench_fastpath_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
bench_fastpath_LDADD = $(tests_differential_fastpath_LDADD)
EXTRA_DIST += bench/README bench/check.py bench/gateways.py bench/report.py bench/run
CLEANFILES += bench/engine bench/classifier bench/blast bench/acceptall bench/fastpath

bench: bench/engine bench/classifier bench/blast bench/acceptall bench/fastpath spid spidctl
	bench/engine new 1000000
	$(PYTHON) $(srcdir)/bench/check.py ./spid
	bench/classifier
	-bench/fastpath 262144
	$(PYTHON) $(srcdir)/bench/run --build .
.PHONY: bench
