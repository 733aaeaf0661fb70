# Golden rules files: canonical forms of good ones, exact diagnostics of bad ones, findings in others.
check_PROGRAMS += tests/rules/golden
tests_rules_golden_SOURCES = tests/rules/golden.c
tests_rules_golden_LDADD = libparser.a libengine.a
dist_check_SCRIPTS += tests/rules/run.sh tests/rules/hostile.py tests/rules/situations.py
TESTS += tests/rules/run.sh tests/rules/hostile.py tests/rules/situations.py
EXTRA_DIST += tests/rules/ok tests/rules/bad tests/rules/found tests/rules/failing tests/rules/explained tests/rules/parts tests/rules/situations

# The good ones of the situations are also what an administrator begins with.
examplesdir = $(docdir)/examples
examples_DATA = \
  tests/rules/situations/asymmetric.rules \
  tests/rules/situations/draining.rules \
  tests/rules/situations/home-gateway.rules \
  tests/rules/situations/office.rules \
  tests/rules/situations/server.rules
