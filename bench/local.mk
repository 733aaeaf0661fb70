# Figures, never tests; bench/README says what they mean.
EXTRA_PROGRAMS = bench/engine bench/classifier bench/blast bench/acceptall
BENCH_RULES = tests/unit/random_rules.c tests/unit/random_rules.h
bench_engine_SOURCES = bench/engine.c $(BENCH_RULES) tests/unit/build.c tests/unit/build.h
bench_engine_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
bench_engine_LDADD = libparser.a libengine.a
bench_classifier_SOURCES = bench/classifier.c $(BENCH_RULES)
bench_classifier_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
bench_classifier_LDADD = libparser.a libengine.a
bench_blast_SOURCES = bench/blast.c
bench_acceptall_SOURCES = bench/acceptall.c
bench_acceptall_LDADD = $(NFQ_LIBS) $(MNL_LIBS)
EXTRA_DIST += bench/README bench/check.py bench/gateways.py bench/report.py bench/run
CLEANFILES += bench/engine bench/classifier bench/blast bench/acceptall

bench: bench/engine bench/classifier bench/blast bench/acceptall spid spidctl
	bench/engine new 1000000
	$(PYTHON) $(srcdir)/bench/check.py ./spid
	bench/classifier
	$(PYTHON) $(srcdir)/bench/run --build .
.PHONY: bench
