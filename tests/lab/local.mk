# The real daemon between real hosts, in network namespaces; skipped without root. One at a time: they measure nothing,
# but each fills both processors.
check_PROGRAMS += tests/lab/attack
tests_lab_attack_SOURCES = tests/lab/attack.c tests/unit/build.c tests/unit/build.h
tests_lab_attack_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)

LAB_TESTS = \
	tests/lab/test_attacks.py \
	tests/lab/test_confirm.py \
	tests/lab/test_control.py \
	tests/lab/test_drills.py \
	tests/lab/test_drops.py \
	tests/lab/test_events.py \
	tests/lab/test_explain.py \
	tests/lab/test_failure.py \
	tests/lab/test_fastpath.py \
	tests/lab/test_ftp.py \
	tests/lab/test_gateway.py \
	tests/lab/test_h323.py \
	tests/lab/test_irc.py \
	tests/lab/test_reload.py \
	tests/lab/test_legacy.py \
	tests/lab/test_legacy_neighbours.py \
	tests/lab/test_lifecycle.py \
	tests/lab/test_log_places.py \
	tests/lab/test_monitoring.py \
	tests/lab/test_moving.py \
	tests/lab/test_nat.py \
	tests/lab/test_neighbours.py \
	tests/lab/test_netns.py \
	tests/lab/test_pptp.py \
	tests/lab/test_preflight.py \
	tests/lab/test_privileges.py \
	tests/lab/test_rtsp.py \
	tests/lab/test_sip.py \
	tests/lab/test_survival.py \
	tests/lab/test_survival_fast.py \
	tests/lab/test_siege.py \
	tests/lab/test_soak.py \
	tests/lab/test_systemd.py \
	tests/lab/test_tftp.py \
	tests/lab/test_top.py \
	tests/lab/test_tutorials.py
dist_check_SCRIPTS += $(LAB_TESTS)
EXTRA_DIST += tests/lab/alerts.yml tests/lab/bystander.py tests/lab/event_lab.py tests/lab/exposition.py tests/lab/h323_agent.py
EXTRA_DIST += tests/lab/lab.py tests/lab/misuse.py tests/lab/older.py tests/tutorial.py

# A clock on the wall that steps. Loaded before a daemon that may have a sanitizer's runtime of its own: it has none itself.
check_DATA = tests/lab/wall.so
tests/lab/wall.so: tests/lab/wall.c
	$(AM_V_CCLD)$(MKDIR_P) tests/lab && $(CC) -O2 -shared -fPIC -o $@ $(srcdir)/tests/lab/wall.c
EXTRA_DIST += tests/lab/wall.c
CLEANFILES += tests/lab/wall.so
TESTS += $(LAB_TESTS)
