# A simulated day: nothing that comes and goes leaves anything behind.
check_PROGRAMS += tests/soak/day
tests_soak_day_SOURCES = \
	tests/differential/dialogue.c \
	tests/differential/dialogue.h \
	tests/soak/day.c \
	tests/unit/build.c \
	tests/unit/build.h \
	tests/unit/rules_text.h
tests_soak_day_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_soak_day_LDADD = libparser.a libengine.a
dist_check_SCRIPTS += tests/soak/run.sh
TESTS += tests/soak/run.sh
