# Golden rules files: canonical forms of good ones, exact diagnostics of bad ones, findings in others.
check_PROGRAMS += tests/rules/golden
tests_rules_golden_SOURCES = tests/rules/golden.c
tests_rules_golden_LDADD = libparser.a libengine.a
dist_check_SCRIPTS += tests/rules/run.sh tests/rules/hostile.py
TESTS += tests/rules/run.sh tests/rules/hostile.py
EXTRA_DIST += tests/rules/ok tests/rules/bad tests/rules/found tests/rules/parts
