# Figures, never tests: `make bench` builds the engine's and runs it, and the checker's; bulk.py needs the lab.
EXTRA_PROGRAMS = bench/engine
bench_engine_SOURCES = bench/engine.c
bench_engine_LDADD = libengine.a
EXTRA_DIST += bench/bulk.py bench/check.py
CLEANFILES += bench/engine

bench: bench/engine spid
	bench/engine established 1000 3000000
	bench/engine established 100000 3000000
	bench/engine established 1000000 3000000
	bench/engine new 1000000
	$(PYTHON) $(srcdir)/bench/check.py ./spid
.PHONY: bench
